"""The page for apps that cannot log in by themselves. Spec: "Login Fallback".

It opens a session as the call does, and hands what that answers to the app around the page.
"""

from typing import Any, Final

from ostiary.api.codec import encode_json
from ostiary.api.errors import MatrixError
from ostiary.api.login import PASSWORD_LOGIN, Login
from ostiary.server.handlers.login import login
from ostiary.server.web.guarding import OWN_SCRIPT
from ostiary.server.web.pages import Page, PageRequest
from ostiary.server.web.stages import identifier
from ostiary.server.web.wording import worded

_PASSED_ON: Final = ("device_id", "initial_device_display_name")
"""What the app may say in the query of the page."""


async def show_login(request: PageRequest) -> Page:
    """The form."""
    if not _takes_passwords(request):
        return request.problem("no_password_login", 404)
    return _form(request, {name: request.query[name] for name in _PASSED_ON if name in request.query}, None)


async def log_in(request: PageRequest) -> Page:
    """The form filled in."""
    request.check_site()
    if not _takes_passwords(request):
        return request.problem("no_password_login", 404)
    form = request.form
    passed_on = {name: form[name] for name in _PASSED_ON if form.get(name)}
    body: dict[str, Any] = {
        "type": PASSWORD_LOGIN,
        "identifier": identifier(form.get("user", "").strip()),
        "password": form.get("password", ""),
        **passed_on,
    }
    try:
        answered = await request.ask_api(Login, login, body)
    except MatrixError as error:
        return _form(request, passed_on, error)
    response = encode_json(answered).decode()
    return request.show("logged_in.html", OWN_SCRIPT, user=answered["user_id"], response=response)


def _takes_passwords(request: PageRequest) -> bool:
    return any(flow.type == PASSWORD_LOGIN for flow in request.services.announcements.login_flows.flows)


def _form(request: PageRequest, hidden: dict[str, str], error: MatrixError | None) -> Page:
    return request.show(
        "login.html",
        OWN_SCRIPT,
        status=200 if error is None else error.status,
        action=request.path,
        hidden=hidden,
        user=request.form.get("user", ""),
        error="" if error is None else worded(error, request.texts),
    )
