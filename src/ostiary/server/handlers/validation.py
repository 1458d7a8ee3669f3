"""Serves ``api.validation``, and what the six calls that ask for a message have in common."""

from ostiary.accounts.messages import Medium
from ostiary.accounts.validations import Asked
from ostiary.accounts.values import Purpose
from ostiary.api.endpoint import UNSET
from ostiary.api.validation import EmailRequest, PhoneRequest, RequestTokenResponse, SubmitResponse, SubmitToken
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles


async def ask_by_mail(purpose: Purpose, request: EmailRequest, ctx: RequestContext) -> RequestTokenResponse:
    """Have a mail sent."""
    validations = ctx.services.validations
    sid = await validations.request(purpose, Medium.EMAIL, validations.email(request.email), _asked(request, ctx))
    # Without a submit_url: whoever reads the mail follows its link, and old clients show a field for a code otherwise.
    return RequestTokenResponse(sid=sid)


async def ask_by_text(purpose: Purpose, request: PhoneRequest, ctx: RequestContext) -> RequestTokenResponse:
    """Have a text message sent."""
    validations = ctx.services.validations
    number = validations.phone(request.country, request.phone_number)
    sid = await validations.request(purpose, Medium.MSISDN, number, _asked(request, ctx))
    return RequestTokenResponse(sid=sid, submit_url=ctx.services.links.submit_url(Medium.MSISDN))


def _asked(request: EmailRequest | PhoneRequest, ctx: RequestContext) -> Asked:
    return Asked(
        client_secret=request.client_secret,
        send_attempt=request.send_attempt,
        next_link=None if request.next_link is UNSET else request.next_link,
        language=ctx.language,
    )


@handles(SubmitToken)
async def submit_token(request: SubmitToken, ctx: RequestContext) -> SubmitResponse:
    """Hold the code that a person has typed in against the one that was sent."""
    await ctx.services.validations.submit(request.medium, request.sid, request.client_secret, request.token.reveal())
    return SubmitResponse(success=True)
