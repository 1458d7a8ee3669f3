"""What people are told by mail or text message: which message, to whom, with what in it.

A message is put into the outbox in the transaction of what caused it, and carried from there to whoever delivers it.
Must not know how it is worded (``delivery``) or carried.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Medium(StrEnum):
    """The kinds of third-party identifier, as they are named on the wire."""

    EMAIL = "email"
    MSISDN = "msisdn"


class MessageKind(StrEnum):
    """What a message is about; each has its templates. In brackets: what it is told, besides ``server_name``.

    The validations hold a ``link`` (mail only) and a ``code``, and say for how many ``minutes`` they are good.
    """

    VALIDATE_TO_REGISTER = "validate_to_register"
    """[link, code, minutes]"""
    VALIDATE_TO_ADD = "validate_to_add"
    """[link, code, minutes]"""
    VALIDATE_TO_RESET_PASSWORD = "validate_to_reset_password"
    """[link, code, minutes]"""
    ALREADY_REGISTERED = "already_registered"
    """Somebody has tried to register with, or to add, an address that an account has. [user_id]"""
    NO_ACCOUNT = "no_account"
    """Somebody has asked for a new password for an address that no account has. []"""
    SIGNED_IN = "signed_in"
    """[user_id, device, address, when]"""
    PASSWORD_CHANGED = "password_changed"
    """[user_id, address, when]"""
    ADDRESS_ADDED = "address_added"
    """[user_id, medium, added, when]"""
    ADDRESS_REMOVED = "address_removed"
    """[user_id, medium, removed, when]"""
    INVITATION = "invitation"
    """[link, token, name (may be empty), days]"""
    APPROVED = "approved"
    """[user_id]"""
    REJECTED = "rejected"
    """[user_id]"""
    ABOUT_TO_EXPIRE = "about_to_expire"
    """[user_id, when]"""


@dataclass(frozen=True, slots=True)
class Message:
    """A message to be sent.

    ``address``: a mail address, or a phone number as digits with the country's code and without ``+``. ``values``: what
    its template shows, which may hold the secret of a validation. ``language``: the reader's, as in ``de`` or
    ``pt-BR``; empty where it is not known.
    """

    kind: MessageKind
    medium: Medium
    address: str
    values: Mapping[str, str | int] = field(repr=False)
    language: str = ""
