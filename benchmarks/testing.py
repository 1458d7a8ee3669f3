"""How long a test waits for its server: set-up and end of ``ostiary.testing.serve``, with and without a socket."""

import statistics
import time

ROUNDS = 50
TARGET_MS = 50


def measure(*, socket: bool) -> tuple[list[float], list[float]]:
    """Milliseconds to start, and to stop."""
    starts, stops = [], []
    from ostiary.testing import serve

    for _ in range(ROUNDS):
        begun = time.perf_counter()
        with serve(socket=socket):
            started = time.perf_counter()
        starts.append((started - begun) * 1e3)
        stops.append((time.perf_counter() - started) * 1e3)
    return starts, stops


def main() -> None:
    begun = time.perf_counter()
    from ostiary.testing import serve

    with serve():
        print(f"{'first, with imports':<22}{(time.perf_counter() - begun) * 1e3:>8.0f} ms")
    for socket in (True, False):
        starts, stops = measure(socket=socket)
        worst, verdict = max(starts), "yes" if statistics.median(starts) <= TARGET_MS else "NO"
        name = "with a socket" if socket else "without a socket"
        print(
            f"{name:<22}{statistics.median(starts):>8.1f} ms to start (worst {worst:.1f}),"
            f" {statistics.median(stops):.1f} ms to stop   ({TARGET_MS} ms: {verdict})"
        )


if __name__ == "__main__":
    main()
