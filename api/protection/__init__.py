"""Who may call what, from which pages, and the headers that tell a browser what a page of this server may do."""

from api.protection.foreign_pages import refuse_foreign_pages
from api.protection.guard import (
    ADMIN,
    SESSION_COOKIE,
    WATCH,
    caller_address,
    check_scopes,
    covers_admin,
    is_allowed,
    require,
    scope_of,
)
from api.protection.headers import SECURITY_HEADERS, add_headers
from api.protection.other_origins import allow_other_origins

__all__ = [
    "ADMIN",
    "SECURITY_HEADERS",
    "SESSION_COOKIE",
    "WATCH",
    "add_headers",
    "allow_other_origins",
    "caller_address",
    "check_scopes",
    "covers_admin",
    "is_allowed",
    "refuse_foreign_pages",
    "require",
    "scope_of",
]
