"""Whose address a request comes from, where proxies stand before the server.

Only a proxy that the configuration names is believed, and of what it says only the part that no client can write: of
``X-Forwarded-For``, the last address that is not such a proxy itself.
"""

import ipaddress
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ClientAddresses:
    """Tells the client's address. ``trusted``: the networks of proxies that are believed."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted: tuple[Network, ...] = tuple(ipaddress.ip_network(network) for network in trusted)

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
        if not self._trusted:
            return False
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


def _bare(hop: str) -> str | None:
    """An address without its port; None where it is none."""
    candidates = (hop, hop[1:].partition("]")[0] if hop.startswith("[") else hop.rpartition(":")[0])
    for candidate in candidates:
        try:
            return str(ipaddress.ip_address(candidate))
        except ValueError:
            continue
    return None
