"""``ostiary admin mail``: messages that wait to be sent, by mail or as text messages."""

from typing import TYPE_CHECKING, Any

import click

from ostiary.cli.admin.working import listing, say_done, say_page, with_services
from ostiary.cli.options import as_json, database_options
from ostiary.cli.output import when

if TYPE_CHECKING:
    from ostiary.server.services import Services


@click.group()
def mail() -> None:
    """Mails and text messages that wait to be sent."""


@mail.command(name="list")
@click.option("--all", "everything", is_flag=True, help="Those too with which nothing is wrong.")
@listing()
@as_json
@database_options
def list_messages(
    everything: bool, start: str | None, limit: int, backward: bool, as_json: bool, **options: Any
) -> None:
    """List what is stuck, and why."""

    async def use(services: "Services") -> tuple[list[Any], str | None]:
        from ostiary.server.handlers.administration.answers import message_response

        page = await services.postroom.list(start, limit, stuck_only=not everything, backward=backward)
        return [message_response(entry) for entry in page.items], page.next

    answers, following = with_services(options, use)
    columns = ("id", "to", "what", "written (UTC)", "tried", "next (UTC)", "error")
    say_page(
        "messages", answers, following, columns, _row, as_json=as_json,
        empty="No message waits." if everything else "No message is stuck.",
    )  # fmt: skip


def _row(message: dict[str, Any]) -> tuple[str, ...]:
    following = "given up" if "given_up_at" in message else when(message["next_attempt_at"])
    return (
        message["message_id"], message["address"], message["kind"].replace("_", " "), when(message["created_at"]),
        str(message["attempts"]), following, message.get("last_error", ""),
    )  # fmt: skip


@mail.command()
@click.argument("message_id")
@as_json
@database_options
def retry(message_id: str, as_json: bool, **options: Any) -> None:
    """Try to send the message MESSAGE_ID again at once."""
    with_services(options, lambda services: services.postroom.retry(message_id))
    say_done(f"The message {message_id} is sent as soon as the server runs", {"retried": message_id}, as_json=as_json)


@mail.command()
@click.argument("message_id")
@as_json
@database_options
def drop(message_id: str, as_json: bool, **options: Any) -> None:
    """Forget the message MESSAGE_ID unsent."""
    with_services(options, lambda services: services.postroom.drop(message_id))
    say_done(f"Dropped the message {message_id}", {"dropped": message_id}, as_json=as_json)
