"""Interactive authentication as a model: what a dialogue remembers, what an attempt makes of it, what is earned.

Written from the rules that ``accounts.uia`` states, and simpler than it; ``test_uia_machine`` holds the two together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ostiary.accounts.model import Origin, UiaRecord
from ostiary.accounts.proofs import NOTHING, Proof
from ostiary.accounts.stages.stage import StageFailed
from ostiary.accounts.uia import Attempt, Flows
from ostiary.api.endpoint import UNSET
from ostiary.api.errors import Forbidden
from ostiary.api.identifiers import Localpart
from ostiary.api.secret import Secret
from ostiary.api.uia import (
    DUMMY,
    PASSWORD,
    REGISTRATION_TOKEN,
    TERMS,
    AuthData,
    DummyAuth,
    PasswordAuth,
    RecaptchaAuth,
    RegistrationTokenAuth,
    TermsAuth,
    UnknownAuth,
)

LIFETIME_MS = 600_000
RIGHT, WRONG = Secret("right"), Secret("wrong")
ALICE, BOB = Localpart("alice"), Localpart("bob")

FLOWS: Mapping[str, Flows] = {
    "Delete": ((PASSWORD, TERMS), (REGISTRATION_TOKEN, DUMMY, TERMS)),
    "Change": ((PASSWORD,), (TERMS, REGISTRATION_TOKEN)),
    "Open": ((DUMMY,),),
}
SECRETS = frozenset({"new_password"})


class WordStage:
    """Proves who one is to whoever knows the word; like a password, without an account."""

    def __init__(self, kind: str) -> None:
        self.type = kind

    def params(self) -> Mapping[str, Any]:
        return {}

    async def check(self, auth: AuthData, dialogue: UiaRecord, origin: Origin) -> Proof:
        word = auth.password if isinstance(auth, PasswordAuth) else getattr(auth, "token", WRONG)
        if word != RIGHT:
            raise StageFailed(Forbidden("The word is wrong", status=401))
        return Proof(localpart=dialogue.owner or ALICE)


class TermsStage:
    """Proves nothing but that it was completed."""

    type = TERMS

    def params(self) -> Mapping[str, Any]:
        return {"policies": {}}

    async def check(self, auth: AuthData, dialogue: UiaRecord, origin: Origin) -> Proof:
        return NOTHING


@dataclass(frozen=True)
class Dialogue:
    """A dialogue as it stood at some time. ``completed``: in the order in which it was done."""

    operation: str
    target: str
    owner: Localpart | None
    expires_at: int
    parameters: Mapping[str, Any] = field(default_factory=dict)
    completed: tuple[str, ...] = ()
    used: bool = False


@dataclass(frozen=True)
class Asked:
    """A request that was read and is not answered yet. ``seen``: the dialogue as it was read; None: none was found."""

    attempt: Attempt
    session: str | None
    seen: Dialogue | None
    given: Mapping[str, Any]


@dataclass(frozen=True)
class Stage:
    """An attempt at a stage. ``kind``: None for an ``auth`` without type."""

    kind: str | None
    is_right: bool

    def auth(self) -> AuthData | None:
        word = RIGHT if self.is_right else WRONG
        match self.kind:
            case None:
                return UnknownAuth({"session": "x"}) if self.is_right else None
            case "m.login.password":
                return PasswordAuth(password=word, user="alice", session=UNSET)
            case "m.login.registration_token":
                return RegistrationTokenAuth(token=word)
            case "m.login.terms":
                return TermsAuth()
            case "m.login.dummy":
                return DummyAuth()
            case "m.login.recaptcha":
                return RecaptchaAuth(response=word)
            case other:
                return UnknownAuth({"type": other})

    def succeeds(self) -> bool:
        return self.is_right or self.kind in (TERMS, DUMMY)


def contradicts(seen: Dialogue, operation: str, target: str, owner: Localpart | None, given: Mapping[str, Any]) -> bool:
    """Whether a request says something else than its dialogue was opened for."""
    if (seen.operation, seen.target, seen.owner) != (operation, target, owner):
        return True
    changed = any(seen.parameters[name] != value for name, value in given.items() if name in seen.parameters)
    return changed or (bool(seen.completed) and any(name not in seen.parameters for name in given))


def now_completed(completed: tuple[str, ...], stage: Stage, flows: Flows) -> tuple[str, ...] | None:
    """What is completed after a stage was attempted; None where the attempt failed."""
    if stage.kind is None or stage.kind in completed:
        return completed
    turns = [flow[: flow.index(stage.kind)] for flow in flows if stage.kind in flow]
    if not any(set(turn) <= set(completed) for turn in turns) or not stage.succeeds():
        return None
    return (*completed, stage.kind)


def earned(completed: tuple[str, ...], flows: Flows) -> bool:
    """Whether all stages of some flow were completed, in the flow's order."""
    return any([kind for kind in completed if kind in flow] == list(flow) for flow in flows)
