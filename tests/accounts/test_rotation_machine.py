"""Refresh rotation as a state machine: whatever clients do, in whatever order, the rules hold.

The model knows, of each session, the pair in use and the pair on offer; the server is asked and must agree.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from tests.world import Answer, World, open_config, open_world

GRACE_MS = 60_000
ACCESS_MS = 300_000

Pair = tuple[str, str]


class Rotation(RuleBasedStateMachine):
    """One account with one session, and every pair of tokens that it was ever given."""

    pairs = Bundle("pairs")

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory()
        self._runner = asyncio.Runner()
        self._context = open_world(open_config(Path(self._directory.name)))
        self.world: World = self._runner.run(self._context.__aenter__())
        self.used: Pair = ("", "")
        self.offered: Pair | None = None
        self.expires_at: dict[Pair, int] = {}
        self.died_at: dict[Pair, int] = {}
        self.since = 0
        self.withdrawn: set[Pair] = set()
        self.ended = False

    def teardown(self) -> None:
        self._runner.run(self._context.__aexit__(None, None, None))
        self._runner.close()
        self._directory.cleanup()

    @initialize(target=pairs)
    def log_in(self) -> Pair:
        account = self._runner.run(self.world.register("alice"))
        assert account.refresh_token is not None
        self.used = (account.access_token, account.refresh_token)
        self.expires_at[self.used] = self._now() + ACCESS_MS
        self.since = self._now()
        return self.used

    @rule(target=pairs, pair=pairs)
    def refresh(self, pair: Pair) -> Any:
        answer = self._runner.run(self.world.refresh(pair[1]))
        if self.ended:
            self._expect_refusal(answer, soft_logout=False)
            return multiple()
        if pair == self.offered:
            self._confirm()
        if pair == self.used:
            return self._given(answer)
        replayed = self._now() - self.died_at.get(pair, self._now()) > GRACE_MS
        self._expect_refusal(answer, soft_logout=not replayed)
        self.ended = replayed
        return multiple()

    def _given(self, answer: Answer) -> Any:
        assert answer.status == 200
        new = (answer.json["access_token"], answer.json["refresh_token"])
        fresh = self.offered is not None and self.expires_at[self.offered] > self._now()
        if fresh:
            assert new == self.offered
            assert self._now() + answer.json["expires_in_ms"] == self.expires_at[new]
            return multiple()
        if self.offered is not None:
            self.withdrawn.add(self.offered)  # it expired unused; dead from when its successor is used
        assert new not in self.expires_at
        self.expires_at[new] = self._now() + ACCESS_MS
        self.offered = new
        return new

    @rule(pair=pairs)
    def use(self, pair: Pair) -> None:
        answer = self._runner.run(self.world.whoami(pair[0]))
        if self.ended:
            self._expect_refusal(answer, soft_logout=False)
        elif pair not in (self.used, self.offered) or self.expires_at[pair] <= self._now():
            self._expect_refusal(answer, soft_logout=True)
        else:
            assert answer.status == 200
            if pair == self.offered:
                self._confirm()

    @rule(milliseconds=st.sampled_from([1, 1_000, GRACE_MS // 2, GRACE_MS, ACCESS_MS, 10 * ACCESS_MS]))
    def wait(self, milliseconds: int) -> None:
        self.world.clock.advance(milliseconds)

    @rule(pair=consumes(pairs))
    def lose(self, pair: Pair) -> None:
        """The client loses its tokens, or an answer never came."""

    @invariant()
    def session_lives_until_it_was_ended(self) -> None:
        if not self.ended and self.used[0] and self.expires_at[self.used] > self._now():
            assert self._runner.run(self.world.whoami(self.used[0])).status == 200

    def _confirm(self) -> None:
        assert self.offered is not None
        for older in self.died_at:  # what was dead by the time that the pair came into use which is superseded now
            self.died_at[older] = self.since
        for dead in (self.used, *self.withdrawn):
            self.died_at[dead] = self._now()
        self.since = self._now()
        self.withdrawn.clear()
        self.used, self.offered = self.offered, None

    def _expect_refusal(self, answer: Answer, *, soft_logout: bool) -> None:
        assert (answer.status, answer.errcode) == (401, "M_UNKNOWN_TOKEN")
        assert answer.json["soft_logout"] is soft_logout

    def _now(self) -> int:
        return self.world.clock.now()


TestRotation = Rotation.TestCase
TestRotation.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
