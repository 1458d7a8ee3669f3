"""Serves ``api.administration.mail``."""

from ostiary.api.administration.mail import (
    DropMessage,
    ListMessages,
    MessagesResponse,
    RetryMessage,
)
from ostiary.api.endpoint import Empty
from ostiary.api.paging import BACKWARD, limit_of
from ostiary.server.context import RequestContext
from ostiary.server.handlers.administration.answers import message_response
from ostiary.server.handlers.paging import next_batch, start_of
from ostiary.server.handling import handles


@handles(ListMessages)
async def list_messages(request: ListMessages, ctx: RequestContext) -> MessagesResponse:
    """A page of the messages that wait."""
    page = await ctx.services.postroom.list(
        start_of(request.start),
        limit_of(request.limit),
        stuck_only=request.stuck is True,
        backward=request.direction == BACKWARD,
    )
    messages = tuple(message_response(entry) for entry in page.items)
    return MessagesResponse(messages=messages, next_batch=next_batch(page))


@handles(RetryMessage)
async def retry_message(request: RetryMessage, ctx: RequestContext) -> Empty:
    """Have a message tried again."""
    await ctx.services.postroom.retry(request.message_id)
    return Empty()


@handles(DropMessage)
async def drop_message(request: DropMessage, ctx: RequestContext) -> Empty:
    """Forget a message."""
    await ctx.services.postroom.drop(request.message_id)
    return Empty()
