"""Reads the registration files of application services, as bridges write them.

Spec: application service API, "Registration". Keys that are not about users are passed over.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from ostiary.accounts.appservices import Appservice, Namespace
from ostiary.accounts.tokens import digest_of
from ostiary.api.identifiers import Localpart, ServerName, make_user_id, parse_user_id
from ostiary.api.secret import Secret
from ostiary.config import ConfigError

_KEY: Final = "appservices.files"


def load_appservices(files: Iterable[str], server_name: ServerName) -> tuple[Appservice, ...]:
    """Read the files. Raises ConfigError, which names the file, the key and what is allowed, never a token."""
    found: list[Appservice] = []
    problems: list[str] = []
    for file in files:
        try:
            one = _appservice(_read(Path(file)), server_name)
            _ensure_unlike(one, found)
            found.append(one)
        except ValueError as error:
            problems.append(f"{_KEY}: {file}: {error}")
    if problems:
        raise ConfigError(problems)
    return tuple(found)


def _read(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ValueError(f"is not YAML{f', line {mark.line + 1}' if mark else ''}") from None
    if not isinstance(content, dict):
        raise ValueError("must be a YAML mapping")  # noqa: TRY004 - every refusal of a file is one
    return content


def _appservice(content: Mapping[str, Any], server_name: ServerName) -> Appservice:
    sender = _text(content, "sender_localpart")
    try:
        parse_user_id(make_user_id(sender, server_name))
    except ValueError as error:
        raise ValueError(f"sender_localpart: {error}") from None
    namespaces = content.get("namespaces") or {}
    if not isinstance(namespaces, dict):
        raise ValueError("namespaces: must be a mapping with users, aliases, rooms")  # noqa: TRY004
    limited = content.get("rate_limited", True)
    return Appservice(
        appservice_id=_text(content, "id"),
        url=_url(content),
        token_digest=digest_of(_text(content, "as_token")),
        hs_token=Secret(_text(content, "hs_token")),
        sender=Localpart(sender),
        users=tuple(_namespace(one) for one in namespaces.get("users") or ()),
        rate_limited=limited is not False,
    )


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name}: must be a text, and is missing or something else")
    return value


def _url(content: Mapping[str, Any]) -> str | None:
    url = content.get("url")
    if url is None or url == "":
        return None
    if not isinstance(url, str) or not re.fullmatch(r"https?://[^\s?#]+", url):
        raise ValueError("url: must be an http or https URL, or null")
    return url.rstrip("/")


def _namespace(one: object) -> Namespace:
    if not isinstance(one, dict) or not isinstance(one.get("regex"), str):
        raise ValueError("namespaces.users: must be a list of mappings with regex and exclusive")  # noqa: TRY004
    if not isinstance(one.get("exclusive"), bool):
        raise ValueError("namespaces.users: exclusive must be true or false")  # noqa: TRY004
    try:
        return Namespace(re.compile(one["regex"]), one["exclusive"])
    except re.error as error:
        raise ValueError(f"namespaces.users: regex = {one['regex']!r}: is no regular expression: {error}") from None


def _ensure_unlike(one: Appservice, others: Iterable[Appservice]) -> None:
    for other in others:
        if one.appservice_id == other.appservice_id:
            raise ValueError(f"id = {one.appservice_id!r}: another file has the same")
        if one.token_digest == other.token_digest:
            raise ValueError("as_token: another file has the same")
        if one.sender == other.sender:
            raise ValueError(f"sender_localpart = {one.sender!r}: another file has the same")
