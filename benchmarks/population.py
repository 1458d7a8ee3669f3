"""Who is in a generated database. Everything follows from a number, so that a benchmark knows every token again.

For each account: so many open sessions, each on a device of its own, and a record of each login. Of the sessions half
can refresh, of which a fifth have done so lately. A tenth as many have ended and are remembered. Of the accounts 60 %
have a mail address, 5 % a number, 60 % a display name, 30 % a picture. All have the same password, whose hash is as
long as real ones.

Things come in the order in which they would have come: accounts in no order of their names, sessions of one account far
from each other, so that what belongs together lies as far apart as it does in life.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ostiary.accounts.model import AccountKind, AccountState, AuditKind, EndReason
from ostiary.accounts.session_tokens import (
    LINEAGE_BYTES,
    SECRET_BYTES,
    SessionToken,
    SessionTokenKind,
    lineage_of_access,
    make_lineage,
    make_secret,
    parse_session_token,
    root_of,
)

STRIDES: Final = 8
"""Accounts come in so many passes over their names, each between the names of those before."""

DAY_MS: Final = 86_400_000
YEAR_MS: Final = 365 * DAY_MS
TOKEN_LIFETIME_MS: Final = 300_000

_LETTERS: Final = str.maketrans("0123456789abcdef", "ABCDEFGHIJKLMNOP")
_AGENTS: Final = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Element/1.6.42 (Google Pixel 8; Android 15; BP1A.250505.005; Flavour GooglePlay; MatrixAndroidSdk2 1.6.42)",
    "Element X/25.08.1 (iPhone 15; iOS 18.5; Scale/3.00)",
    "mautrix-python/0.21.1 aiohttp/3.12.15 Python/3.13",
)
_NAMES: Final = ("Element Web: Firefox on Linux", "Element Desktop", "Pixel 8", "iPhone 15", "bridge bot")

_BEHIND_ALL: Final = "v"
"""Behind the names of all accounts."""

_SEEN: Final = ("last_seen_at", "last_seen_ip", "last_seen_user_agent")
_SESSION: Final = ("session_id", "localpart", "device_id", "kind", "state", "generation", "created_at")
_TOKENS: Final = ("root", "access_digest", "access_expires_at", "since")
_EVENT: Final = ("event_id", "localpart", "kind", "happened_at", "address", "user_agent", "detail")

Row = tuple[Any, ...]


class Part(NamedTuple):
    """Some of a table's rows, each made of its number, from 0 to ``size``.

    ``scattered``: the key is a digest. ``passes``: by which columns those are known that come last and go again.
    """

    table: str
    columns: tuple[str, ...]
    size: int
    row: Callable[[int], Row]
    scattered: bool = False
    passes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Population:
    """What a database is filled with. ``forgettable``: so many dead of each kind that ought to have been deleted.

    ``now``: the instant at which all this has happened.
    """

    accounts: int
    sessions_per_account: int
    password_hash: str
    now: int
    forgettable: int = 0
    seed: str = "growth"

    @property
    def sessions(self) -> int:
        """How many are open."""
        return self.accounts * self.sessions_per_account

    # --- What a benchmark asks for -----------------------------------------------------------------------------------

    def localpart(self, account: int) -> str:
        block = -(-self.accounts // STRIDES)
        return _name(account % block * STRIDES + account // block)

    def bounds_of_names(self, parts: int) -> list[str]:
        """Between which names the accounts lie, in parts of about the same size."""
        return ["", *(_name(self.accounts * part // parts) for part in range(1, parts)), _BEHIND_ALL]

    def account_of(self, session: int) -> int:
        return session % self.accounts

    def session_id(self, session: int) -> int:
        """The number that the database has a session by."""
        return session + 1

    def session_of(self, refresh_token: str) -> int:
        """Which session a token is of, also one that the server has made. Raises ValueError for one of none."""
        parsed = parse_session_token(SessionTokenKind.REFRESH, refresh_token)
        if parsed is None:
            raise ValueError("that is no refresh token")
        return parsed.session_id - self.session_id(0)

    def refreshes(self, session: int) -> bool:
        """Whether a session can refresh. Its access token has expired; the others' never does."""
        return (session // self.accounts + session % self.accounts) % 2 == 0

    def access_token(self, session: int) -> str:
        return self._access(session).text.reveal()

    def refresh_token(self, session: int) -> str:
        return self._refresh(session).text.reveal()

    def _access(self, session: int) -> SessionToken:
        return self._token(SessionTokenKind.ACCESS, session, lineage_of_access(self._lineage(session)))

    def _refresh(self, session: int) -> SessionToken:
        return self._token(SessionTokenKind.REFRESH, session, self._lineage(session))

    def _token(self, kind: SessionTokenKind, session: int, lineage: str) -> SessionToken:
        secret = make_secret(self._bytes(kind, session, SECRET_BYTES))
        return SessionToken(kind, self.session_id(session), int(self.has_refreshed(session)), lineage, secret)

    def _lineage(self, session: int) -> str:
        return make_lineage(self._bytes("lineage", session, LINEAGE_BYTES))

    def _bytes(self, what: str, number: int, count: int) -> bytes:
        return hashlib.shake_256(f"{self.seed} {what} {number}".encode()).digest(count)

    # --- Rows --------------------------------------------------------------------------------------------------------

    def passing(self) -> Iterator[Part]:
        """What comes and goes again, for three in ten accounts.

        Pages that were filled at once are full, so that each row which is added would part one, or several, in two. In
        a database of some years most have been parted, and have room.
        """
        device = ("localpart", "device_id", "display_name", "created_at", *_SEEN)
        yield Part("devices", device, self._passing, self._passing_device, passes=("localpart", "device_id"))
        ended = (*_SESSION, *_TOKENS, "ended_at", "end_reason")
        yield Part("sessions", ended, self._passing, self._passing_session, passes=("session_id",))
        yield Part("audit_events", _EVENT, self._passing, self._passing_event, passes=("event_id",))

    @property
    def _passing(self) -> int:
        return self.accounts * 3 // 10

    def _passing_account(self, number: int) -> int:
        return number // 3 * 10 + (0, 3, 7)[number % 3]

    def _passing_device(self, number: int) -> Row:
        account = self._passing_account(number)
        of_account, _, *rest = self._device(account)
        return of_account, "PASSED", *rest

    def _passing_session(self, number: int) -> Row:
        account = self._passing_account(number)
        last = self.sessions + self._ended + self.forgettable
        _, _, _, *rest = self._was_session(account, self.now - DAY_MS)
        return last + number + 1, self.localpart(account), "PASSED", *rest

    def _passing_event(self, number: int) -> Row:
        _, *rest = self._event(self._passing_account(number))
        return self.accounts + self.sessions + number + 1, *rest

    def parts(self) -> Iterator[Part]:
        """All rows, in an order that has what others refer to first. The one place that knows the columns."""
        yield Part(
            "accounts", ("localpart", "kind", "state", "password_hash", "created_at"), self.accounts, self._account
        )
        yield Part(
            "devices", ("localpart", "device_id", "display_name", "created_at", *_SEEN), self.sessions, self._device
        )
        refreshing = (*_SESSION, *_TOKENS, "refresh_digest", "former", "former_since")
        yield Part("sessions", refreshing, self.sessions, self._session)
        ended = (*_SESSION, *_TOKENS, "ended_at", "end_reason")
        yield Part("sessions", ended, self._ended, self._ended_session)
        yield Part("sessions", ended, self.forgettable, self._forgettable_session)
        uia = ("digest", "operation", "target", "parameters", "completed", "expires_at")
        yield Part("uia_sessions", uia, self.forgettable, self._uia, scattered=True)
        yield Part("audit_events", _EVENT, self.accounts + self.sessions, self._event)
        threepid = ("medium", "address", "localpart", "validated_at", "added_at")
        yield Part("threepids", threepid, self.accounts * 60 // 100, self._mail_address)
        yield Part("threepids", threepid, self.accounts * 5 // 100, self._number)
        field = ("localpart", "name", "content")
        yield Part("profile_fields", field, self.accounts * 60 // 100, self._display_name)
        yield Part("profile_fields", field, self.accounts * 30 // 100, self._picture)

    @property
    def _ended(self) -> int:
        return self.sessions // 10

    def has_refreshed(self, session: int) -> bool:
        return session // 2 % 5 == 0 and self.refreshes(session)

    def _account(self, account: int) -> Row:
        created_at = self.now - 4 * YEAR_MS + account * YEAR_MS // self.accounts
        return (
            self.localpart(account),
            AccountKind.USER.value,
            AccountState.ACTIVE.value,
            self.password_hash,
            created_at,
        )

    def created_at(self, session: int) -> int:
        return self.now - 3 * YEAR_MS + session * (3 * YEAR_MS - DAY_MS) // self.sessions

    def _device(self, session: int) -> Row:
        seen_at = self.now - _scatter(session) % (180 * DAY_MS)
        return (
            self.localpart(self.account_of(session)), _device_id(session), _NAMES[session % 5],
            self.created_at(session), seen_at, _address(session), _AGENTS[session % 5],
        )  # fmt: skip

    def _session(self, session: int) -> Row:
        refreshes, has_refreshed = self.refreshes(session), self.has_refreshed(session)
        created_at = self.created_at(session)
        lately = self.now - _scatter(session) % (180 * DAY_MS) - DAY_MS
        access = self._access(session)
        return (
            self.session_id(session), self.localpart(self.account_of(session)), _device_id(session),
            AccountKind.USER.value, AccountState.ACTIVE.value, int(has_refreshed), created_at,
            access.root, access.digest,
            lately + TOKEN_LIFETIME_MS if refreshes else None,
            lately if has_refreshed else created_at,
            self._refresh(session).digest if refreshes else None,
            0 if has_refreshed else None, created_at if has_refreshed else None,
        )  # fmt: skip

    def _ended_session(self, number: int) -> Row:
        return self._was_session(self.sessions + number, self.now - _scatter(number) % (29 * DAY_MS))

    def _forgettable_session(self, number: int) -> Row:
        ended_at = self.now - 40 * DAY_MS - _scatter(number) % (30 * DAY_MS)
        return self._was_session(self.sessions + self._ended + number, ended_at)

    def _was_session(self, session: int, ended_at: int) -> Row:
        """One whose tokens nobody has."""
        created_at = ended_at - 20 * DAY_MS
        root, digest = root_of(str(session)), hashlib.sha256(b"ended %d" % session).digest()
        return (
            self.session_id(session), self.localpart(self.account_of(session)), _device_id(session),
            AccountKind.USER.value, AccountState.ACTIVE.value, 0, created_at, root, digest, None, created_at, ended_at,
            EndReason.LOGGED_OUT.value,
        )  # fmt: skip

    def _uia(self, number: int) -> Row:
        parameters = json.dumps({"username": f"other{number}", "initial_device_display_name": _NAMES[number % 5]})
        digest = hashlib.sha256(b"uia %d" % number).digest()
        return digest, "register", "", parameters, "{}", self.now - 2 * DAY_MS - _scatter(number) % DAY_MS

    def _event(self, number: int) -> Row:
        if number < self.accounts:
            account, kind, detail = number, AuditKind.REGISTERED, {}
            at = self.now - 4 * YEAR_MS + account * YEAR_MS // self.accounts
        else:
            session = number - self.accounts
            account, kind, detail = self.account_of(session), AuditKind.LOGGED_IN, {"by": "password"}
            at = self.created_at(session)
        return (
            number + 1, self.localpart(account), kind.value, at, _address(number), _AGENTS[number % 5],
            json.dumps(detail),
        )  # fmt: skip

    def _mail_address(self, account: int) -> Row:
        localpart, at = self.localpart(account), self.now - 2 * YEAR_MS
        return "email", f"{localpart}@mail.example.org", localpart, at, at

    def _number(self, account: int) -> Row:
        at = self.now - YEAR_MS
        return "msisdn", f"4930{self.localpart(account)[4:]}", self.localpart(account), at, at

    def _display_name(self, account: int) -> Row:
        return self.localpart(account), "displayname", json.dumps(f"Person of number {account}")

    def _picture(self, account: int) -> Row:
        return self.localpart(account), "avatar_url", json.dumps(f"mxc://example.org/{_device_id(account) * 2}")


def _scatter(number: int) -> int:
    """A number that looks like any other: up to 2^48."""
    return number * 0x9E3779B97F4A7C15 % 2**48


def _name(place: int) -> str:
    return f"user{place:08d}"


def _device_id(session: int) -> str:
    return hashlib.sha256(b"device %d" % session).hexdigest()[:10].translate(_LETTERS)


def _address(number: int) -> str:
    scattered = _scatter(number)
    return f"{scattered >> 40 & 127 | 64}.{scattered >> 32 & 255}.{scattered >> 24 & 255}.{scattered >> 16 & 255}"
