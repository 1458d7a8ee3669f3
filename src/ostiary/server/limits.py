"""Rate limits: how many calls an address or an account may make, by the generic cell rate algorithm.

For each bucket one number is kept, the time at which it will be full again. Clients' addresses are counted in each
process, accounts by all together: in the database, where there may be several processes, else in memory as well.
"""

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ostiary.accounts.ports import Clock
from ostiary.accounts.stores import CountStore
from ostiary.accounts.values import CountedCall
from ostiary.api.endpoint import RateLimit
from ostiary.api.errors import LimitExceeded
from ostiary.config import Rate, RateConfig, RateLimitsConfig

US_PER_MS: Final = 1_000
US_PER_MINUTE: Final = 60_000_000

LONGEST_INTERVAL_US: Final = 10**15
"""Thirty years. What comes but once in more time than that does not come again."""

MOST_US: Final = 2**61
"""What a bucket holds at most, so that every sum is a number that databases have."""

WRONG_CLOCK_US: Final = 3_600 * 1_000_000
"""Time beyond what calls can have used up, from which on it was no call, but a clock that was wrong."""

MAX_KEYS: Final = 100_000
"""Beyond it, buckets that are full again are dropped, and at need the oldest: memory stays bounded."""

KEY_BYTES: Final = 16
"""Of a digest, in place of names that may be long, or what somebody has taken for a name: a password, say."""

IPV6_PREFIX: Final = 64
"""What one IPv6 client commonly has to itself."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """``burst`` calls at once, then one every ``interval_us``. Whole numbers, which mean the same everywhere."""

    burst: int
    interval_us: int

    @property
    def most_us(self) -> int:
        """How long it takes to be full again, at most."""
        return min(self.burst * self.interval_us, MOST_US)

    def beyond_us(self, now_us: int) -> int:
        """No call can have it full again later than this."""
        return now_us + self.most_us + WRONG_CLOCK_US

    def after_call(self, full_at_us: int, now_us: int) -> int:
        """When it is full again after one more call."""
        return max(full_at_us, now_us) + self.interval_us

    def wait_us(self, full_at_us: int, now_us: int) -> int:
        """How long until there is a call left; 0 or less: now."""
        return self.after_call(full_at_us, now_us) - now_us - self.most_us


@dataclass(frozen=True, slots=True)
class Buckets:
    """The limits of one class of calls."""

    per_address: Bucket
    per_account: Bucket


class Levels:
    """When buckets are full again, as far as this process remembers."""

    def __init__(self) -> None:
        self._full_at_us: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._full_at_us)

    def find(self, key: bytes, bucket: Bucket, now_us: int) -> int:
        """When a bucket is full again; 0 where nothing is known of it, or nothing that can be so."""
        full_at_us = self._full_at_us.get(key, 0)
        return 0 if full_at_us > bucket.beyond_us(now_us) else full_at_us

    def put(self, key: bytes, full_at_us: int, now_us: int) -> None:
        """Remember it."""
        self._full_at_us.pop(key, None)  # so that the order of the keys is the order of their last use
        self._full_at_us[key] = full_at_us
        if len(self._full_at_us) > MAX_KEYS:
            self._make_room(now_us)

    def _make_room(self, now_us: int) -> None:
        self._full_at_us = {key: full_at for key, full_at in self._full_at_us.items() if full_at > now_us}
        for key in list(self._full_at_us)[: max(0, len(self._full_at_us) - MAX_KEYS // 2)]:
            del self._full_at_us[key]


class Limits:
    """``accounts.ports.Limiter``. ``buckets`` empty: no limits. ``store``: counts accounts, for all processes.

    Without a store this process is the only one, and counts in memory.
    """

    def __init__(self, clock: Clock, buckets: Mapping[RateLimit, Buckets], store: CountStore | None = None) -> None:
        self._clock = clock
        self._buckets = buckets
        self._store = store
        self._levels = Levels()

    def take_for_address(self, limit: RateLimit, address: str) -> None:
        """Count a call of a client's address. Raises LimitExceeded."""
        if self._buckets and address:
            self._take(_key(limit, f"address {network_of(address)}"), self._buckets[limit].per_address)

    async def take_for_account(self, limit: RateLimit, account: str) -> None:
        """Count a call that is about an account. Raises LimitExceeded."""
        if not self._buckets:
            return
        key, bucket = _key(limit, f"account {account}"), self._buckets[limit].per_account
        if self._store is None:
            self._take(key, bucket)
        else:
            await self._take_from(self._store, key, bucket)

    def _take(self, key: bytes, bucket: Bucket) -> None:
        now_us = self._now_us()
        full_at_us = self._levels.find(key, bucket, now_us)
        _refuse(bucket.wait_us(full_at_us, now_us))
        self._levels.put(key, bucket.after_call(full_at_us, now_us), now_us)

    async def _take_from(self, store: CountStore, key: bytes, bucket: Bucket) -> None:
        """Count in the store. That nothing is left is remembered here, and then refused without asking again."""
        now_us = self._now_us()
        _refuse(bucket.wait_us(self._levels.find(key, bucket, now_us), now_us))
        counted = await store.count_call(
            CountedCall(key, now_us, bucket.interval_us, bucket.most_us, bucket.beyond_us(now_us))
        )
        wait_us = bucket.wait_us(counted.full_at_us, now_us)
        if wait_us > 0:
            self._levels.put(key, counted.full_at_us, now_us)
        if not counted.is_taken:
            _refuse(max(wait_us, 1))

    def _now_us(self) -> int:
        return self._clock.now() * US_PER_MS


def _key(limit: RateLimit, what: str) -> bytes:
    return hashlib.blake2b(f"{limit.value} {what}".encode("utf-8", "replace"), digest_size=KEY_BYTES).digest()


def _refuse(wait_us: int) -> None:
    if wait_us > 0:
        raise LimitExceeded("Too many requests", retry_after_ms=wait_us // US_PER_MS + 1)


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
    return Buckets(per_address=_bucket(rate.per_address), per_account=_bucket(rate.per_account))


def _bucket(rate: Rate) -> Bucket:
    return Bucket(rate.burst, max(1, round(min(US_PER_MINUTE / rate.per_minute, LONGEST_INTERVAL_US))))


def longest_us(limits: RateLimitsConfig) -> int:
    """How long it takes the slowest bucket of an account to be full again."""
    return max((pair.per_account.most_us for pair in buckets_of(limits).values()), default=0)
