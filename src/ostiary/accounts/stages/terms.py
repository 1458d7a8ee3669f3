"""``m.login.terms``: the caller agrees to the server's policies, in the versions that the dialogue began with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ostiary.accounts.model import Origin, UiaRecord
from ostiary.accounts.proofs import Proof
from ostiary.api.uia import TERMS, AuthData


@dataclass(frozen=True, slots=True)
class Translation:
    """A policy in one language."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy; ``translations``: by language."""

    policy_id: str
    version: str
    translations: Mapping[str, Translation]


class TermsStage:
    """The stage that wants the policies agreed to."""

    type = TERMS

    def __init__(self, policies: tuple[Policy, ...]) -> None:
        self.policies = policies

    def params(self) -> Mapping[str, Any]:
        """The policies, with where to read them."""
        return {
            "policies": {
                policy.policy_id: {
                    "version": policy.version,
                    **{language: {"name": one.name, "url": one.url} for language, one in policy.translations.items()},
                }
                for policy in self.policies
            }
        }

    async def check(self, auth: AuthData, dialogue: UiaRecord, origin: Origin) -> Proof:
        """Take the attempt for agreement, which it is."""
        return Proof(policies={policy.policy_id: policy.version for policy in self.policies})
