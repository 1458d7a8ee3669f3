"""Serves ``api.administrative_contact``."""

from ostiary.accounts.threepids import Credentials
from ostiary.accounts.values import Purpose
from ostiary.api.account_deactivation import UnbindResponse
from ostiary.api.administrative_contact import (
    AddThirdPartyId,
    BindThirdPartyId,
    DeleteThirdPartyId,
    GetThirdPartyIds,
    PostThirdPartyId,
    RequestTokenToAddEmail,
    RequestTokenToAddPhone,
    SubmitUrlResponse,
    ThirdPartyId,
    ThirdPartyIdsResponse,
    UnbindThirdPartyId,
)
from ostiary.api.endpoint import UNSET, Empty
from ostiary.api.validation import RequestTokenResponse
from ostiary.server.context import RequestContext
from ostiary.server.handlers.answers import unbind_response
from ostiary.server.handlers.validation import ask_by_mail, ask_by_text
from ostiary.server.handling import handles


@handles(GetThirdPartyIds)
async def get_third_party_ids(request: GetThirdPartyIds, ctx: RequestContext) -> ThirdPartyIdsResponse:
    """The addresses of the caller's account."""
    found = await ctx.services.threepids.list(ctx.caller.localpart)
    return ThirdPartyIdsResponse(
        threepids=tuple(
            ThirdPartyId(medium=one.medium, address=one.address, validated_at=one.validated_at, added_at=one.added_at)
            for one in found
        )
    )


@handles(PostThirdPartyId)
async def post_third_party_id(request: PostThirdPartyId, ctx: RequestContext) -> SubmitUrlResponse:
    """Add an address as older clients do: without interactive authentication, and bind it if that is wished."""
    threepids = ctx.services.threepids
    threepids.ensure_addable_without_password()
    creds = request.three_pid_creds
    credentials = Credentials(
        creds.sid,
        creds.client_secret,
        None if creds.id_server is UNSET else creds.id_server,
        None if creds.id_access_token is UNSET else creds.id_access_token,
    )
    address = await threepids.prove(credentials)
    await threepids.add(ctx.caller, address, ctx.origin, None)
    if request.bind is True and credentials.id_server is not None:
        await threepids.bind(ctx.caller.localpart, credentials, ctx.origin)
    return SubmitUrlResponse()


@handles(AddThirdPartyId)
async def add_third_party_id(request: AddThirdPartyId, ctx: RequestContext) -> Empty:
    """Add an address that has been validated here."""
    threepids = ctx.services.threepids
    threepids.ensure_changeable()
    use = None if ctx.appservice is not None else (await ctx.confirm(request.auth)).use
    address = await threepids.prove(Credentials(request.sid, request.client_secret))
    await threepids.add(ctx.caller, address, ctx.origin, use)
    return Empty()


@handles(BindThirdPartyId)
async def bind_third_party_id(request: BindThirdPartyId, ctx: RequestContext) -> Empty:
    """Have an identity server tell others whose address it is."""
    credentials = Credentials(request.sid, request.client_secret, request.id_server, request.id_access_token)
    await ctx.services.threepids.bind(ctx.caller.localpart, credentials, ctx.origin)
    return Empty()


@handles(DeleteThirdPartyId)
async def delete_third_party_id(request: DeleteThirdPartyId, ctx: RequestContext) -> UnbindResponse:
    """Remove an address, here and at identity servers."""
    threepids = ctx.services.threepids
    threepids.ensure_changeable()
    id_server = None if request.id_server is UNSET else request.id_server
    return unbind_response(
        await threepids.remove(ctx.caller.localpart, request.medium, request.address, id_server, ctx.origin)
    )


@handles(UnbindThirdPartyId)
async def unbind_third_party_id(request: UnbindThirdPartyId, ctx: RequestContext) -> UnbindResponse:
    """Have identity servers forget an address."""
    id_server = None if request.id_server is UNSET else request.id_server
    return unbind_response(
        await ctx.services.threepids.unbind(
            ctx.caller.localpart, request.medium, request.address, id_server, ctx.origin
        )
    )


@handles(RequestTokenToAddEmail)
async def request_token_to_add_email(request: RequestTokenToAddEmail, ctx: RequestContext) -> RequestTokenResponse:
    """Send a mail, to add its address."""
    ctx.services.threepids.ensure_changeable()
    return await ask_by_mail(Purpose.ADD, request, ctx)


@handles(RequestTokenToAddPhone)
async def request_token_to_add_phone(request: RequestTokenToAddPhone, ctx: RequestContext) -> RequestTokenResponse:
    """Send a text message, to add its number."""
    ctx.services.threepids.ensure_changeable()
    return await ask_by_text(Purpose.ADD, request, ctx)
