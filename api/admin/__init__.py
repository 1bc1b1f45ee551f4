"""The operators' pages at `/admin`: what is live, how the nights went, and the way back to an earlier generation."""

from api.admin import labels
from api.admin.pages import blueprint

__all__ = ["blueprint", "labels"]
