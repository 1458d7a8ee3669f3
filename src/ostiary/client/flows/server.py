"""Asking a server about itself: what it speaks, whom to turn to, whether a name or an invitation is good."""

from collections.abc import Sequence
from typing import TypeVar

from ostiary.api.endpoint import Endpoint, Struct
from ostiary.api.errors import NotFound, NotMatrix, UserInUse
from ostiary.api.login import GetLoginFlows, LoginFlow
from ostiary.api.registration import CheckUsernameAvailability
from ostiary.api.registration_tokens import IsRegistrationTokenValid
from ostiary.api.secret import Secret
from ostiary.api.support import GetSupport, Support
from ostiary.api.versions import GetVersions
from ostiary.api.wellknown import Discovery, GetWellKnownClient
from ostiary.client.client_core import ClientCore
from ostiary.client.given import secret
from ostiary.client.steps import Flow

R = TypeVar("R", bound=Struct)


def send(core: ClientCore, request: Endpoint[R]) -> Flow[R]:
    """Make any call of the contract that needs no session."""
    return core.send(request)


def versions(core: ClientCore) -> Flow[Sequence[str]]:
    """Which versions of the specification the server speaks."""
    return (yield from core.send(GetVersions())).versions


def login_flows(core: ClientCore) -> Flow[Sequence[LoginFlow]]:
    """Which ways there are to log in, as data for whoever shows them.

    On ``m.login.sso``, ``identity_providers`` are those that a person can choose from; ``login_by_browser`` and
    ``sso_url`` take the ID of one.
    """
    return (yield from core.send(GetLoginFlows())).flows


def is_available(core: ClientCore, username: str) -> Flow[bool]:
    """Whether a name is free. Raises InvalidUsername, Exclusive for one that can never be had."""
    try:
        answer = yield from core.send(CheckUsernameAvailability(username=username))
    except UserInUse:
        return False
    return answer.available is not False


def is_registration_token_valid(core: ClientCore, token: str | Secret) -> Flow[bool]:
    """Whether one could register with this token just now. Raises Forbidden where the server has none."""
    return (yield from core.send(IsRegistrationTokenValid(token=secret(token)))).valid


def support(core: ClientCore) -> Flow[Support]:
    """Whom to turn to when something is wrong with the server. Raises NotFound where it does not say."""
    return _published(core, GetSupport())


def well_known(core: ClientCore) -> Flow[Discovery]:
    """What the server says about where it and its identity server are. Raises NotFound where it does not say."""
    return _published(core, GetWellKnownClient())


def _published(core: ClientCore, request: Endpoint[R]) -> Flow[R]:
    """A document of the domain, which any web server may serve: one without it says so with a page of its own."""
    try:
        return (yield from core.send(request))
    except NotMatrix as error:
        if error.status != NotFound.status:
            raise
        raise NotFound("The server does not say") from error
