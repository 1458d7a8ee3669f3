"""What the test knows of the server's accounts: what was acknowledged, and of each request without answer both ends.

An account is in one *world* as long as every request about it was answered. One whose answer is missing leaves two: the
world in which it was carried out, and the one in which it was not. What is observed after a fault must be exactly one
of these as a whole; anything between them is a write that was torn, anything beside them one that was lost.
"""

from dataclasses import dataclass, field, replace
from typing import Any

PROBE = "PROBE"
"""The device of whoever looks whether a password is good; gone when the look is over."""


@dataclass(frozen=True)
class Pair:
    """Tokens that were handed out together."""

    access: str
    refresh: str


@dataclass(frozen=True)
class Session:
    """A living session. ``pairs``: those that are good, oldest first; two where the newer one was not used yet."""

    device_id: str
    pairs: tuple[Pair, ...]

    @property
    def newest(self) -> Pair:
        return self.pairs[-1]


@dataclass(frozen=True)
class World:
    """How an account stands. ``strangers``: living devices whose IDs the test was never told."""

    exists: bool = False
    active: bool = False
    password: str = ""
    sessions: tuple[Session, ...] = ()
    strangers: int = 0

    def with_session(self, new: Session) -> "World":
        """With a session on its device; what was on it has ended."""
        return replace(self, sessions=(*(one for one in self.sessions if one.device_id != new.device_id), new))

    def without(self, *device_ids: str) -> "World":
        """Without the sessions of devices."""
        return replace(self, sessions=tuple(one for one in self.sessions if one.device_id not in device_ids))

    def with_pairs(self, device_id: str, pairs: tuple[Pair, ...]) -> "World":
        """With other pairs in one session."""
        changed = (
            replace(one, pairs=pairs) if one.device_id == device_id else one for one in self.sessions
        )  # fmt: skip
        return replace(self, sessions=tuple(changed))

    def find(self, device_id: str) -> Session:
        """The session of a device."""
        return next(one for one in self.sessions if one.device_id == device_id)

    def is_good(self, pair: Pair) -> bool:
        """Whether a pair's tokens work."""
        return any(pair in one.pairs for one in self.sessions)


@dataclass
class Account:
    """All that is known of an account.

    ``pairs``: every one that was ever handed out; ``passwords``: likewise. ``touched``: whether somebody has used it
    since it was last looked over.
    """

    name: str
    worlds: list[World] = field(default_factory=lambda: [World()])
    pairs: list[Pair] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)
    doubt: str = ""
    touched: bool = False

    @property
    def is_certain(self) -> bool:
        return len(self.worlds) == 1

    @property
    def world(self) -> World:
        """How it stands, where that is certain."""
        (only,) = self.worlds
        return only

    def now_is(self, world: World) -> None:
        """It was acknowledged."""
        self.worlds, self.doubt = [world], ""

    def may_be(self, world: World, what: str) -> None:
        """No answer came: it is as it was, or so."""
        before = self.world
        self.worlds, self.doubt = [before, world] if world != before else [before], what

    def handed_out(self, answer: dict[str, Any]) -> Pair:
        """Note the tokens of an answer."""
        pair = Pair(answer["access_token"], answer["refresh_token"])
        if pair not in self.pairs:
            self.pairs.append(pair)
        return pair

    def set_password(self, password: str) -> None:
        """Note a password that may be the account's from now on."""
        self.passwords.append(password)
