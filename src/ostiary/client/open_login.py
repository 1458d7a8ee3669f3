"""A login of a type that the contract does not know: the whole body is the caller's."""

from typing import Any

from ostiary.api.endpoint import AsBody, Endpoint
from ostiary.api.login import Login, LoginResponse


class OpenLogin(Endpoint[LoginResponse], frozen=True, kw_only=True):
    """Log in by whatever ``content`` says."""

    meta = Login.meta
    content: AsBody[dict[str, Any]]

    def __repr__(self) -> str:
        return "OpenLogin(…)"  # what it holds may be secrets
