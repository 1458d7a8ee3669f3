"""``m.login.password``: the caller knows the account's password.

With a token, the account must be the token's; without one, the stage says whose account it is. An account without a
password never passes.
"""

from collections.abc import Mapping
from typing import Any

from ostiary.accounts.model import Origin, UiaRecord
from ostiary.accounts.passwords import Passwords
from ostiary.accounts.proofs import Proof
from ostiary.accounts.stages.stage import StageFailed
from ostiary.accounts.transitions import refusal_to_log_in
from ostiary.accounts.who import Named, WhoIs
from ostiary.api.errors import Forbidden, MissingParam, Reason
from ostiary.api.uia import PASSWORD, AuthData, PasswordAuth


class PasswordStage:
    """The stage that wants a password."""

    type = PASSWORD

    def __init__(self, passwords: Passwords, who: WhoIs) -> None:
        self._passwords = passwords
        self._who = who

    def params(self) -> Mapping[str, Any]:
        """Nothing to know."""
        return {}

    async def check(self, auth: AuthData, dialogue: UiaRecord, origin: Origin) -> Proof:
        """Check the password. Raises Forbidden (403) when a user other than the token's is named."""
        if not isinstance(auth, PasswordAuth):
            raise StageFailed(Forbidden("The attempt is not of this stage", status=401))
        owner = dialogue.owner
        named = await self._who.named(auth.identifier, auth.user, auth.medium, auth.address)
        if named is None and owner is None:
            raise MissingParam("'auth.identifier' is missing", field="auth.identifier")
        whose = Named(owner) if named is None else named
        if owner is not None and (whose.localpart is None or whose.localpart.lower() != owner.lower()):
            raise Forbidden("The user named is not the one whose token it is", reason=Reason.OTHER_ACCOUNT)
        if owner is not None:
            whose = Named(owner)
        try:
            proven = await self._passwords.prove(whose, auth.password)
        except Forbidden as error:
            raise StageFailed(Forbidden("Invalid password", reason=error.reason, status=401)) from None
        if (refusal := refusal_to_log_in(proven.credentials.state)) is not None:
            raise refusal
        return Proof(localpart=proven.credentials.localpart)
