"""How a request proves who sends it. Each endpoint declares one of these; there is no default.

The client reads it to know whether to attach its token, the server to know whether to look for one. Must not know
how a token is looked up.
"""

from msgspec import Struct


class NoToken(Struct, frozen=True, kw_only=True):
    """No token is needed; one that is sent all the same is not looked at, even when it is dead.

    ``appservices``: whether that of an application service is looked at.
    """

    appservices: bool = False


class AccessToken(Struct, frozen=True, kw_only=True):
    """An access token is needed: M_MISSING_TOKEN without one, M_UNKNOWN_TOKEN with a dead one.

    ``guests``: whether a guest's token will do; otherwise a guest gets M_GUEST_ACCESS_FORBIDDEN.
    ``locked``: whether the call stays open to a locked account (only logging out does).
    ``suspended``: whether it stays open to a suspended one; otherwise that gets M_USER_SUSPENDED.
    ``admin``: whether the account must be an administrator's; any other, and any application service, gets M_FORBIDDEN.
    """

    guests: bool = False
    locked: bool = False
    suspended: bool = True
    admin: bool = False


class OptionalToken(Struct, frozen=True, kw_only=True):
    """A token may be sent. One that is sent must be good, unless ``lenient``: then a dead one counts as none."""

    lenient: bool = False


Authentication = NoToken | AccessToken | OptionalToken
