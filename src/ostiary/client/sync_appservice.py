"""The synchronous face of an application service: itself, and each of its users. Thin; see ``flows.appservices``."""

from ostiary.api.secret import Secret
from ostiary.client.appservice_core import AppserviceCore, MaskCore
from ostiary.client.calls import RetryPolicy
from ostiary.client.drivers import World
from ostiary.client.faces import blocking
from ostiary.client.flows import appservices
from ostiary.client.given import secret
from ostiary.client.limits import Timeouts
from ostiary.client.session_core import OnSoftLogout
from ostiary.client.stores import MemoryStore, SessionStore
from ostiary.client.sync_account import Account
from ostiary.client.sync_client import ServerFace
from ostiary.client.sync_opening import opening
from ostiary.client.transports import HttpTransport, SyncTransport


class AppserviceUser(Account[MaskCore]):
    """A user of an application service, in whose name it speaks with its own token. There is no session to end.

    ``rename_device`` makes a device where there is none; deleting devices asks no questions.
    """


class AppserviceClient(ServerFace[AppserviceCore]):
    """An application service at one server. ``token``: its ``as_token``; the rest is as of a :class:`Client`."""

    def __init__(
        self,
        base_url: str,
        token: str | Secret,
        *,
        store: SessionStore | None = None,
        transport: SyncTransport | None = None,
        retries: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        on_soft_logout: OnSoftLogout | None = None,
        world: World | None = None,
    ) -> None:
        world = world or World(transport or HttpTransport(), store or MemoryStore(), timeouts=timeouts)
        super().__init__(world, AppserviceCore(base_url, retries or RetryPolicy(), secret(token)), on_soft_logout)

    def as_user(self, user_id: str, device_id: str | None = None) -> AppserviceUser:
        """Speak as one of its users, on a device if need be. ``user_id``: whole, as in ``@bridge_1:example.org``."""
        return AppserviceUser(self._world.another(), self._core.mask(user_id, device_id))

    whoami = blocking(appservices.whoami)
    register = opening(appservices.register)
    register_without_login = blocking(appservices.register_without_login)
    login = opening(appservices.login)
    ping = blocking(appservices.ping)
