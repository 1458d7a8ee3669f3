"""Text messages, handed to a gateway of the operator's choice by one HTTP request made of templates.

Must not know how messages are worded, nor how a request is carried.
"""

import json
import re
from collections.abc import Callable, Mapping
from html import escape
from typing import Final
from urllib.parse import quote, quote_plus, urlsplit

from ostiary.accounts.messages import Message
from ostiary.api.secret import Secret
from ostiary.delivery.http import FORM, JSON, CannotReach, Outgoing
from ostiary.delivery.sending import DeliveryFailed, Postmark

_PLACEHOLDER: Final = re.compile(r"\{(to|text|token)\}")
"""Replaced in one go, so that a text with ``{token}`` in it stays as it is."""

_REFUSALS_TO_RETRY: Final = frozenset({401, 402, 403, 404, 405, 407, 408, 421, 425, 429})
"""Client errors that are about the account with the gateway, its settings here, or the moment: not the message."""

Escape = Callable[[str], str]


class SmsGateway:
    """Sends text messages. ``url``, ``headers`` and ``body`` are templates, and secret since they hold credentials.

    Placeholders in ``url`` and ``body``: ``{to}`` (digits with the country's code, without +), ``{text}`` (what
    ``render`` makes of the message) and ``{token}`` (its code alone; empty where it has none). Each is encoded for
    where it stands; in the body by the header Content-Type: JSON (inside of a string), form, XML; in others as it is.
    """

    def __init__(
        self, outgoing: Outgoing, method: str, url: Secret, headers: Mapping[str, Secret], body: Secret | None,
        render: Callable[[Message], str],
    ) -> None:  # fmt: skip
        self._outgoing = outgoing
        self._method = method
        self._url = url
        self._headers = dict(headers)
        self._body = body
        self._render = render
        self._escape = _escape_for(self._headers, body)

    async def aclose(self) -> None:
        """Let go of the connections to the gateway."""
        await self._outgoing.aclose()

    async def send(self, message: Message, postmark: Postmark) -> None:  # noqa: ARG002 - no place for it
        """Hand a message over. Raises DeliveryFailed."""
        code = message.values.get("code", message.values.get("token", ""))
        values = {"to": message.address, "text": self._render(message), "token": str(code)}
        url = _fill(self._url, values, lambda value: quote(value, safe=""))
        body = None if self._body is None else _fill(self._body, values, self._escape).encode()
        headers = [(name, value.reveal()) for name, value in self._headers.items()]
        try:
            answer = await self._outgoing.exchange(self._method, url, headers=headers, body=body)
        except CannotReach as error:
            raise DeliveryFailed(str(error), permanent=False) from None
        if not 200 <= answer.status < 300:
            permanent = 400 <= answer.status < 500 and answer.status not in _REFUSALS_TO_RETRY
            gateway = urlsplit(url).hostname
            raise DeliveryFailed(f"{gateway} answered with status {answer.status}", permanent=permanent)


def _fill(template: Secret, values: Mapping[str, str], encode: Escape) -> str:
    return _PLACEHOLDER.sub(lambda found: encode(values[found[1]]), template.reveal())


def _escape_for(headers: dict[str, Secret], body: Secret | None) -> Escape:
    """How to encode values in the body; a body without a type gets that of JSON or of a form, as it looks."""
    given = next((value.reveal() for name, value in headers.items() if name.lower() == "content-type"), None)
    if given is None and body is not None:
        given = JSON if body.reveal().lstrip().startswith(("{", "[")) and not _starts_with_placeholder(body) else FORM
        headers["Content-Type"] = Secret(given)
    kind = (given or "").partition(";")[0].strip().lower()
    if kind == JSON or kind.endswith("+json"):
        return lambda value: json.dumps(value)[1:-1]
    if kind == FORM:
        return quote_plus
    if kind.endswith("xml"):
        return escape
    return str


def _starts_with_placeholder(body: Secret) -> bool:
    return _PLACEHOLDER.match(body.reveal().lstrip()) is not None
