"""Serves ``api.administration.accounts``."""

from ostiary.accounts.administration import Administrator
from ostiary.accounts.values import AccountChange
from ostiary.api.administration.accounts import (
    AccountResponse,
    AccountsResponse,
    Approve,
    CreateAccount,
    Deactivate,
    ExportAccount,
    GetAccount,
    ListAccounts,
    Reactivate,
    Reject,
    SetAdmin,
    SetExpiry,
    SetLocked,
    SetPassword,
    SetSuspended,
)
from ostiary.api.endpoint import UNSET, Empty, Object
from ostiary.api.paging import BACKWARD, limit_of
from ostiary.server.context import RequestContext
from ostiary.server.handlers.administration.answers import account_response
from ostiary.server.handlers.paging import next_batch, start_of
from ostiary.server.handling import handles


def administrator(ctx: RequestContext) -> Administrator:
    """The administrator who calls."""
    return Administrator(ctx.caller.localpart, ctx.origin)


@handles(ListAccounts)
async def list_accounts(request: ListAccounts, ctx: RequestContext) -> AccountsResponse:
    """A page of accounts."""
    services = ctx.services
    page = await services.administration.list(
        start_of(request.start), limit_of(request.limit),
        backward=request.direction == BACKWARD, waiting=request.waiting is True,
    )  # fmt: skip
    accounts = tuple(account_response(account, services.server_name) for account in page.items)
    return AccountsResponse(accounts=accounts, next_batch=next_batch(page))


@handles(GetAccount)
async def get_account(request: GetAccount, ctx: RequestContext) -> AccountResponse:
    """An account."""
    return await _account(request.name, ctx)


@handles(CreateAccount)
async def create_account(request: CreateAccount, ctx: RequestContext) -> AccountResponse:
    """Make an account."""
    password = None if request.password is UNSET else request.password
    user_id = await ctx.services.administration.create(
        request.username, password, administrator(ctx), is_admin=request.admin is True
    )
    return await _account(user_id, ctx)


@handles(SetAdmin)
async def set_admin(request: SetAdmin, ctx: RequestContext) -> AccountResponse:
    """Make an account an administrator's, or not."""
    return await _change(request.name, AccountChange(is_admin=request.admin), ctx)


@handles(SetLocked)
async def set_locked(request: SetLocked, ctx: RequestContext) -> AccountResponse:
    """Lock an account, or unlock it."""
    return await _change(request.name, AccountChange(is_locked=request.locked), ctx)


@handles(SetSuspended)
async def set_suspended(request: SetSuspended, ctx: RequestContext) -> AccountResponse:
    """Suspend an account, or let it go on."""
    return await _change(request.name, AccountChange(is_suspended=request.suspended), ctx)


@handles(SetExpiry)
async def set_expiry(request: SetExpiry, ctx: RequestContext) -> AccountResponse:
    """Say when an account expires."""
    expires_at = 0 if request.expires_at is UNSET else request.expires_at
    return await _change(request.name, AccountChange(expires_at=expires_at), ctx)


@handles(Approve)
async def approve(request: Approve, ctx: RequestContext) -> AccountResponse:
    """Let an account be used that waits for approval."""
    await ctx.services.administration.approve(request.name, administrator(ctx))
    return await _account(request.name, ctx)


@handles(Reject)
async def reject(request: Reject, ctx: RequestContext) -> Empty:
    """Delete an account that waits for approval."""
    await ctx.services.administration.reject(request.name, administrator(ctx))
    return Empty()


@handles(Deactivate)
async def deactivate(request: Deactivate, ctx: RequestContext) -> AccountResponse:
    """End an account."""
    await ctx.services.administration.deactivate(request.name, administrator(ctx), erase=request.erase is True)
    return await _account(request.name, ctx)


@handles(Reactivate)
async def reactivate(request: Reactivate, ctx: RequestContext) -> AccountResponse:
    """Let a deactivated account be used again."""
    password = None if request.password is UNSET else request.password
    await ctx.services.administration.reactivate(request.name, password, administrator(ctx))
    return await _account(request.name, ctx)


@handles(SetPassword)
async def set_password(request: SetPassword, ctx: RequestContext) -> Empty:
    """Give an account a password."""
    await ctx.services.administration.set_password(
        request.name, request.password, administrator(ctx), logout_devices=request.logout_devices is not False
    )
    return Empty()


@handles(ExportAccount)
async def export_account(request: ExportAccount, ctx: RequestContext) -> Object:
    """All that is stored about a person."""
    return Object(await ctx.services.administration.export(request.name, administrator(ctx)))


async def _change(name: str, change: AccountChange, ctx: RequestContext) -> AccountResponse:
    await ctx.services.administration.change(name, change, administrator(ctx))
    return await _account(name, ctx)


async def _account(name: str, ctx: RequestContext) -> AccountResponse:
    return account_response(await ctx.services.administration.get(name), ctx.services.server_name)
