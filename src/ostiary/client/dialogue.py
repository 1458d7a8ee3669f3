"""Interactive authentication as a value: what was asked for and how far things are, to be stored and gone on with.

A dialogue outlives the process that began it: a web backend keeps it between two pages, a bot until its user has
answered. Must not know how stages are answered.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar
from urllib.parse import unquote, urlencode

from ostiary.api.codec import build_request, encode_request
from ostiary.api.endpoint import UNSET, Endpoint, Struct
from ostiary.api.secret import Secret
from ostiary.api.uia import AuthProgress, Flow

R = TypeVar("R", bound=Struct)

EMAIL: Final = "email"
MSISDN: Final = "msisdn"


@dataclass(frozen=True, slots=True)
class Validation:
    """A proof under way that somebody reads a mail address or phone number. ``medium``: ``email`` or ``msisdn``.

    ``sid`` and ``client_secret`` prove it later; ``submit_url``: where a code is sent that the person types in, None
    where the person follows a link and needs no client. ``country``: in which ``address`` is dialed, for a phone.
    """

    medium: str
    address: str
    sid: str
    client_secret: Secret
    submit_url: str | None = field(default=None, repr=False)
    country: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The validation with its secret in clear, for a store."""
        return {
            "medium": self.medium, "address": self.address, "sid": self.sid,
            "client_secret": self.client_secret.reveal(), "submit_url": self.submit_url, "country": self.country,
        }  # fmt: skip

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Validation":
        """The validation that ``to_json`` wrote. Raises ValueError where that is none."""
        try:
            secret = Secret(stored["client_secret"])
            return cls(
                stored["medium"], stored["address"], stored["sid"], secret, stored["submit_url"], stored["country"]
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"a stored validation lacks something: {error}") from None


@dataclass(frozen=True, slots=True)
class Dialogue(Generic[R]):
    """A call that waits for interactive authentication.

    ``request``: the call, without an answer to any stage; ``progress``: what the server said last, None before it was
    asked; ``validations``: by stage, the messages that have been sent for it.
    """

    request: Endpoint[R]
    progress: AuthProgress | None = field(default=None, repr=False)
    validations: Mapping[str, Validation] = field(default_factory=dict)

    @property
    def session(self) -> str | None:
        """What the server knows the dialogue by; None where it has not said."""
        return (self.progress.session or None) if self.progress else None

    @property
    def completed(self) -> tuple[str, ...]:
        """The stages that are done."""
        return self.progress.completed if self.progress else ()

    def at(self, progress: AuthProgress) -> "Dialogue[R]":
        """The dialogue, so much further."""
        return replace(self, progress=progress)

    def proving(self, stage: str, validation: Validation) -> "Dialogue[R]":
        """The dialogue, now that a message has been sent for a stage."""
        return replace(self, validations={**self.validations, stage: validation})

    def proving_anew(self) -> "Dialogue[R]":
        """The dialogue without the messages that have been sent, whose links and codes may be dead by now."""
        return replace(self, validations={})

    def to_json(self) -> dict[str, Any]:
        """The dialogue for a store, as plain JSON. Holds in clear what the request holds, such as a password."""
        message = encode_request(self.request)
        progress = self.progress
        return {
            "call": type(self.request).__name__,
            "path": message.path,
            "query": urlencode(message.query),
            "body": json.loads(message.content or b"{}"),
            "progress": None if progress is None else {
                "flows": [list(flow.stages) for flow in progress.flows],
                "params": progress.params,
                "session": progress.session or None,
                "completed": list(progress.completed),
            },
            "validations": {stage: one.to_json() for stage, one in self.validations.items()},
        }  # fmt: skip

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Dialogue[Any]":
        """The dialogue that ``to_json`` wrote. Raises ValueError where that is none, MatrixError for a bad request."""
        try:
            endpoint = _interactive()[stored["call"]]
            arguments = _arguments(endpoint.meta.path, stored["path"])
            request = build_request(endpoint, stored["body"], stored["query"].encode(), arguments)
            validations = {stage: Validation.from_json(one) for stage, one in stored["validations"].items()}
            return Dialogue(request, _progress(stored["progress"]), validations)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"a stored dialogue lacks something: {error}") from None


def _interactive() -> Mapping[str, type[Endpoint[Any]]]:
    """The calls that may have a dialogue, by name."""
    from ostiary.api.catalog import ENDPOINTS  # all of the contract, which few programs need

    return {endpoint.__name__: endpoint for endpoint in ENDPOINTS if endpoint.meta.interactive}


def _progress(stored: Mapping[str, Any] | None) -> AuthProgress | None:
    if stored is None:
        return None
    return AuthProgress(
        flows=tuple(Flow(tuple(stages)) for stages in stored["flows"]),
        params=dict(stored["params"]),
        session=stored["session"] or UNSET,
        completed=tuple(stored["completed"]),
    )


def _arguments(template: str, path: str) -> dict[str, str]:
    """The fields that stand in a path."""
    pairs = zip(template.split("/"), path.split("/"), strict=False)
    return {name[1:-1]: unquote(text) for name, text in pairs if name.startswith("{")}
