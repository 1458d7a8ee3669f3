"""``python -m tests.faults kill --times 300``: does harm to servers of its own, and counts what comes of it."""

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ostiary.server.logs import Log
from tests.faults.clock import clock_rounds
from tests.faults.connections import idle
from tests.faults.disk import full_rounds, small_disk
from tests.faults.kill import kill_rounds
from tests.faults.mail import mail_run
from tests.faults.outage import HARMS, outage_rounds
from tests.faults.overload import overload
from tests.faults.postgres_server import postgres_server
from tests.faults.report import Report
from tests.faults.scene import Scene
from tests.faults.worker import worker_rounds


def kill(options: argparse.Namespace, directory: Path) -> Report:
    report = Report(f"kill -9, {options.engine}, {options.workers} process(es), seed {options.seed}")
    how = {"rounds": options.times, "seed": options.seed, "report": report}
    if options.engine == "sqlite":
        kill_rounds(Scene(directory, workers=options.workers), **how)
        return report
    with postgres_server() as postgres:
        kill_rounds(Scene(directory, postgres.url, options.workers), **how)
    return report


def worker(options: argparse.Namespace, directory: Path) -> Report:
    report = Report(f"one of {options.workers} workers killed, {options.engine}, seed {options.seed}")
    how = {"rounds": options.times, "seed": options.seed, "report": report}
    if options.engine == "sqlite":
        worker_rounds(Scene(directory, workers=options.workers), **how)
        return report
    with postgres_server() as postgres:
        worker_rounds(Scene(directory, postgres.url, options.workers), **how)
    return report


def database(options: argparse.Namespace, directory: Path) -> Report:
    report = Report(f"PostgreSQL: {options.harm}, seed {options.seed}")
    with postgres_server() as postgres:
        scene = Scene(directory, postgres.url)
        outage_rounds(scene, postgres, harm=options.harm, rounds=options.times, seed=options.seed, report=report)
    return report


def overloaded(options: argparse.Namespace, directory: Path) -> Report:
    report = Report(f"logins at {options.factor:g} times what can be done, for {options.seconds:g} s")
    overload(directory, factor=options.factor, seconds=options.seconds, report=report)
    return report


def idling(options: argparse.Namespace, directory: Path) -> Report:
    report = Report(f"{options.times} idle connections")
    idle(directory, options.times, header_timeout_s=options.header_timeout, report=report)
    return report


def disk(options: argparse.Namespace, directory: Path) -> Report:
    report = Report(f"full disk, SQLite, seed {options.seed}")
    with small_disk(directory):
        full_rounds(directory, rounds=options.times, seed=options.seed, report=report)
    return report


def mail(options: argparse.Namespace, directory: Path) -> Report:
    report = Report(f"mail server in bad moods, seed {options.seed}")
    log = Log(logging.getLogger("tests.faults"))
    asyncio.run(mail_run(directory, mails=options.times, seed=options.seed, report=report, log=log))
    return report


def clock(options: argparse.Namespace, directory: Path) -> Report:
    report = Report(f"clock set back and forth, seed {options.seed}")
    log = Log(logging.getLogger("tests.faults"))
    asyncio.run(clock_rounds(directory, rounds=options.times, seed=options.seed, report=report, log=log))
    return report


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = _command(commands, kill, 300, "kill the server's processes at random moments under load")
    one.add_argument("--engine", choices=["sqlite", "postgresql"], default="sqlite")
    one.add_argument("--workers", type=int, default=1)
    one = _command(commands, worker, 50, "kill one of several workers under load")
    one.add_argument("--engine", choices=["sqlite", "postgresql"], default="sqlite")
    one.add_argument("--workers", type=int, default=4)
    one = _command(commands, overloaded, 1, "send many times as many logins as can be served", "overload")
    one.add_argument("--factor", type=float, default=20)
    one.add_argument("--seconds", type=float, default=60)
    one = _command(commands, idling, 10_000, "open many connections that do nothing", "idle")
    one.add_argument("--header-timeout", type=int, default=30, help="seconds; opening them all takes a few")
    _command(commands, mail, 500, "send mails by a server in bad moods")
    _command(commands, clock, 50, "set the server's clock back and forth")
    _command(commands, disk, 50, "fill the disk of a server up under load; needs the right to mount")
    one = _command(commands, database, 50, "harm PostgreSQL while the server runs")
    one.add_argument("--harm", choices=HARMS, default="kill")
    options = parser.parse_args()
    logging.disable(logging.ERROR)  # of what is called in this process; it is counted
    with tempfile.TemporaryDirectory() as directory:
        report: Report = options.run(options, Path(directory))
    sys.stdout.write(f"{report}\n")
    return 1 if report.violations else 0


def _command(
    commands: Any, run: Callable[[argparse.Namespace, Path], Report], times: int, help_: str, name: str = ""
) -> argparse.ArgumentParser:
    one: argparse.ArgumentParser = commands.add_parser(name or run.__name__, help=help_)
    one.add_argument("--times", type=int, default=times)
    one.add_argument("--seed", type=int, default=1)
    one.set_defaults(run=run)
    return one


if __name__ == "__main__":  # the processes that it starts read this file, too
    sys.exit(main())
