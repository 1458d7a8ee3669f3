"""``m.login.email.identity`` and ``m.login.msisdn``: the caller reads a mail address, or a phone number.

What that proves hangs on the operation: whoever registers brings a new address; elsewhere it is the account's, and
without a token it says whose account it is.
"""

from collections.abc import Mapping
from typing import Any

from ostiary.accounts.messages import Medium
from ostiary.accounts.model import Origin, UiaRecord
from ostiary.accounts.proofs import Proof
from ostiary.accounts.stages.stage import StageFailed
from ostiary.accounts.stores import AddressStore
from ostiary.accounts.validations import Validations
from ostiary.accounts.values import ProvenAddress, Purpose
from ostiary.api.errors import Forbidden, MatrixError, Reason, ThreepidAuthFailed, Unauthorized
from ostiary.api.uia import EMAIL, MSISDN, AuthData, EmailAuth, MsisdnAuth

_TYPES = {Medium.EMAIL: EMAIL, Medium.MSISDN: MSISDN}


class ValidatedStage:
    """The stage that wants an address of a medium validated. ``registers``: the operations that make an account."""

    def __init__(
        self, medium: Medium, validations: Validations, store: AddressStore, registers: frozenset[str]
    ) -> None:
        self.type = _TYPES[medium]
        self._medium = medium
        self._validations = validations
        self._store = store
        self._registers = registers

    def params(self) -> Mapping[str, Any]:
        """Nothing to know."""
        return {}

    async def check(self, auth: AuthData, dialogue: UiaRecord, origin: Origin) -> Proof:
        """Check that the address has been validated, by now."""
        if not isinstance(auth, EmailAuth | MsisdnAuth):
            raise StageFailed(Unauthorized("The attempt is not of this stage"))
        creds = auth.threepid_creds
        registers = dialogue.operation in self._registers
        purpose = Purpose.REGISTER if registers else Purpose.RESET_PASSWORD
        try:
            proven = await self._validations.prove(purpose, creds.sid, creds.client_secret)
        except ThreepidAuthFailed as error:
            raise StageFailed(_unauthorized(error)) from None
        if proven.medium is not self._medium:
            raise StageFailed(_unauthorized(ThreepidAuthFailed("The validation is of another medium")))
        return Proof(address=proven) if registers else await self._proof_of_owner(proven, dialogue)

    async def _proof_of_owner(self, proven: ProvenAddress, dialogue: UiaRecord) -> Proof:
        localpart = await self._store.find_owner(proven.medium, proven.address)
        if localpart is None:
            raise StageFailed(_unauthorized(ThreepidAuthFailed("No account has this address any longer")))
        if dialogue.owner is not None and localpart != dialogue.owner:
            raise Forbidden("The address is not of the account whose token it is", reason=Reason.OTHER_ACCOUNT)
        return Proof(localpart=localpart, address=proven)


def _unauthorized(error: MatrixError) -> MatrixError:
    error.status = 401
    return error
