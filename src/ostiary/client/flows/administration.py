"""What server administrators do to accounts, and what anybody may learn of their own."""

from ostiary.api.admin import IsLocked, IsSuspended, Lock, Suspend, WhoIs, WhoIsResponse
from ostiary.client.speaker import Speaker
from ostiary.client.steps import Flow


def whois(core: Speaker, user_id: str | None = None) -> Flow[WhoIsResponse]:
    """From where a user has called: oneself, or for an administrator anybody. Raises Forbidden, NotFound."""
    return core.send(WhoIs(user_id=user_id or core.user_id))


def is_locked(core: Speaker, user_id: str) -> Flow[bool]:
    """Whether an account is locked. For administrators. Raises Forbidden, NotFound."""
    return (yield from core.send(IsLocked(user_id=user_id))).locked


def set_locked(core: Speaker, user_id: str, locked: bool) -> Flow[None]:
    """Lock an account, or unlock it. For administrators. Raises Forbidden, NotFound."""
    yield from core.send(Lock(user_id=user_id, locked=locked))


def is_suspended(core: Speaker, user_id: str) -> Flow[bool]:
    """Whether an account is suspended. For administrators. Raises Forbidden, NotFound."""
    return (yield from core.send(IsSuspended(user_id=user_id))).suspended


def set_suspended(core: Speaker, user_id: str, suspended: bool) -> Flow[None]:
    """Suspend an account, or let it go on. For administrators. Raises Forbidden, NotFound."""
    yield from core.send(Suspend(user_id=user_id, suspended=suspended))
