"""Serves ``api.administration.audit``."""

from ostiary.accounts.paging import Page
from ostiary.accounts.values import LoggedEvent
from ostiary.api.administration.audit import EventsResponse, ListAccountEvents, ListEvents
from ostiary.api.endpoint import UNSET
from ostiary.api.paging import BACKWARD, limit_of
from ostiary.server.context import RequestContext
from ostiary.server.handlers.administration.answers import event_response
from ostiary.server.handlers.paging import next_batch, start_of
from ostiary.server.handling import handles


@handles(ListEvents)
async def list_events(request: ListEvents, ctx: RequestContext) -> EventsResponse:
    """What has happened to all accounts."""
    return _response(await _page(None, request, ctx), ctx)


@handles(ListAccountEvents)
async def list_account_events(request: ListAccountEvents, ctx: RequestContext) -> EventsResponse:
    """What has happened to an account."""
    return _response(await _page(request.name, request, ctx), ctx)


async def _page(
    name: str | None, request: ListEvents | ListAccountEvents, ctx: RequestContext
) -> Page[LoggedEvent]:  # fmt: skip
    return await ctx.services.administration.events(
        name, start_of(request.start), limit_of(request.limit),
        newest_first=request.direction is UNSET or request.direction == BACKWARD,
    )  # fmt: skip


def _response(page: Page[LoggedEvent], ctx: RequestContext) -> EventsResponse:
    events = tuple(event_response(one, ctx.services.server_name) for one in page.items)
    return EventsResponse(events=events, next_batch=next_batch(page))
