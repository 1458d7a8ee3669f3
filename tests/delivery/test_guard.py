"""Hosts that a client names: only those that anybody could reach."""

import socket
from ipaddress import ip_address
from typing import Any

import pytest

from ostiary.delivery.guard import is_public
from ostiary.delivery.http import CannotReach, Outgoing
from tests.delivery.doubles import Reply, make_outgoing, serving

PRIVATE = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1", "192.0.0.8",
    "192.0.2.1", "192.168.1.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "fc00::1",
    "fd00:ec2::254", "fe80::1", "fe80::1%1", "fec0::1", "ff02::1", "ff0e::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST", "127.0.0.1", "127.1", "0x7f000001", "2130706433", "0", "0.0.0.0",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]", "[::1]", "user:pass@localhost",
    ],
)  # fmt: skip
async def test_no_spelling_of_this_machine_is_connected_to(outgoing: Outgoing, host: str) -> None:
    with serving(Reply({})) as double, pytest.raises(CannotReach, match=r"not public|cannot be found|URL is"):
        await outgoing.exchange("GET", f"http://{host}:{double.server_port}/", guarded=True)
    assert double.asked == []


async def test_a_host_of_the_operator_may_be_this_machine(outgoing: Outgoing) -> None:
    with serving(Reply({})) as double:
        answer = await outgoing.exchange("GET", double.url)
    assert answer.status == 200


async def test_private_addresses_can_be_allowed() -> None:
    outgoing = make_outgoing(allow_private=True)
    with serving(Reply({})) as double:
        await outgoing.exchange("GET", f"http://localhost:{double.server_port}/a", guarded=True)
        await outgoing.exchange("GET", f"http://127.0.0.1:{double.server_port}/b", guarded=True)
    assert [asked.headers["host"].partition(":")[0] for asked in double.asked] == ["localhost", "127.0.0.1"]
    await outgoing.aclose()


async def test_a_name_without_an_address_cannot_be_found(outgoing: Outgoing) -> None:
    with pytest.raises(CannotReach, match=r"nobody.invalid cannot be found"):
        await outgoing.exchange("GET", "http://nobody.invalid/", guarded=True)
    with pytest.raises(CannotReach, match=r"cannot be found|URL is"):
        await outgoing.exchange("GET", f"http://{'a' * 64}.invalid/", guarded=True)


class Names:
    """What the resolver says, in turn; the last for ever. No name server of a test could be asked instead."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def getaddrinfo(self, host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in answer
        ]


async def test_the_connection_goes_to_the_address_that_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(["127.0.0.1"], ["192.0.2.1"])
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    outgoing = make_outgoing(allow_private=True)
    with serving(Reply({})) as double:
        await outgoing.exchange("GET", f"http://rebinding.example:{double.server_port}/", guarded=True)
        assert double.asked[0].headers["host"] == f"rebinding.example:{double.server_port}"
    assert names.asked == ["rebinding.example"]
    await outgoing.aclose()


async def test_a_name_is_judged_each_time_it_is_used(monkeypatch: pytest.MonkeyPatch, outgoing: Outgoing) -> None:
    names = Names(["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    for _ in range(2):
        with pytest.raises(CannotReach, match=r"mixed.example has an address that is not public"):
            await outgoing.exchange("GET", "http://mixed.example/", guarded=True)
    assert len(names.asked) == 2


async def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(["127.0.0.2", "127.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    outgoing = make_outgoing(allow_private=True)
    with serving(Reply({})) as double:
        url = f"http://two.example:{double.server_port}/"
        answer = await outgoing.exchange("POST", url, body=b"x", guarded=True)
    assert answer.status == 200
    assert [asked.body for asked in double.asked] == [b"x"]
    await outgoing.aclose()
