"""The two faces say the same, and what they say of themselves is right."""

import inspect
import pydoc
import re
from typing import Any

import pytest

import ostiary.client
from ostiary.client import (
    AppserviceClient,
    AppserviceUser,
    AsyncAppserviceClient,
    AsyncAppserviceUser,
    AsyncClient,
    AsyncRequestQueue,
    AsyncSession,
    Client,
    RequestQueue,
    Session,
)
from ostiary.client.paging import AsyncPages, Pages
from ostiary.client.sending import AsyncSends, Sends

PAIRS = [
    (Client, AsyncClient),
    (Session, AsyncSession),
    (AppserviceClient, AsyncAppserviceClient),
    (AppserviceUser, AsyncAppserviceUser),
    (Sends, AsyncSends),
]

AT_ONCE = {"restore", "sso_url", "as_user", "prepare", "queue", "pages"}
"""The methods that wait for nothing, on either face."""


def members(kind: type) -> dict[str, Any]:
    return {name: inspect.getattr_static(kind, name) for name in dir(kind) if not name.startswith("_")}


@pytest.mark.parametrize(("sync", "asynchronous"), PAIRS)
def test_same_names_signatures_and_documentation(sync: type, asynchronous: type) -> None:
    ours, theirs = members(sync), members(asynchronous)
    assert ours.keys() == theirs.keys()
    for name, member in ours.items():
        other = theirs[name]
        assert inspect.getdoc(member), name
        assert str(inspect.getdoc(member)).replace("Async", "") == str(inspect.getdoc(other)).replace("Async", ""), name
        if isinstance(member, property):
            continue
        function = getattr(member, "__func__", member)
        other_function = getattr(other, "__func__", other)
        assert _signature(function) == _signature(other_function), name
        assert not inspect.iscoroutinefunction(function)
        assert inspect.iscoroutinefunction(other_function) == (name not in AT_ONCE), name


@pytest.mark.parametrize(("sync", "asynchronous"), [(RequestQueue, AsyncRequestQueue), (Pages, AsyncPages)])
def test_same_names(sync: type, asynchronous: type) -> None:
    assert members(sync).keys() == members(asynchronous).keys()


def _signature(function: Any) -> str:
    text = re.sub(
        r"Async(Client|Session|Transport|World|AppserviceUser|RequestQueue|Pages)",
        r"\1",
        str(inspect.signature(function)),
    )
    return re.sub(r"ostiary\.client\.(?:a?sync_)?", "", text).replace("SyncTransport", "Transport")


@pytest.mark.parametrize("kind", [kind for pair in PAIRS for kind in pair])
def test_methods_know_their_own_names_and_places(kind: type) -> None:
    for name, member in members(kind).items():
        function = getattr(member, "__func__", member)
        if not inspect.isfunction(function):
            continue
        owner = next(one for one in kind.__mro__ if name in vars(one))
        assert function.__name__ == name
        assert function.__qualname__ == f"{owner.__qualname__}.{name}"
        assert function.__module__ == owner.__module__
        assert next(iter(inspect.signature(function).parameters)) in ("self", "cls")
        assert "Generator" not in str(inspect.signature(function)), name


@pytest.mark.parametrize("kind", [Client, AsyncClient, AppserviceClient, AsyncAppserviceClient])
def test_every_way_to_a_client_takes_the_same_options(kind: Any) -> None:
    options = _options(kind.__init__)
    assert options.pop("world")  # for tests, which know where the server is
    assert set(options) == {"store", "transport", "retries", "timeouts", "on_soft_logout"}
    if hasattr(kind, "discover"):
        assert _options(kind.discover) == options


@pytest.mark.parametrize("kind", [Client, AsyncClient, AppserviceClient, AsyncAppserviceClient])
def test_every_way_to_a_stored_session_takes_the_same_options(kind: Any) -> None:
    assert _options(kind.resume) == _options(kind.restore)
    assert set(_options(kind.resume)) == {"legacy_refresh", "on_soft_logout"}


def _options(function: Any) -> dict[str, str]:
    parameters = inspect.signature(function).parameters.values()
    return {one.name: str(one) for one in parameters if one.kind is inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize(("kind", "session"), [(Client, "Session"), (AsyncClient, "AsyncSession")])
def test_help_shows_arguments_and_answer(kind: Any, session: str) -> None:
    text = pydoc.plain(pydoc.render_doc(kind.login))
    assert "login(" in text
    assert "user: str | ostiary.api.users.UserIdentifier, password: str | ostiary.api.secret.Secret" in text
    assert f"-> '{session}'" in text
    assert "Log in with a password." in text
    assert inspect.signature(kind.is_available).return_annotation is bool
    assert inspect.signature(kind.reset_password_by_email).return_annotation is None
    assert inspect.get_annotations(kind.is_available) == {"username": str, "return": bool}


def test_every_exported_name_is_there() -> None:
    for name in ostiary.client.__all__:
        assert getattr(ostiary.client, name)
    assert list(ostiary.client.__all__) == sorted(ostiary.client.__all__)
