"""``ostiary admin audit``."""

import json
from typing import TYPE_CHECKING, Any

import click

from ostiary.cli.admin.working import listing, say_page, with_services
from ostiary.cli.options import as_json, database_options
from ostiary.cli.output import when

if TYPE_CHECKING:
    from ostiary.server.services import Services


@click.command()
@click.argument("name", required=False)
@listing(newest_first=True)
@as_json
@database_options
def audit(name: str | None, start: str | None, limit: int, backward: bool, as_json: bool, **options: Any) -> None:
    """List what has happened to the account NAME, or to all, the newest first."""

    async def use(services: "Services") -> tuple[list[Any], str | None]:
        from ostiary.server.handlers.administration.answers import event_response

        page = await services.administration.events(name, start, limit, newest_first=backward)
        return [event_response(one, services.server_name) for one in page.items], page.next

    answers, following = with_services(options, use)
    say_page(
        "events", answers, following, ("when (UTC)", "who", "what", "from", "detail"), _row,
        as_json=as_json, empty="Nothing has happened.",
    )  # fmt: skip


def _row(event: dict[str, Any]) -> tuple[str, ...]:
    detail = ", ".join(f"{name}: {_text(value)}" for name, value in event["detail"].items())
    return when(event["happened_at"]), event["user_id"], event["kind"].replace("_", " "), event["address"], detail


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
