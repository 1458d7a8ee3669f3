"""Interactive authentication as a state machine: whatever is sent in whatever order, a grant has been earned, once.

The model knows of each dialogue what it was opened for, what it remembers and which stages were completed when. Reading
a request (``recall``) and answering it (``confirm``) are steps of their own, so that requests overtake each other.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, multiple, rule

from ostiary.accounts.model import AuditEvent, AuditKind, Origin
from ostiary.accounts.ports import UiaAlreadyUsed
from ostiary.accounts.stages.dummy import DummyStage
from ostiary.accounts.tokens import digest_of
from ostiary.accounts.uia import Grant, InteractiveAuth
from ostiary.api.errors import Forbidden, Unknown, Unrecognized
from ostiary.api.identifiers import Localpart
from ostiary.api.secret import Secret
from ostiary.api.uia import DUMMY, PASSWORD, RECAPTCHA, REGISTRATION_TOKEN, TERMS, AuthRequired
from ostiary.server.hashing import PasswordHasher
from ostiary.server.schemes import Argon2id, Bcrypt, Pbkdf2, Schemes
from ostiary.storage.sqlite import SqliteEngine
from ostiary.storage.store import SqlStore
from tests.fuzz.uia_model import (
    ALICE,
    BOB,
    FLOWS,
    LIFETIME_MS,
    SECRETS,
    Asked,
    Dialogue,
    Stage,
    TermsStage,
    WordStage,
    contradicts,
    earned,
    now_completed,
)
from tests.storage.test_engines import Deaf
from tests.world import HeldClock, SeededEntropy

operations = st.sampled_from(sorted(FLOWS))
owners = st.sampled_from([ALICE, ALICE, BOB, None])
targets = st.sampled_from(["", "", "deviceId=X"])
parameters = st.dictionaries(st.sampled_from(["devices", "new_password"]), st.sampled_from(["x", "x", "y"]))
stages = st.builds(
    Stage, st.sampled_from([None, PASSWORD, TERMS, DUMMY, REGISTRATION_TOKEN, RECAPTCHA, "x"]),
    st.sampled_from([True, True, True, False]),
)  # fmt: skip


class Authentication(RuleBasedStateMachine):
    """Several callers, their dialogues, and the grants that came of them."""

    sessions = Bundle("sessions")
    asked = Bundle("asked")
    grants = Bundle("grants")

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory()
        self._runner = asyncio.Runner()
        self.clock, entropy = HeldClock(), SeededEntropy()
        self.engine = SqliteEngine(Path(self._directory.name) / "test.db")
        self.store = SqlStore(self.engine)
        self.hasher = PasswordHasher(
            Schemes(Argon2id(memory_kib=8, time_cost=1, parallelism=1), Bcrypt(Secret("")), Pbkdf2()),
            threads=1,
            queue=8,
            random_bytes=entropy.token_bytes,
        )
        kinds = (DummyStage(), TermsStage(), WordStage(PASSWORD), WordStage(REGISTRATION_TOKEN))
        self.uia = InteractiveAuth(self.store, self.clock, entropy, self.hasher, kinds, LIFETIME_MS)
        self.dialogues: dict[str, Dialogue] = {}
        self.used: set[bytes] = set()
        self._runner.run(self.engine.start(Deaf()))

    def teardown(self) -> None:
        self._runner.run(self.engine.stop())
        self._runner.close()
        self.hasher.close()
        self._directory.cleanup()

    @initialize(target=sessions)
    def a_session_that_never_was(self) -> str:
        return "ostu_never"

    # --- Reading a request -------------------------------------------------------------------------------------------

    @rule(target=asked, operation=operations, target_=targets, owner=owners, given=parameters)
    def ask_anew(self, operation: str, target_: str, owner: Localpart | None, given: Mapping[str, Any]) -> Any:
        return self._ask(operation, target_, owner, given, None)

    @rule(target=asked, session=sessions, given=parameters)
    def go_on(self, session: str, given: Mapping[str, Any]) -> Any:
        """As whoever opened the dialogue, mostly saying the same."""
        opened = self.dialogues.get(session) or Dialogue("Open", "", None, 0)
        given = {name: opened.parameters.get(name, value) for name, value in given.items()}
        return self._ask(opened.operation, opened.target, opened.owner, given, session)

    @rule(target=asked, session=sessions, operation=operations, target_=targets, owner=owners, same=st.integers(0, 3))
    def go_on_as_another(self, session: str, operation: str, target_: str, owner: Localpart | None, same: int) -> Any:
        """As somebody else, for something else, elsewhere, or all of it."""
        opened = self.dialogues.get(session) or Dialogue("Open", "", None, 0)
        return self._ask(
            opened.operation if same in (1, 2) else operation,
            opened.target if same in (1, 3) else target_,
            opened.owner if same in (2, 3) else owner,
            {},
            session,
        )

    @rule(owner=owners, kinds=st.permutations([PASSWORD, REGISTRATION_TOKEN, TERMS]))
    def go_on_twice_at_once(self, owner: Localpart | None, kinds: list[str]) -> None:
        """Two requests of a new dialogue are read before either is answered."""
        session, _ = self._answer(self._ask("Delete", "", owner, {}, None), Stage(None, is_right=True))
        both = [self._ask("Delete", "", owner, {}, session) for _ in range(2)]
        for asked, kind in zip(both, kinds, strict=False):
            self._answer(asked, Stage(kind, is_right=True))

    def _ask(
        self, operation: str, target: str, owner: Localpart | None, given: Mapping[str, Any], session: str | None
    ) -> Any:
        known = self.dialogues.get(session) if session else None
        seen = known if known and known.expires_at > self.clock.now() else None
        try:
            attempt = self._runner.run(self.uia.recall(operation, target, owner, given, SECRETS, session))
        except Forbidden:
            assert seen is not None
            assert contradicts(seen, operation, target, owner, given)
            return multiple()
        assert seen is None or not contradicts(seen, operation, target, owner, given)
        if seen is not None:
            open_ones = {name: value for name, value in seen.parameters.items() if name not in SECRETS}
            assert attempt.parameters.items() >= (open_ones | dict(given)).items()
        return Asked(attempt, session, seen, given)

    # --- Answering it ------------------------------------------------------------------------------------------------

    @rule(target=sessions, asked=consumes(asked), stage=stages)
    def answer(self, asked: Asked, stage: Stage) -> Any:
        return self._answer(asked, stage)[0]

    @rule(target=grants, asked=consumes(asked), stage=stages)
    def answer_for_a_grant(self, asked: Asked, stage: Stage) -> Any:
        grant = self._answer(asked, stage)[1]
        return multiple() if grant is None else grant

    @rule(target=grants, session=sessions)
    def complete(self, session: str) -> Any:
        """Go the first flow to its end, all in order."""
        opened = self.dialogues.get(session)
        for kind in FLOWS[opened.operation][0] if opened else ():
            assert opened is not None
            asked = self._ask(opened.operation, opened.target, opened.owner, {}, session)
            grant = self._answer(asked, Stage(kind, True))[1] if isinstance(asked, Asked) else None
            if grant is not None:
                return grant
        return multiple()

    def _answer(self, asked: Asked, stage: Stage) -> tuple[Any, Grant | None]:
        """Have a request answered, and hold the answer against the model: a new session or a grant, if there is one."""
        flows = FLOWS[asked.attempt.operation]
        goes_on = asked.seen is not None and not asked.seen.used
        attempt = asked.attempt
        fresh = Dialogue(attempt.operation, attempt.target, attempt.owner, self.clock.now() + LIFETIME_MS)
        before = asked.seen if goes_on and asked.seen is not None else fresh
        is_lost = asked.session is not None and asked.seen is None
        completed = before.completed if is_lost else now_completed(before.completed, stage, flows)
        after = replace(
            before, parameters={**asked.given, **before.parameters}, completed=completed or before.completed
        )
        try:
            grant = self._runner.run(self.uia.confirm(attempt, stage.auth(), flows, Origin()))
        except AuthRequired as question:
            assert is_lost or completed is None or not earned(completed, flows)
            self._check_question(question, after, completed, is_lost=is_lost)
            return self._note(question, after, asked if goes_on else None), None
        except Forbidden:
            assert goes_on
            assert asked.session is not None
            assert after != before
            assert self.dialogues[asked.session] != before, "refused, though nobody else had gone on meanwhile"
            return multiple(), None
        assert not is_lost
        assert completed is not None
        assert earned(completed, flows), f"granted by {completed}"
        self._check_grant(grant, after, is_stored=goes_on)
        return multiple(), grant

    def _check_question(
        self, question: AuthRequired, after: Dialogue, completed: tuple[str, ...] | None, *, is_lost: bool
    ) -> None:
        assert question.progress.completed == after.completed
        assert [flow.stages for flow in question.progress.flows] == list(FLOWS[after.operation])
        if is_lost:
            assert isinstance(question.error, Unknown)
        else:
            assert (question.error is not None) == (completed is None)
            assert question.error is None or isinstance(question.error, Forbidden | Unrecognized)

    def _note(self, question: AuthRequired, after: Dialogue, goes_on: Asked | None) -> Any:
        """Remember what the dialogue has become, and under which session a new one goes."""
        session = question.progress.session
        assert isinstance(session, str)
        if goes_on is None:
            assert session not in self.dialogues
            self.dialogues[session] = after
            return session
        assert session == goes_on.session
        if after != goes_on.seen:
            assert self.dialogues[session] == goes_on.seen, "what another request had written meanwhile was lost"
            self.dialogues[session] = after
        return multiple()

    def _check_grant(self, grant: Grant, after: Dialogue, *, is_stored: bool) -> None:
        proves = {PASSWORD, REGISTRATION_TOKEN} & set(after.completed)
        assert grant.localpart == (after.owner or (ALICE if proves else None))
        assert grant.use.is_stored == is_stored
        assert grant.hashes.keys() == after.parameters.keys() & SECRETS
        for name, hashed in grant.hashes.items():
            assert self._runner.run(self.hasher.verify(Secret(after.parameters[name]), hashed))

    # --- What a grant is good for ------------------------------------------------------------------------------------

    @rule(grant=grants)
    def use(self, grant: Grant) -> None:
        """Do what was granted, in the store's own transaction: once for each dialogue."""
        event = AuditEvent(AuditKind.DEVICES_DELETED, ALICE, self.clock.now())
        try:
            self._runner.run(self.store.delete_devices(ALICE, [], event, grant.use))
        except UiaAlreadyUsed:
            assert grant.use.digest in self.used
            return
        if grant.use.is_stored:
            assert grant.use.digest not in self.used, "the same dialogue was of use twice"
            self.used.add(grant.use.digest)
            (session,) = [one for one in self.dialogues if digest_of(one) == grant.use.digest]
            self.dialogues[session] = replace(self.dialogues[session], used=True)

    @rule(milliseconds=st.sampled_from([1, LIFETIME_MS // 2, LIFETIME_MS - 1, LIFETIME_MS]))
    def wait(self, milliseconds: int) -> None:
        self.clock.advance(milliseconds)


TestAuthentication = Authentication.TestCase
TestAuthentication.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
