"""Where the link of a mail leads: a page that asks whether it was the reader who wanted it, and notes that it was.

Only the button confirms. What follows links on its own (scanners of mail, previews) confirms nothing by it.
"""

from typing import Final
from urllib.parse import urlsplit

from ostiary.api.endpoint import RateLimit
from ostiary.server.web.guarding import Sources, check_token, form_token, page_headers
from ostiary.server.web.pages import Page, PageRequest, redirect

_PURPOSE: Final = "validate"


async def ask(request: PageRequest) -> Page:
    """The question."""
    request.take(RateLimit.CHECK)
    secret = request.query.get("token", "")
    found = await request.services.validations.find_by_link(secret)
    if found is None or found.used_at is not None:
        return request.problem("bad_link", 404)
    if found.validated_at is not None:
        return request.show("validated.html")
    return request.show(
        "validate.html",
        _way_on(found.next_link),
        action=request.path,
        address=found.address,
        purpose=found.purpose.value,
        hidden={"token": secret, "form_token": form_token(_PURPOSE, secret)},
    )


async def confirm(request: PageRequest) -> Page:
    """The answer; then on to where the client has asked to send the person."""
    request.check_site()
    request.take(RateLimit.CHECK)
    secret = request.form.get("token", "")
    check_token(_PURPOSE, secret, request.form.get("form_token", ""))
    validations = request.services.validations
    found = await validations.find_by_link(secret)
    if found is None or not await validations.validate_by_link(secret):
        return request.problem("bad_link", 404)
    if found.next_link is not None and _way_on(found.next_link):
        return redirect(found.next_link, page_headers())
    return request.show("validated.html")


def _way_on(next_link: str | None) -> Sources:
    """That the form may lead there: browsers hold ``form-action`` against redirections too."""
    if next_link is None or not next_link.isascii():
        return {}
    parts = urlsplit(next_link)
    try:
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return {}
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return {"form-action": (f"{parts.scheme}://{host}{port}",)}
