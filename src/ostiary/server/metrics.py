"""Figures for Prometheus: counted while requests are answered, or read from the parts when somebody asks.

Imported only where the configuration enables it: the library costs memory and time at the start. No label holds a
user, an address, a device or anything else that a client made up, so their number is bounded by the code.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from ostiary import __version__
from ostiary.accounts.ports import StoreUnavailable
from ostiary.api.errors import BY_CODE
from ostiary.api.login import APPSERVICE_LOGIN, JWT_LOGIN, PASSWORD_LOGIN, TOKEN_LOGIN
from ostiary.server.observing import Observed
from ostiary.server.vitals import Vitals
from ostiary.storage.works.vitals import OutboxCounts, count_outbox

PATH: Final = "/metrics"
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

BUCKETS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""From an answer out of memory to a login that waited for its hash."""

OTHER: Final = "other"
OK: Final = "ok"
_WAYS: Final = {
    PASSWORD_LOGIN: "password", TOKEN_LOGIN: "token", APPSERVICE_LOGIN: "appservice", JWT_LOGIN: "jwt",
}  # fmt: skip

NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Noted:
    """What is moved by requests to one endpoint with one class of status."""

    count: Counter
    duration: Histogram


class Metrics:
    """Counts. An ``Observer`` of requests, and a ``Tally`` of what happens to accounts."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals
        self._registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "ostiary_requests", "Requests answered.", ("endpoint", "status"), registry=self._registry
        )
        self._durations = Histogram(
            "ostiary_request_duration_seconds", "From the head of a request to its answer.", ("endpoint", "status"),
            buckets=BUCKETS_S, registry=self._registry,
        )  # fmt: skip
        self._errors = Counter(
            "ostiary_errors", "Requests answered with an error code.", ("errcode",), registry=self._registry
        )
        self._logins = Counter(
            "ostiary_logins", "Logins tried, by how they ended.", ("way", "result"), registry=self._registry
        )
        self._registrations = Counter(
            "ostiary_registrations", "Accounts made by clients.", ("kind",), registry=self._registry
        )
        self._parts = _Parts(vitals, perf_counter)
        self._registry.register(self._parts)
        self._noted: dict[tuple[str, int], _Noted] = {}

    # --- Counting ----------------------------------------------------------------------------------------------------

    def __call__(self, one: Observed) -> None:
        """Count a request."""
        key = (one.endpoint, one.status // 100)
        noted = self._noted.get(key)
        if noted is None:  # looking labels up costs more than counting
            labels = (one.endpoint, f"{key[1]}xx")
            noted = _Noted(self._requests.labels(*labels), self._durations.labels(*labels))
            self._noted[key] = noted
        noted.count.inc()
        noted.duration.observe(one.duration_ns / NS_PER_S)
        if one.errcode is not None:
            self._errors.labels(_known(one.errcode)).inc()

    def logged_in(self, way: str, result: str) -> None:
        self._logins.labels(_WAYS.get(way, OTHER), result if result == OK else _known(result)).inc()

    def registered(self, kind: str) -> None:
        self._registrations.labels(kind).inc()

    # --- Telling -----------------------------------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Look at what only the database knows. Where it cannot be asked, nothing is told of that."""
        try:
            self._parts.outbox = await self._vitals.engine.read(count_outbox())
        except StoreUnavailable:
            self._parts.outbox = None

    def text(self) -> bytes:
        """All figures, as Prometheus reads them. May be called in a thread."""
        return generate_latest(self._registry)


class _Parts(Collector):
    """What the parts say of themselves, read when it is asked for."""

    def __init__(self, vitals: Vitals, clock_s: Callable[[], float]) -> None:
        self.outbox: OutboxCounts | None = None
        self._vitals = vitals
        self._clock_s = clock_s
        self._started_s = clock_s()

    def collect(self) -> Iterator[Metric]:
        vitals = self._vitals
        yield _gauge("hashes_busy", "Password hashes being made.", vitals.hashing.busy)
        yield _gauge("hashes_waiting", "Password hashes that wait for a thread.", vitals.hashing.waiting)
        yield _gauge("database_waiting", "Works that wait for the database.", vitals.engine.waiting())
        if (cache := vitals.cache) is not None:
            yield _gauge("token_cache_entries", "Access tokens in the cache.", len(cache))
            yield _counter("token_cache_hits", "Tokens found in the cache.", cache.hits)
            yield _counter("token_cache_misses", "Tokens that the database was asked for.", cache.misses)
        if (outbox := self.outbox) is not None:
            yield _gauge("outbox_waiting", "Messages that wait to be sent.", outbox.waiting)
            yield _gauge("outbox_stuck", "Messages that could not be sent and are not tried again.", outbox.given_up)
        yield _gauge("uptime_seconds", "Since the start of the process.", self._clock_s() - self._started_s)
        info = GaugeMetricFamily("ostiary_info", "The version that runs.", labels=("version",))
        info.add_metric((__version__,), 1)
        yield info


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"ostiary_{name}", meaning, value=value)


def _counter(name: str, meaning: str, value: float) -> Metric:
    return CounterMetricFamily(f"ostiary_{name}", meaning, value=value)


def _known(errcode: str) -> str:
    return errcode if errcode in BY_CODE else OTHER
