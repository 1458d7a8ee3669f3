"""Which addresses a request may go to whose host a client has named: those that anybody on the internet could reach.

Otherwise a client could have this server ask what only this server can reach: the database beside it, the metadata of
its cloud. A name is resolved once, and the connection goes to the very address that was judged; to judge a name and
then connect to the name would let its owner answer differently the second time. Must not know HTTP.
"""

import asyncio
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

_PROTOCOL_ASSIGNMENTS: Final = IPv4Network("192.0.0.0/24")
"""Of which Python, by its version, takes some or all for global."""
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")
"""Holds an IPv4 address that a relay may unpack; nobody has one today."""
_NAT64: Final = IPv6Network("64:ff9b::/96")
"""Holds an IPv4 address that the gateway of a network with IPv6 only unpacks."""


class NotPublic(Exception):
    """The host has an address that a client may not name."""


class NoAddress(Exception):
    """The host has no address at all."""


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anybody on the internet could reach this address; an IPv4 address inside an IPv6 one is what counts."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        return address in _GLOBAL_UNICAST and address not in _SIX_TO_FOUR and address.is_global
    if address in _PROTOCOL_ASSIGNMENTS:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


async def addresses_of(host: str, port: int, *, allow_private: bool) -> tuple[str, ...]:
    """The addresses of a host, all of them public, or any. ``host``: a name or an address without brackets.

    Raises NotPublic where one is not (a name with both kinds is a trap, or a mistake), NoAddress where there is none.
    """
    loop = asyncio.get_running_loop()
    try:  # the resolver even for what looks like an address: it reads 127.1 and 0x7f000001 as such, ipaddress does not
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # the latter: a label that is empty or over 63 characters
        raise NoAddress from None
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses:
        raise NoAddress
    if not allow_private and not all(is_public(ip_address(address)) for address in addresses):
        raise NotPublic
    return addresses
