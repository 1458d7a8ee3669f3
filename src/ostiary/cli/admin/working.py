"""What all commands of ``ostiary admin`` need: the services on the database, options of lists, and what is printed."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ostiary.api.codec import encode_json
from ostiary.api.errors import MatrixError
from ostiary.api.visible import visible
from ostiary.cli.options import configure
from ostiary.cli.output import fail, say, say_json, say_table, told_in_one_line
from ostiary.config import ConfigError

if TYPE_CHECKING:
    from ostiary.server.services import Services

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_FROM = click.option("--from", "start", metavar="PLACE", help="Go on where an earlier list ended.")
_LIMIT = click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many at most."
)
confirmed = click.option("--yes", is_flag=True, help="Do not ask.")


def listing(*, newest_first: bool = False) -> Callable[[F], F]:
    """The options of a list that comes in pages."""
    direction = click.option(
        "--backward/--forward", default=newest_first, show_default=True, help="From which end to list."
    )

    def decorate(command: F) -> F:
        return _FROM(_LIMIT(direction(command)))

    return decorate


def with_services(options: dict[str, Any], use: "Callable[[Services], Awaitable[T]]") -> T:
    """What ``use`` does with the services. Errors are told in one line."""
    config = configure(options).config
    try:
        from ostiary.server.wiring import open_services
        from ostiary.storage.work import DatabaseUnusable
    except ImportError as error:
        fail(f"the server is not installed ({error.name} is missing): pip install 'ostiary[server]'")

    async def run() -> T:
        async with open_services(config) as services:
            return await use(services)

    with told_in_one_line(ConfigError, MatrixError, DatabaseUnusable):
        return asyncio.run(run())


def confirm(question: str, *, yes: bool) -> None:
    """Ask before what cannot be taken back; ends the command unless the answer is yes."""
    if yes:
        return
    if not sys.stdin.isatty():
        fail("there is no terminal to confirm this on; use --yes")
    if not click.confirm(visible(question)):
        fail("nothing was done")


def plain(answer: Any) -> Any:
    """A value of the contract as plain data, the same that the HTTP API answers."""
    return json.loads(encode_json(answer))


def say_page(
    name: str, answers: Sequence[Any], following: str | None, columns: Sequence[str],
    row: Callable[[Any], Sequence[str]], *, as_json: bool, empty: str,
) -> None:  # fmt: skip
    """Print a page of a list. ``name``: what its entries are in JSON; ``row``: of one of them, as plain data."""
    items = [plain(answer) for answer in answers]
    if as_json:
        say_json({name: items, "next": following})
        return
    say_table(columns, [row(item) for item in items], empty=empty)
    if following is not None:
        say(f"There are more: --from {following}")


def say_done(text: str, value: Any, *, as_json: bool) -> None:
    """Print what was done: a line, or as JSON."""
    if as_json:
        say_json(value)
    else:
        say(text)


class Moment(click.ParamType[int]):
    """A point in time: a date with or without a time, of UTC unless it says otherwise; or ``30d`` from now."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Milliseconds since the epoch."""
        if isinstance(value, int):
            return value
        from ostiary.config.kinds import duration
        from ostiary.server.environment import SystemClock

        try:
            return SystemClock().now() + int(duration(1).read(value))
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither a date like 2030-12-31T18:00 nor a duration like 30d", param, ctx)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(1, int(moment.timestamp() * 1000))
