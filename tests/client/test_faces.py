"""The two faces say the same."""

import inspect
import re
from typing import Any

import pytest

import ostiary.client
from ostiary.client import AsyncClient, AsyncRequestQueue, AsyncSession, Client, RequestQueue, Session
from ostiary.client.paging import AsyncPages, Pages
from ostiary.client.sending import AsyncSends, Sends

PAIRS = [(Client, AsyncClient), (Session, AsyncSession), (Sends, AsyncSends)]

WITHOUT_WAITING = {"restore", "queue", "pages"}


def members(kind: type) -> dict[str, Any]:
    return {name: member for name, member in vars(kind).items() if not name.startswith("_")}


@pytest.mark.parametrize(("sync", "asynchronous"), PAIRS)
def test_same_names_signatures_and_documentation(sync: type, asynchronous: type) -> None:
    ours, theirs = members(sync), members(asynchronous)
    assert ours.keys() == theirs.keys()
    for name, member in ours.items():
        other = theirs[name]
        assert inspect.getdoc(member) == inspect.getdoc(other), name
        if isinstance(member, property):
            continue
        function = getattr(member, "__func__", member)
        other_function = getattr(other, "__func__", other)
        assert _signature(function) == _signature(other_function), name
        assert not inspect.iscoroutinefunction(function)
        assert inspect.iscoroutinefunction(other_function) == (name not in WITHOUT_WAITING), name


@pytest.mark.parametrize(("sync", "asynchronous"), [(RequestQueue, AsyncRequestQueue), (Pages, AsyncPages)])
def test_same_names(sync: type, asynchronous: type) -> None:
    assert members(sync).keys() == members(asynchronous).keys()


def _signature(function: Any) -> str:
    text = str(inspect.signature(function))
    text = text.replace("async_queues", "queues")
    return re.sub(r"Async(Client|Session|Transport|World|RequestQueue|Pages)", r"\1", text).replace(
        "SyncTransport", "Transport"
    )


def test_every_exported_name_is_there() -> None:
    for name in ostiary.client.__all__:
        assert getattr(ostiary.client, name)
    assert list(ostiary.client.__all__) == sorted(ostiary.client.__all__)
