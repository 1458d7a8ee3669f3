"""The mail addresses and phone numbers of an account: adding them in one call, listing, binding, removing."""

from collections.abc import Callable, Sequence
from typing import Final

from ostiary.api.administrative_contact import (
    AddThirdPartyId,
    BindThirdPartyId,
    DeleteThirdPartyId,
    GetThirdPartyIds,
    PostThirdPartyId,
    ThirdPartyId,
    ThreepidCredentials,
    UnbindThirdPartyId,
)
from ostiary.api.endpoint import UNSET
from ostiary.api.errors import ThreepidAuthFailed
from ostiary.api.secret import Secret
from ostiary.client.answering import PATIENTLY, CodeWanted, Maybe, Phone, Stages, Waiting, answers_of
from ostiary.client.dialogue import Dialogue, Validation
from ostiary.client.errors import ValidationPaused
from ostiary.client.flows.authenticating import Conversation
from ostiary.client.flows.proving import Purpose, confirmed, mailed, submitted, texted
from ostiary.client.given import secret
from ostiary.client.speaker import Speaker
from ostiary.client.steps import Ask, Flow, Sleep

_NOT_SUPPORTED: Final = "no-support"


def third_party_ids(core: Speaker) -> Flow[Sequence[ThirdPartyId]]:
    """All mail addresses and phone numbers of the account."""
    return (yield from core.send(GetThirdPartyIds())).threepids


def add_email(
    core: Speaker,
    address: str,
    *,
    password: str | Secret | None = None,
    stages: Stages = None,
    next_link: str | None = None,
    on_sent: Callable[[Validation], Maybe[object]] | None = None,
    waiting: Waiting = PATIENTLY,
) -> Flow[None]:
    """Add a mail address, once the link in a mail to it has been followed.

    ``on_sent``: told when the mail is on its way; it may wait until the person says that the link has been followed.
    ``next_link``: where the link leads in the end. Raises ThreepidInUse, ThreepidDenied, Forbidden,
    InteractiveAuthUnsupported; ValidationPaused when nobody follows the link in time.
    """
    validation = yield from mailed(core.calls, Purpose.ADD, address, next_link)
    if on_sent is not None:
        yield Ask(on_sent, validation)
    yield from add_validated(core, validation, password=password, stages=stages, waiting=waiting)


def add_phone(
    core: Speaker,
    country: str,
    number: str,
    *,
    code: Callable[[CodeWanted], Maybe[str]],
    password: str | Secret | None = None,
    stages: Stages = None,
    waiting: Waiting = PATIENTLY,
) -> Flow[None]:
    """Add a phone number, by a code that is sent to it.

    ``country``: two letters, in which ``number`` is dialed; ``code``: asked for the code, again after a wrong one.
    Raises ThreepidInUse, ThreepidDenied, InvalidParam, TokenIncorrect, Forbidden, InteractiveAuthUnsupported.
    """
    validation = yield from texted(core.calls, Purpose.ADD, Phone(country=country, number=number))
    if validation.submit_url is not None:
        yield from confirmed(validation, code, core.calls)
    yield from add_validated(core, validation, password=password, stages=stages, waiting=waiting)


def begin_adding_email(core: Speaker, address: str, *, next_link: str | None = None) -> Flow[Validation]:
    """Have a mail sent, and come back at once; ``add_validated`` adds the address later.

    Raises ThreepidInUse, ThreepidDenied.
    """
    return mailed(core.calls, Purpose.ADD, address, next_link)


def begin_adding_phone(core: Speaker, country: str, number: str) -> Flow[Validation]:
    """Have a code sent, and come back at once; then come ``submit_code`` and ``add_validated``.

    Raises ThreepidInUse, ThreepidDenied, InvalidParam.
    """
    return texted(core.calls, Purpose.ADD, Phone(country=country, number=number))


def submit_code(core: Speaker, validation: Validation, code: str | Secret) -> Flow[None]:
    """Send back the code that a person has typed in. Raises TokenIncorrect, SessionExpired."""
    return submitted(validation, secret(code), core.calls)


def add_validated(
    core: Speaker,
    validation: Validation,
    *,
    password: str | Secret | None = None,
    stages: Stages = None,
    waiting: Waiting = PATIENTLY,
) -> Flow[None]:
    """Add the address of a validation, which a person completes meanwhile. Raises as ``add_email`` does."""
    request = AddThirdPartyId(sid=validation.sid, client_secret=validation.client_secret.reveal())
    conversation = Conversation(core.send, core.calls, answers_of(stages, password), core.user_id)
    waited_ms = 0
    delay_ms = waiting.poll_ms
    dialogue = Dialogue(request)
    while True:
        try:
            yield from conversation.hold(dialogue)
            return
        except ThreepidAuthFailed:
            dialogue = conversation.dialogue  # in which the person has been asked already
        if waited_ms + delay_ms > waiting.timeout_ms:
            raise ValidationPaused(validation)
        yield Sleep(delay_ms)
        waited_ms += delay_ms
        delay_ms = waiting.after(delay_ms)


def post_third_party_id(
    core: Speaker, sid: str, client_secret: str | Secret, *, id_server: str | None = None,
    id_access_token: str | Secret | None = None, bind: bool | None = None,
) -> Flow[None]:  # fmt: skip
    """Add an address by the deprecated call, for servers that know no other. Raises ThreepidAuthFailed."""
    credentials = ThreepidCredentials(
        sid=sid,
        client_secret=secret(client_secret).reveal(),
        id_server=id_server or UNSET,
        id_access_token=UNSET if id_access_token is None else secret(id_access_token),
    )
    yield from core.send(PostThirdPartyId(three_pid_creds=credentials, bind=UNSET if bind is None else bind))


def remove_third_party_id(core: Speaker, medium: str, address: str, *, id_server: str | None = None) -> Flow[bool]:
    """Remove an address from the account. ``medium``: ``email`` or ``msisdn``.

    Returns whether it has been unbound as well, at ``id_server`` or where it was bound.
    """
    request = DeleteThirdPartyId(medium=medium, address=address, id_server=id_server or UNSET)
    return (yield from core.send(request)).id_server_unbind_result != _NOT_SUPPORTED


def bind_third_party_id(
    core: Speaker, sid: str, client_secret: str | Secret, *, id_server: str, id_access_token: str | Secret
) -> Flow[None]:
    """Have an identity server tell others whose address it is. Raises ServerNotTrusted."""
    yield from core.send(
        BindThirdPartyId(
            sid=sid,
            client_secret=secret(client_secret).reveal(),
            id_server=id_server,
            id_access_token=secret(id_access_token),
        )
    )


def unbind_third_party_id(core: Speaker, medium: str, address: str, *, id_server: str | None = None) -> Flow[bool]:
    """Have an identity server forget whose address it is; False where it cannot."""
    request = UnbindThirdPartyId(medium=medium, address=address, id_server=id_server or UNSET)
    return (yield from core.send(request)).id_server_unbind_result != _NOT_SUPPORTED
