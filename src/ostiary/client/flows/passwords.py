"""A new password for somebody who has lost the old one: by a mail, or by a code sent to a phone."""

from collections.abc import Callable
from typing import TypeVar

from ostiary.api.endpoint import Empty, Struct
from ostiary.api.password_management import ChangePassword
from ostiary.api.secret import Secret
from ostiary.client.answering import PATIENTLY, Answers, CodeWanted, Maybe, Phone, Progress, Stages, Waiting, answers_of
from ostiary.client.client_core import ClientCore
from ostiary.client.dialogue import Dialogue
from ostiary.client.flows.authenticating import Conversation
from ostiary.client.given import secret
from ostiary.client.steps import Flow

R = TypeVar("R", bound=Struct)


def reset_password_by_email(
    core: ClientCore,
    address: str,
    new_password: str | Secret,
    *,
    logout_devices: bool = True,
    next_link: str | None = None,
    on_progress: Callable[[Progress], Maybe[object]] | None = None,
    waiting: Waiting = PATIENTLY,
) -> Flow[None]:
    """Set the password of the account that has a mail address, once the link in a mail has been followed.

    ``next_link``: where the link leads in the end; ``on_progress``: told when the mail has been sent. Raises
    ThreepidNotFound, WeakPassword, DialoguePaused.
    """
    answers = Answers(email=address, next_link=next_link, on_progress=on_progress, waiting=waiting)
    yield from _reset(core, new_password, logout_devices, answers)


def reset_password_by_phone(
    core: ClientCore,
    country: str,
    number: str,
    new_password: str | Secret,
    *,
    code: Callable[[CodeWanted], Maybe[str]],
    logout_devices: bool = True,
) -> Flow[None]:
    """Set the password of the account that has a phone number, by a code that is sent there.

    ``country``: two letters, in which ``number`` is dialed; ``code``: asked for the code. Raises ThreepidNotFound,
    TokenIncorrect, WeakPassword.
    """
    answers = Answers(phone=Phone(country=country, number=number), code=code)
    yield from _reset(core, new_password, logout_devices, answers)


def go_on(core: ClientCore, dialogue: Dialogue[R], *, stages: Stages = None) -> Flow[R]:
    """Go on with a call that waited for interactive authentication and needs no session, such as a lost password's."""
    return Conversation(core.send, core.calls, answers_of(stages), None).hold(dialogue)


def _reset(core: ClientCore, new_password: str | Secret, logout_devices: bool, answers: Answers) -> Flow[Empty]:
    request = ChangePassword(new_password=secret(new_password), logout_devices=logout_devices)
    return Conversation(core.send, core.calls, answers, None).hold(Dialogue(request))
