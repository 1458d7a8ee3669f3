"""``m.login.dummy``: always succeeds. Lets a registration be open, or two flows be told apart."""

from collections.abc import Mapping
from typing import Any

from ostiary.accounts.model import Origin, UiaRecord
from ostiary.accounts.proofs import NOTHING, Proof
from ostiary.api.uia import DUMMY, AuthData


class DummyStage:
    """The stage that proves nothing and never fails."""

    type = DUMMY

    def params(self) -> Mapping[str, Any]:
        """Nothing to know."""
        return {}

    async def check(self, auth: AuthData, dialogue: UiaRecord, origin: Origin) -> Proof:
        """Succeed."""
        return NOTHING
