"""Rate limits: how many calls an address or an account may make, by the generic cell rate algorithm.

Each key holds one number, the time at which its bucket will be full again. Counted in this process: a server of several
processes allows each its own share.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ostiary.accounts.ports import Clock
from ostiary.api.endpoint import RateLimit
from ostiary.api.errors import LimitExceeded
from ostiary.config import RateConfig, RateLimitsConfig

MS_PER_MINUTE: Final = 60_000

MAX_KEYS: Final = 100_000
"""Beyond it, keys whose bucket is full again are dropped, and at need the oldest: memory stays bounded."""

IPV6_PREFIX: Final = 64
"""What one IPv6 client commonly has to itself."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """``burst`` calls at once, then one every ``interval_ms``."""

    burst: int
    interval_ms: float


@dataclass(frozen=True, slots=True)
class Buckets:
    """The limits of one class of calls."""

    per_address: Bucket
    per_account: Bucket


class Limits:
    """``accounts.ports.Limiter`` in memory. ``buckets`` empty: no limits."""

    def __init__(self, clock: Clock, buckets: Mapping[RateLimit, Buckets]) -> None:
        self._clock = clock
        self._buckets = buckets
        self._full_at: dict[tuple[RateLimit, str], float] = {}

    def take_for_address(self, limit: RateLimit, address: str) -> None:
        """Count a call of a client's address. Raises LimitExceeded."""
        if self._buckets and address:
            self._take((limit, f"address {network_of(address)}"), self._buckets[limit].per_address)

    def take_for_account(self, limit: RateLimit, localpart: str) -> None:
        """Count a call that is about an account. Raises LimitExceeded."""
        if self._buckets:
            self._take((limit, f"account {localpart}"), self._buckets[limit].per_account)

    def _take(self, key: tuple[RateLimit, str], bucket: Bucket) -> None:
        now = self._clock.now()
        full_at = max(self._full_at.get(key, 0.0), now) + bucket.interval_ms
        wait_ms = full_at - now - bucket.burst * bucket.interval_ms
        if wait_ms > 0:
            raise LimitExceeded("Too many requests", retry_after_ms=int(wait_ms) + 1)
        self._full_at.pop(key, None)  # so that the order of the keys is the order of their last use
        self._full_at[key] = full_at
        if len(self._full_at) > MAX_KEYS:
            self._make_room(now)

    def _make_room(self, now: int) -> None:
        self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > now}
        for key in list(self._full_at)[: max(0, len(self._full_at) - MAX_KEYS // 2)]:
            del self._full_at[key]


def network_of(address: str) -> str:
    """What is counted as one client: an IPv4 address, or an IPv6 network."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network(f"{address.partition('%')[0]}/{IPV6_PREFIX}", strict=False))
    except ValueError:
        return address


def buckets_of(limits: RateLimitsConfig) -> dict[RateLimit, Buckets]:
    """The limits of this configuration."""
    if not limits.enabled:
        return {}
    rates = {
        RateLimit.LOGIN: limits.login,
        RateLimit.REGISTER: limits.register,
        RateLimit.REFRESH: limits.refresh,
        RateLimit.CHECK: limits.check,
        RateLimit.CHANGE: limits.change,
        RateLimit.MESSAGE: limits.message,
    }
    return {limit: _pair_of_buckets(rate) for limit, rate in rates.items()}


def _pair_of_buckets(rate: RateConfig) -> Buckets:
    address, account = rate.per_address, rate.per_account
    return Buckets(
        per_address=Bucket(address.burst, MS_PER_MINUTE / address.per_minute),
        per_account=Bucket(account.burst, MS_PER_MINUTE / account.per_minute),
    )
