"""A mail put together: headers and bodies, from a message in words. Must not know how it is carried or kept.

The addresses come from people; that none of them ends a header is seen to here, by the standard library's own types.
"""

import re
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final
from urllib.parse import urlsplit

from ostiary.delivery.sending import DeliveryFailed, Postmark
from ostiary.delivery.templates import Rendered

_NO_ADDRESS: Final = "is not a mail address, or one with a name as in 'Ostiary <accounts@example.org>'"

_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7f]")


def parse_sender(text: str) -> Address:
    """The address that mails come from, alone or with a display name. Raises ValueError."""
    if not text.isprintable():
        raise ValueError(f"The sender's address {text!r} {_NO_ADDRESS}")
    header = SMTP.header_factory("From", text)
    addresses: tuple[Address, ...] = getattr(header, "addresses", ())
    if len(addresses) != 1 or header.defects or not addresses[0].username or not addresses[0].domain:
        raise ValueError(f"The sender's address {text!r} {_NO_ADDRESS}")
    return _with_ascii_domain(addresses[0])


def parse_recipient(text: str) -> Address:
    """The address that a mail goes to. Raises DeliveryFailed, for ever, where it is none."""
    local, _, domain = text.rpartition("@")
    try:
        # Letters beyond ASCII may stand in a local part (RFC 6531), but the standard library's parser knows none.
        address = Address(addr_spec=f"{_BEYOND_ASCII.sub('x', local)}@{_BEYOND_ASCII.sub('x', domain)}")
        if text.isprintable() and address.username and address.domain and (text.isascii() or '"' not in local):
            return _with_ascii_domain(Address(username=local, domain=domain) if not text.isascii() else address)
    except (ValueError, IndexError, MessageError):  # IndexError: what the standard library says of some texts
        pass
    raise DeliveryFailed("The recipient's address is not a mail address", permanent=True)


def _with_ascii_domain(address: Address) -> Address:
    """The same address with its host name in ASCII, which every mail server takes. Raises ValueError."""
    if address.domain.isascii():
        return address
    domain = address.domain.encode("idna").decode("ascii")
    return Address(address.display_name, address.username, domain)


def host_of(server_name: str) -> str:
    """The host in a server's name, without port; an IPv6 address as mail has it."""
    host = urlsplit(f"//{server_name}").hostname or "localhost"
    return f"[IPv6:{host}]" if ":" in host else host


def compose(rendered: Rendered, sender: Address, recipient: Address, postmark: Postmark, *, host: str) -> EmailMessage:
    """A mail with its text and, if there is one, its page. ``host``: the right side of its Message-ID."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = recipient
    mail["Subject"] = rendered.subject
    mail["Date"] = datetime.fromtimestamp(postmark.at // 1000, UTC)
    mail["Message-ID"] = f"<{postmark.unique.hex()}@{host}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"  # what Exchange looks at instead
    mail.set_content(rendered.text)
    if rendered.html:
        mail.add_alternative(rendered.html, subtype="html")
    return mail
