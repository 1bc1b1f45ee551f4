"""The HTTP layer's branch of the error tree.

LookalikeError
├── ApiError
│   ├── BadRequest       a field is missing, unknown or of the wrong kind; names the field
│   ├── Unauthorized     API keys are in use, and this request carries no valid one
│   ├── Forbidden        the key's scope does not cover this request
│   │   └── ForeignPage  a page of another site tried to change something
│   ├── UnknownPhoto     no photo of this photo_id is kept, or no longer
│   ├── OnlySearches     a searcher was asked for what is the writer's, and does not know the writer
│   ├── ReleaseNotHere   a cursor is of a release that this searcher does not have yet
│   ├── WrongHost        the request names a host that is not this server
│   └── RateLimited      too many requests from one key or address
├── ClientError          a server refused a call of `lookalike.Client`, or did not answer
└── ServerError          the server cannot start
"""

from data.errors import LookalikeError


class ApiError(LookalikeError):
    code = "bad_request"


class BadRequest(ApiError):
    """A request that breaks a rule of the HTTP contract.

    Attributes:
        field: the field, part or parameter that is wrong; empty if the request as a whole is wrong.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Unauthorized(ApiError):
    """API keys are in use, and the request carries no valid one."""

    code = "unauthorized"


class Forbidden(ApiError):
    """The key's scope does not cover the request."""

    code = "forbidden"


class ForeignPage(Forbidden):
    """A page of another site tried to change something on a server without API keys."""

    code = "foreign_page"


class UnknownPhoto(ApiError):
    """No photo of this `photo_id` is kept, or no longer."""

    code = "unknown_photo"


class OnlySearches(ApiError):
    """A searcher was asked for what the writer does, and does not know where the writer is."""

    code = "only_searches"


class ReleaseNotHere(ApiError):
    """A cursor is of a release that another searcher has already, and this one not yet."""

    code = "release_not_here"


class WrongHost(ApiError):
    """The request's Host header does not name this server; see the setting `allowed_hosts`."""

    code = "wrong_host"


class RateLimited(ApiError):
    """Too many requests from one key or address.

    Attributes:
        retry_after_s: whole seconds after which one more request will be allowed.
    """

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ServerError(LookalikeError):
    code = "server"


class ClientError(LookalikeError):
    """A server refused a call of the client, or did not answer.

    Attributes:
        status: the HTTP status; 0: there was no answer.
        title, detail: what the server says went wrong, and what to do.
        code: stable name of the error; "no_answer" or "error" where the server gave none.
    """

    def __init__(self, *, status: int, title: str, detail: str, code: str = "") -> None:
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail
        self.code = code or ("error" if status else "no_answer")
