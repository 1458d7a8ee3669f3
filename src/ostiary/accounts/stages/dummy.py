"""``m.login.dummy``: always succeeds. Lets a registration be open, or two flows be told apart."""

from collections.abc import Mapping
from typing import Any

from ostiary.api.identifiers import Localpart
from ostiary.api.uia import DUMMY, AuthData


class DummyStage:
    """The stage that proves nothing and never fails."""

    type = DUMMY

    def params(self) -> Mapping[str, Any]:
        """Nothing to know."""
        return {}

    async def check(self, auth: AuthData, owner: Localpart | None) -> Localpart | None:
        """Succeed."""
        return None
