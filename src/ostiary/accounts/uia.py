"""Interactive authentication: a dialogue that ends in the right to do one thing once.

A request that needs it is *recalled* first: what it says is held against what the dialogue was opened for, and what it
leaves out is taken from there (a client may complete the dialogue with nothing but the session's ID). Then it is
*confirmed*: the stage that it attempts is checked, and either more is asked for (``AuthRequired``) or it is granted.

=====================================  ===============================================================================
what comes                             what follows
=====================================  ===============================================================================
no ``auth``                            a dialogue is opened; 401 with flows
``auth`` without ``type``              401 with what is completed, or the grant
a stage, no session                    a dialogue is opened and the stage attempted
a stage whose turn it is               checked: on success the next question or the grant, else 401 with the error
a stage completed already              not checked again
a stage out of order, or of no flow    401 with an error
a stage that proves another account    401 with an error
than one before it
an unknown or expired session          a dialogue is opened; 401 with an error
a session of another operation, owner  403
or with other parameters
=====================================  ===============================================================================

Spec: client-server API, "User-Interactive Authentication API". Must not know any stage: those are ``stages``.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from ostiary.accounts.model import Instant, Origin, UiaRecord, UiaUse
from ostiary.accounts.ports import Clock, Entropy, Hasher, UiaStore
from ostiary.accounts.proofs import Proof, Proven
from ostiary.accounts.remembered import hash_of, is_same, is_secret, remember_secret
from ostiary.accounts.stages.stage import Stage, StageFailed
from ostiary.accounts.tokens import ENTROPY_BYTES, TokenKind, digest_of, make_token
from ostiary.api.errors import Forbidden, MatrixError, NotFound, Reason, Unknown, Unrecognized
from ostiary.api.identifiers import Localpart
from ostiary.api.secret import Secret
from ostiary.api.uia import AuthData, AuthProgress, AuthRequired, Flow, UnknownAuth

Flows = Sequence[tuple[str, ...]]

CONTINUED_ELSEWHERE: Final = "The session has been continued elsewhere at the same time; try again"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that needs interactive authentication, recalled.

    ``parameters``: the request's own and, where it leaves some out, the remembered ones; a remembered secret stands as
    an empty string, since only its hash is known. ``given``: the names of those that the request itself gave.
    """

    operation: str
    target: str
    owner: Localpart | None
    parameters: Mapping[str, Any] = field(repr=False)
    given: frozenset[str]
    secrets: frozenset[str]
    session: Secret | None
    record: UiaRecord | None

    @property
    def outcome(self) -> Mapping[str, Any] | None:
        """What came of the dialogue, if it has been used already."""
        return self.record.outcome if self.record else None

    @property
    def hashes(self) -> Mapping[str, str]:
        """Of the secrets that the dialogue remembers, by parameter."""
        return {} if self.record is None else _hashes_in(self.record)


@dataclass(frozen=True, slots=True)
class Grant:
    """The right to do what was asked for, once.

    ``localpart``: whom the dialogue proved, or who opened it; None for a registration. ``proven``: all that it proved.
    ``hashes``: of the request's secrets, by parameter. ``use``: marks the dialogue as used, in the transaction of what
    it allows.
    """

    localpart: Localpart | None
    proven: Proven
    hashes: Mapping[str, str] = field(repr=False)
    use: UiaUse


class FlowsByOperation(Protocol):
    """Knows the ways to authenticate for an operation."""

    def of(self, operation: str, *, has_token: bool) -> Flows:
        """They; ``has_token``: whether the operation was asked for with an access token."""
        ...


@dataclass(frozen=True, slots=True)
class Dialogue:
    """How far a dialogue is, as a page shows it. ``next``: the stages whose turn it is, with what a client must know.

    ``completed``: in the order of their completion.
    """

    operation: str
    owner: Localpart | None
    completed: tuple[str, ...]
    next: Mapping[str, Mapping[str, Any]]


class InteractiveAuth:
    """Holds the dialogues."""

    def __init__(
        self, store: UiaStore, clock: Clock, entropy: Entropy, hasher: Hasher, stages: Sequence[Stage],
        lifetime_ms: int,
    ) -> None:  # fmt: skip
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._hasher = hasher
        self._stages = {stage.type: stage for stage in stages}
        self._lifetime_ms = lifetime_ms

    async def recall(
        self,
        operation: str,
        target: str,
        owner: Localpart | None,
        given: Mapping[str, Any],
        secrets: frozenset[str],
        session: str | None,
        loose: Collection[str] = (),
    ) -> Attempt:
        """Hold a request against the dialogue that it names, and add what it leaves out.

        ``given``: its parameters but ``auth``; ``secrets``: which of them are secret; ``loose``: which may differ.
        Raises Forbidden when operation, owner or a parameter is another than the dialogue was opened for. One store
        visit where there is a session.
        """
        record = await self._store.find_uia(digest_of(session)) if session else None
        named = Secret(session) if session else None
        if record is None or session is None or record.expires_at <= self._clock.now():
            return Attempt(operation, target, owner, given, frozenset(given), secrets, named, None)
        if (record.operation, record.target, record.owner) != (operation, target, owner):
            raise Forbidden("The session was opened for another operation")
        for name, value in given.items():
            if name in loose:
                continue
            if name in record.parameters and not is_same(record.parameters[name], value, session):
                raise Forbidden(f"'{name}' is not what it was when the session was opened", field=name)
            if name not in record.parameters and record.completed:
                raise Forbidden(f"'{name}' was not given when the session was opened", field=name)
        remembered = {
            name: "" if is_secret(value) else value
            for name, value in record.parameters.items()
            if record.outcome is None or not is_secret(value)  # used up: its secrets are of no use any longer
        }
        return Attempt(operation, target, owner, remembered | dict(given), frozenset(given), secrets, named, record)

    async def confirm(self, attempt: Attempt, auth: AuthData | None, flows: Flows, origin: Origin) -> Grant:
        """Grant the attempt, or raise AuthRequired with the next question.

        Raises what a stage raises that is no mere failure (LimitExceeded, Forbidden).
        """
        unknown_session = attempt.session is not None and attempt.record is None
        session, record = attempt.session, attempt.record
        if session is None or record is None or record.outcome is not None:
            session, record, is_new = *self._open(attempt), True
        else:
            is_new = False
        if unknown_session:
            await self._save(attempt, record, session, is_new=True)
            raise self._question(
                record, session, flows, Unknown("The session is not known, or has expired", status=401)
            )
        try:
            completed = await self._attempt_stage(record, auth, flows, origin)
        except StageFailed as failure:
            await self._save(attempt, record, session, is_new=is_new)
            raise self._question(record, session, flows, failure.error) from None
        if any(_order(completed, flow) == list(flow) for flow in flows):
            return await self._grant(attempt, record, completed, is_new=is_new)
        after = await self._save(attempt, record, session, is_new=is_new, completed=completed)
        raise self._question(after, session, flows, None)

    # --- From a page in a browser ------------------------------------------------------------------------------------

    async def look(self, session: str, flows: FlowsByOperation) -> Dialogue | None:
        """How far a dialogue is; None where it is not known, has expired or has been used."""
        record = await self._find_open(session)
        if record is None:
            return None
        ways = flows.of(record.operation, has_token=record.owner is not None)
        kinds = {kind for flow in ways for kind in flow} - record.completed.keys()
        turn = {kind: self._stages[kind].params() for kind in kinds if _is_turn_of(kind, record.completed, ways)}
        return Dialogue(record.operation, record.owner, tuple(record.completed), turn)

    async def attempt_elsewhere(
        self, session: str, auth: AuthData, flows: FlowsByOperation, origin: Origin
    ) -> MatrixError | None:
        """Attempt a stage apart from the request that the dialogue is for. Never grants that, nor uses the dialogue up.

        Returns what was wrong with the attempt, None where the stage is now completed. Raises NotFound where there is
        no such dialogue, and what a stage raises that is no mere failure.
        """
        record = await self._find_open(session)
        if record is None:
            raise NotFound("The session is not known, or has expired")
        ways = flows.of(record.operation, has_token=record.owner is not None)
        try:
            completed = await self._attempt_stage(record, auth, ways, origin)
        except StageFailed as failure:
            return failure.error
        after = replace(record, completed=completed)
        if after != record and not await self._store.update_uia(record, after):
            raise Forbidden(CONTINUED_ELSEWHERE)
        return None

    async def _find_open(self, session: str) -> UiaRecord | None:
        record = await self._store.find_uia(digest_of(session)) if session else None
        is_open = record is not None and record.expires_at > self._clock.now() and record.outcome is None
        return record if is_open else None

    # --- Stages ------------------------------------------------------------------------------------------------------

    async def _attempt_stage(
        self, record: UiaRecord, auth: AuthData | None, flows: Flows, origin: Origin
    ) -> Mapping[str, Mapping[str, Any]]:
        completed = record.completed
        kind = AuthData.type_of(auth) if auth is not None else None
        if auth is None or kind is None or kind in completed:
            return completed
        stage = self._stages.get(kind)
        if stage is None or isinstance(auth, UnknownAuth) or not any(kind in flow for flow in flows):
            raise StageFailed(Unrecognized(f"{kind} is not a stage of any flow here", status=401))
        if not _is_turn_of(kind, completed, flows):
            raise StageFailed(Forbidden(f"It is not {kind}'s turn yet", status=401))
        proof = await stage.check(auth, record, origin)
        before = Proven.of(Proof.from_json(kept) for kept in completed.values()).localpart
        if proof.localpart is not None and before not in (None, proof.localpart):
            error = Forbidden("That is another account than before", reason=Reason.OTHER_ACCOUNT, status=401)
            raise StageFailed(error)
        return {**completed, kind: proof.to_json()}

    async def _grant(
        self, attempt: Attempt, record: UiaRecord, completed: Mapping[str, Mapping[str, Any]], *, is_new: bool
    ) -> Grant:
        hashes = _hashes_in(record)
        for name in (attempt.given & attempt.secrets) - hashes.keys():
            hashes[name] = await self._hasher.hash(Secret(attempt.parameters[name]))
        proven = Proven.of(Proof.from_json(kept) for kept in completed.values())
        use = UiaUse(
            record.digest,
            is_stored=not is_new,
            at=self._clock.now(),
            sids=tuple(address.sid for address in proven.addresses),
            registration_tokens=proven.registration_tokens,
        )
        return Grant(proven.localpart or record.owner, proven, hashes, use)

    # --- The dialogue itself -----------------------------------------------------------------------------------------

    def _open(self, attempt: Attempt) -> tuple[Secret, UiaRecord]:
        session = make_token(TokenKind.UIA, self._entropy.token_bytes(ENTROPY_BYTES))
        expires_at: Instant = self._clock.now() + self._lifetime_ms
        record = UiaRecord(
            digest_of(session.reveal()), attempt.operation, attempt.target, attempt.owner, {}, {}, expires_at
        )
        return session, record

    async def _save(
        self,
        attempt: Attempt,
        before: UiaRecord,
        session: Secret,
        *,
        is_new: bool,
        completed: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> UiaRecord:
        """Write what the dialogue now knows: the stages completed and parameters not seen before, secrets hashed."""
        parameters = dict(before.parameters)
        for name in attempt.given - parameters.keys():
            value = attempt.parameters[name]
            parameters[name] = await self._hashed(value, session) if name in attempt.secrets else value
        after = replace(before, parameters=parameters, completed=before.completed if completed is None else completed)
        if is_new:
            await self._store.add_uia(after)
        elif after != before and not await self._store.update_uia(before, after):
            raise Forbidden(CONTINUED_ELSEWHERE)
        return after  # fmt: skip

    async def _hashed(self, value: str, session: Secret) -> dict[str, str]:
        return remember_secret(value, await self._hasher.hash(Secret(value)), session.reveal())

    def _question(self, record: UiaRecord, session: Secret, flows: Flows, error: MatrixError | None) -> AuthRequired:
        params = {kind: self._stages[kind].params() for flow in flows for kind in flow}
        progress = AuthProgress(
            flows=tuple(Flow(flow) for flow in flows),
            params={kind: dict(told) for kind, told in params.items() if told},
            session=session.reveal(),
            completed=tuple(record.completed),
        )
        return AuthRequired(progress, error)


def _hashes_in(record: UiaRecord) -> dict[str, str]:
    return {name: hash_of(value) for name, value in record.parameters.items() if is_secret(value)}


def _order(completed: Iterable[str], flow: tuple[str, ...]) -> list[str]:
    """The stages of a flow that are done, in the order in which they were."""
    return [stage for stage in completed if stage in flow]


def _is_turn_of(kind: str, completed: Mapping[str, Any], flows: Flows) -> bool:
    return any(kind in flow and _order(completed, flow) == list(flow[: flow.index(kind)]) for flow in flows)
