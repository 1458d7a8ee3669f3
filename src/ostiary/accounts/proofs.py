"""What a completed stage of interactive authentication proves, beyond that it was completed.

Kept with the dialogue as JSON, and handed to the operation that it allows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from ostiary.accounts.messages import Medium
from ostiary.accounts.values import ProvenAddress
from ostiary.api.identifiers import Localpart


@dataclass(frozen=True, slots=True)
class Proof:
    """What a stage proves: who the caller is, an address, an invitation, agreement. Most prove one of these, or none.

    ``policies``: the versions agreed to, by policy.
    """

    localpart: Localpart | None = None
    address: ProvenAddress | None = None
    registration_token: str | None = None
    policies: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> Mapping[str, Any]:
        """As it is kept."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """As it was kept."""
        address = kept.get("address")
        return cls(**{**kept, "address": ProvenAddress(**{**address, "medium": Medium(address["medium"])})
                      if address else None})  # fmt: skip


NOTHING = Proof()
"""That the stage was completed, and no more."""


@dataclass(frozen=True, slots=True)
class Proven:
    """What all stages of a dialogue prove together."""

    localpart: Localpart | None = None
    addresses: tuple[ProvenAddress, ...] = ()
    registration_tokens: tuple[str, ...] = ()
    policies: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, proofs: Iterable[Proof]) -> Self:
        """Put proofs together."""
        proofs = tuple(proofs)
        policies: dict[str, str] = {}
        for proof in proofs:
            policies |= proof.policies
        return cls(
            next((proof.localpart for proof in proofs if proof.localpart is not None), None),
            tuple(proof.address for proof in proofs if proof.address is not None),
            tuple(proof.registration_token for proof in proofs if proof.registration_token is not None),
            policies,
        )
