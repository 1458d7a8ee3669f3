"""Values of the configuration that are tables themselves: a policy, a contact. Read from TOML, and written back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """A policy; ``translations``: name and URL by language."""

    policy_id: str
    version: str
    translations: Mapping[str, tuple[str, str]]


def read_policy(table: Mapping[str, Any]) -> PolicyConfig:
    """A policy of its table. Raises ValueError, KeyError, TypeError."""
    translations = {
        language: (_text(one["name"]), _text(one["url"]))
        for language, one in table.items()
        if language not in ("id", "version")
    }
    if not translations or not all(url.startswith(("http://", "https://")) for _, url in translations.values()):
        raise ValueError
    return PolicyConfig(_text(table["id"]), _text(table["version"]), translations)


def policy_table(policy: PolicyConfig) -> dict[str, Any]:
    """The table of a policy."""
    named = {language: {"name": name, "url": url} for language, (name, url) in policy.translations.items()}
    return {"id": policy.policy_id, "version": policy.version, **named}


@dataclass(frozen=True, slots=True)
class ContactConfig:
    """Somebody to turn to."""

    role: str
    matrix_id: str | None
    email_address: str | None


def read_contact(table: Mapping[str, Any]) -> ContactConfig:
    """A contact of its table. Raises ValueError, KeyError, TypeError."""
    contact = ContactConfig(_text(table["role"]), table.get("matrix_id"), table.get("email_address"))
    if set(table) - {"role", "matrix_id", "email_address"} or not (contact.matrix_id or contact.email_address):
        raise ValueError
    return contact


def contact_table(contact: ContactConfig) -> dict[str, str]:
    """The table of a contact."""
    told = {"role": contact.role, "matrix_id": contact.matrix_id, "email_address": contact.email_address}
    return {name: value for name, value in told.items() if value}


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value
