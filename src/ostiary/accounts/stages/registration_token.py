"""``m.login.registration_token``: the caller was given a token to register with.

A use of the token is held for the dialogue until that ends: no more dialogues come through than it has uses.
"""

from collections.abc import Mapping
from typing import Any

from ostiary.accounts.model import Origin, UiaRecord
from ostiary.accounts.ports import Clock
from ostiary.accounts.proofs import Proof
from ostiary.accounts.stages.stage import StageFailed
from ostiary.accounts.stores import RegistrationTokenStore
from ostiary.api.errors import Reason, Unauthorized
from ostiary.api.uia import REGISTRATION_TOKEN, AuthData, RegistrationTokenAuth


class RegistrationTokenStage:
    """The stage that wants a registration token."""

    type = REGISTRATION_TOKEN

    def __init__(self, store: RegistrationTokenStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def params(self) -> Mapping[str, Any]:
        """Nothing to know."""
        return {}

    async def check(self, auth: AuthData, dialogue: UiaRecord, origin: Origin) -> Proof:
        """Hold a use of the token."""
        if not isinstance(auth, RegistrationTokenAuth):
            raise StageFailed(Unauthorized("The attempt is not of this stage"))
        token = auth.token.reveal()
        if not await self._store.hold_registration_token(
            token, dialogue.digest, dialogue.expires_at, self._clock.now()
        ):
            raise StageFailed(Unauthorized("The registration token is not good", reason=Reason.SPENT_TOKEN))
        return Proof(registration_token=token)
