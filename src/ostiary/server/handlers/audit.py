"""Serves ``api.audit``."""

from ostiary.api.audit import AuditEvent, AuditResponse, GetAudit
from ostiary.api.endpoint import UNSET
from ostiary.api.errors import NotFound
from ostiary.api.paging import BACKWARD, limit_of
from ostiary.server.context import RequestContext
from ostiary.server.handlers.paging import next_batch, start_of
from ostiary.server.handling import handles


@handles(GetAudit)
async def get_audit(request: GetAudit, ctx: RequestContext) -> AuditResponse:
    """What has happened to the caller's account."""
    services = ctx.services
    account = await services.store.find_details(ctx.caller.localpart)
    if account is None:
        raise NotFound("The account is gone")
    page = await services.records.list_for_owner(
        account, start_of(request.start), limit_of(request.limit),
        newest_first=request.direction is UNSET or request.direction == BACKWARD,
    )  # fmt: skip
    events = tuple(
        AuditEvent(
            event_id=one.event_id,
            kind=one.event.kind.value,
            happened_at=one.event.at,
            address=one.event.origin.address,
            user_agent=one.event.origin.user_agent,
            detail=dict(one.event.detail),
        )
        for one in page.items
    )
    return AuditResponse(events=events, next_batch=next_batch(page))
