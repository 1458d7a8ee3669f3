"""Whose address a request comes from, where proxies stand before the server.

Only a proxy that the configuration names is believed, and of what it says only the part that no client can write: of
``X-Forwarded-For``, the last address that is not such a proxy itself. No other header says anything: whoever sets
``Forwarded`` or ``X-Real-IP`` is not asked.
"""

import ipaddress
from collections.abc import Iterable
from typing import Final

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Peer = tuple[str, int] | None
"""Who connected: address and port, or None where a Unix socket was the way."""

UNIX_PEER: Final = "unix"
"""Stands for the address of whoever came by a Unix socket and says of nobody else to speak for."""

_MAPPED: Final = "::ffff:"
"""How an IPv4 address begins that came to a listener for IPv6."""


class ClientAddresses:
    """Tells the client's address. ``trusted``: the networks of proxies that are believed.

    ``by_socket``: whether those are believed who come by a Unix socket, which only a proxy can open.
    """

    def __init__(self, trusted: Iterable[str], *, by_socket: bool = False) -> None:
        self._trusted: tuple[Network, ...] = tuple(ipaddress.ip_network(network) for network in trusted)
        self._by_socket = by_socket

    def trusts(self, peer: Peer) -> bool:
        """Whether this peer is a proxy that is believed."""
        return self._is_trusted(address_of(peer))

    def of(self, peer: str, forwarded: bytes) -> str:
        """The client's address. ``peer``: who connected; ``forwarded``: the header's value."""
        if not self._is_trusted(peer):
            return peer
        address = peer
        for hop in reversed(forwarded.decode("latin-1").split(",")):
            told = _bare(hop.strip())
            if told is None:
                return address  # what stands before it was not written by a proxy of ours
            address = told
            if not self._is_trusted(address):
                return address
        return address

    def _is_trusted(self, address: str) -> bool:
        if address == UNIX_PEER:
            return self._by_socket
        if not self._trusted:
            return False
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


def address_of(peer: Peer) -> str:
    """The address of whoever connected, an IPv4 address always as one."""
    if peer is None:
        return UNIX_PEER
    address = peer[0]
    return _unmapped(address) if address.startswith(_MAPPED) else address


def _unmapped(address: str) -> str:
    try:
        mapped = ipaddress.IPv6Address(address).ipv4_mapped
    except ValueError:
        return address
    return address if mapped is None else str(mapped)


def _bare(hop: str) -> str | None:
    """An address without its port; None where it is none."""
    candidates = (hop, hop[1:].partition("]")[0] if hop.startswith("[") else hop.rpartition(":")[0])
    for candidate in candidates:
        try:
            return _unmapped(str(ipaddress.ip_address(candidate)))
        except ValueError:
            continue
    return None
