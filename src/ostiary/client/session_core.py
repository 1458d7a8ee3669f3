"""What a client does with a session: calls with its token, refreshing it, ending it. Flows; no I/O.

Tokens are refreshed shortly before they expire, and when the server says that they are dead: once, however many calls
wait for it, in this process or in others that share the store. A newer token is stored before anybody uses it.
"""

import logging
from collections.abc import Callable
from typing import Final, TypeVar

from ostiary.api.endpoint import UNSET, Endpoint, Struct, with_fields
from ostiary.api.errors import Forbidden, MatrixError, NotMatrix, UnknownToken, UserDeactivated
from ostiary.api.login import PASSWORD_LOGIN, Login
from ostiary.api.logout import Logout, LogoutAll
from ostiary.api.refresh import Refresh, RefreshResponse, TokenRefresh
from ostiary.api.secret import Secret
from ostiary.api.users import ByUser
from ostiary.client.answering import Maybe
from ostiary.client.calls import Calls
from ostiary.client.client_core import expiry
from ostiary.client.errors import CannotSend, ConnectionFailed, NotLoggedIn
from ostiary.client.given import secret
from ostiary.client.record import LEGACY, SessionRecord
from ostiary.client.steps import Ask, Flow, Load, Lock, Now, Remove, Save, Unlock, Whole

R = TypeVar("R", bound=Struct)

log = logging.getLogger("ostiary.client")

REFRESH_MARGIN_MS: Final = 30_000
"""How long before its end a token is refreshed, at most; of a short-lived one, the last tenth."""

REFUSALS: Final = frozenset({400, 401, 403})
"""How a server says no to a login. Anything else may pass."""

ENDINGS: Final = (UnknownToken, UserDeactivated)
"""What a server says of a refresh token whose session has ended; other refusals are of something else, or may pass."""


OnSoftLogout = Secret | Callable[[SessionRecord], Maybe[str | Secret | Login | None]]
"""How a session logs in again by itself: the password, or a function that asks for that, or for another login, and
returns None where there is none. It must not use the session, which waits for it."""


class SessionCore:
    """The flows of one session. ``record`` is None once it has ended; ``last`` is what it was."""

    def __init__(
        self,
        calls: Calls,
        record: SessionRecord,
        *,
        legacy_refresh: bool = False,
        on_soft_logout: OnSoftLogout | None = None,
    ) -> None:
        self.calls = calls
        self.on_soft_logout = on_soft_logout
        self._given_up: Secret | None = None
        self.last = record
        self._lifetime_ms: int | None = None
        self._legacy_refresh = legacy_refresh
        self.record: SessionRecord | None = record

    def current(self) -> SessionRecord:
        """The session as it is now. Raises NotLoggedIn."""
        if self.record is None:
            raise NotLoggedIn(f"the session of {self.last.user_id} has ended")
        return self.record

    # --- Calls -------------------------------------------------------------------------------------------------------

    def send(self, request: Endpoint[R]) -> Flow[R]:
        """Make any call, with a token that is good."""
        return self._made(request, self.on_soft_logout)

    def _made(self, request: Endpoint[R], way: OnSoftLogout | None) -> Flow[R]:
        """Make a call. ``way``: how to log in again for it, if need be."""
        record = yield from self._ready(way)
        try:
            return (yield from self.calls.call(request, record.access_token))
        except UnknownToken as error:
            newer = yield from self._renewed(record, error, way)
        try:
            return (yield from self.calls.call(request, newer.access_token))
        except UnknownToken as error:
            yield from self._end_if_over(newer, error)
            raise

    @property
    def user_id(self) -> str:
        """Whose session it is, or was."""
        return self.last.user_id

    # --- Ending ------------------------------------------------------------------------------------------------------

    def log_out(self, *, everywhere: bool) -> Flow[None]:
        """End the session, or all of the account. A token that is dead already counts as logged out.

        A server that cannot be reached leaves the session as it is.
        """
        record = self.current()
        try:
            # Nobody is asked for a password only to end what it opens; ending all does need a session.
            yield from self._made(LogoutAll(), self.on_soft_logout) if everywhere else self._made(Logout(), None)
        except UnknownToken:
            log.info("%s had been logged out already", record.user_id)
        yield from self.end(self.record or record)

    def end(self, record: SessionRecord) -> Flow[None]:
        yield Lock(record)
        try:
            yield Remove(record)
            self.record = None
        finally:
            yield Unlock()

    def _end_if_over(self, record: SessionRecord, error: UnknownToken) -> Flow[None]:
        """End the session that this error was the answer to, unless it is soft, or the session has newer tokens."""
        if error.soft_logout:
            return
        yield Lock(record)
        try:
            if self.record is not None and (yield from self._refreshed_elsewhere(record)) is None:
                yield from self._forget(record, error)
        finally:
            yield Unlock()

    def _forget(self, record: SessionRecord, error: MatrixError) -> Flow[None]:
        log.info("the session of %s has ended: %s", record.user_id, error.errcode)
        yield Remove(record)
        self.record = None

    # --- Logging in again, after a soft logout -----------------------------------------------------------------------

    def log_in_again(self, password: Secret) -> Flow[SessionRecord]:
        """Log in again on the same device: keys and device stay."""
        last = self.last
        yield Lock(last)
        try:
            record: SessionRecord = yield Whole(self._logged_in(last, self._login(last, password)))
            return record
        finally:
            yield Unlock()

    def _ready(self, way: OnSoftLogout | None) -> Flow[SessionRecord]:
        seen = self.current()
        try:
            return (yield from self._fresh())
        except UnknownToken as error:
            return (yield from self._recovered(seen, error, way))

    def _renewed(self, record: SessionRecord, error: UnknownToken, way: OnSoftLogout | None) -> Flow[SessionRecord]:
        try:
            return (yield from self._refreshed_or_over(record, error))
        except UnknownToken as refusal:
            return (yield from self._recovered(record, refusal, way))

    def _recovered(self, seen: SessionRecord, error: UnknownToken, way: OnSoftLogout | None) -> Flow[SessionRecord]:
        """Log in again by what was given for that, once, however many calls wait for it."""
        if not error.soft_logout or way is None or self.record is None:
            raise error
        yield Lock(seen)
        try:
            newer = yield from self._refreshed_elsewhere(seen)
            if newer is None and self._given_up != seen.access_token:
                newer = yield from self._by_given_way(way, seen)
        finally:
            yield Unlock()
        if newer is None:
            raise error
        return newer

    def _by_given_way(self, way: OnSoftLogout, seen: SessionRecord) -> Flow[SessionRecord | None]:
        """Log in on a session's device, by a password or whatever a function gives; None where that is refused."""
        given = way if isinstance(way, Secret) else (yield Ask(way, seen))
        if given is not None:
            log.info("the session of %s logs in again after a soft logout", seen.user_id)
            request = given if isinstance(given, Login) else self._login(seen, secret(given))
            try:
                record: SessionRecord = yield Whole(self._logged_in(seen, request))
                return record
            except MatrixError as refusal:
                if refusal.status not in REFUSALS:
                    raise
                log.info("the session of %s could not log in again: %s", seen.user_id, refusal.errcode)
        self._given_up = seen.access_token
        return None

    @staticmethod
    def _login(last: SessionRecord, password: Secret) -> Login:
        return Login(type=PASSWORD_LOGIN, identifier=ByUser(last.user_id), password=password, refresh_token=True)

    def _logged_in(self, last: SessionRecord, request: Login) -> Flow[SessionRecord]:
        """Log in on the device of a session, which is locked."""
        answer = yield from self.calls.call(with_fields(request, device_id=last.device_id))
        if answer.user_id != last.user_id:
            raise NotLoggedIn(f"the login is of {answer.user_id}, and the session of {last.user_id}")
        expires_at = yield from expiry(answer.expires_in_ms)
        refresh_token = None if answer.refresh_token is UNSET else answer.refresh_token
        record = last.begun_again(answer.device_id, answer.access_token, refresh_token, expires_at)
        yield from self._adopt(record)
        return record

    # --- Refreshing --------------------------------------------------------------------------------------------------

    def refresh(self, token: Secret | None = None) -> Flow[SessionRecord]:
        """Refresh now. ``token``: another refresh token than the session's. Raises CannotSend for another API's."""
        record: SessionRecord = yield Whole(self._refreshed(self.current(), token))
        return record

    def _fresh(self) -> Flow[SessionRecord]:
        record = self.current()
        if record.expires_at is None or not self._can_refresh(record):
            return record
        if record.expires_at - (yield Now()) > self._margin_ms():
            return record
        try:
            fresher: SessionRecord = yield Whole(self._refreshed(record))
            return fresher
        except (MatrixError, NotMatrix, ConnectionFailed):
            if self.record is not record or record.expires_at <= (yield Now()):
                raise
            log.info("the tokens of %s could not be refreshed ahead of time", record.user_id)
            return record

    def _margin_ms(self) -> int:
        return REFRESH_MARGIN_MS if self._lifetime_ms is None else min(REFRESH_MARGIN_MS, self._lifetime_ms // 10)

    def _can_refresh(self, record: SessionRecord) -> bool:
        return record.auth_api == LEGACY and (record.refresh_token is not None or self._legacy_refresh)

    def _tells_of_session(self, record: SessionRecord) -> bool:
        """Whether the end of its refresh token is the end of the session.

        By the call of the first servers it is not: those that have it no longer, as Synapse, refuse every token alike.
        """
        return record.refresh_token is not None and not self._legacy_refresh

    def _refreshed_or_over(self, record: SessionRecord, error: UnknownToken) -> Flow[SessionRecord]:
        """The session with newer tokens, now that the server does not know these."""
        try:
            if not self._can_refresh(record):
                raise error
            newer: SessionRecord = yield Whole(self._refreshed(record))
            return newer
        except UnknownToken as refusal:
            if self._tells_of_session(record):
                raise
            yield from self._end_if_over(record, error)
            raise error from (None if refusal is error else refusal)

    def _refreshed(self, seen: SessionRecord, token: Secret | None = None) -> Flow[SessionRecord]:
        """Exchange the tokens that were seen for newer ones, unless somebody else has by now."""
        yield Lock(seen)
        try:
            newer = yield from self._refreshed_elsewhere(seen)
            if newer is not None and token is None:
                return newer
            record = self.current()
            answer = yield from self._exchanged(self._request(record, token))
            expires_at = yield from expiry(answer.expires_in_ms)
            self._lifetime_ms = None if answer.expires_in_ms is UNSET else answer.expires_in_ms
            refresh_token = None if answer.refresh_token is UNSET else answer.refresh_token
            record = record.with_tokens(answer.access_token, refresh_token, expires_at)
            yield from self._adopt(record)
            return record
        except MatrixError as error:
            # What was given, or an access token in its place, may be wrong without the session being over.
            is_over = isinstance(error, ENDINGS) and error.extras().get("soft_logout") is not True
            if is_over and token is None and self._tells_of_session(seen):
                yield from self._forget(seen, error)
            raise
        finally:
            yield Unlock()

    def _exchanged(self, request: Refresh | TokenRefresh) -> Flow[RefreshResponse]:
        """Ask for newer tokens. What Synapse, and the call of the first servers, say of a dead one is UnknownToken."""
        try:
            return (yield from self.calls.call(request))
        except Forbidden as refusal:
            raise UnknownToken(refusal.message) from refusal

    def _refreshed_elsewhere(self, seen: SessionRecord) -> Flow[SessionRecord | None]:
        record = self.current()
        if record.access_token != seen.access_token:
            return record
        stored: SessionRecord | None = yield Load(record)
        if stored is None or stored.access_token == seen.access_token:
            return None
        self.record = self.last = stored
        return stored

    def _request(self, record: SessionRecord, token: Secret | None) -> Refresh | TokenRefresh:
        if record.auth_api != LEGACY:  # whose refresh token is for another server than this one
            raise CannotSend(f"the session came about by {record.auth_api}, which this version cannot refresh")
        refresh_token = token or record.refresh_token
        if self._legacy_refresh:
            # The first servers took the access token where a client had no refresh token.
            return TokenRefresh(refresh_token=refresh_token or record.access_token)
        if refresh_token is None:
            raise NotLoggedIn("the session has no refresh token")
        return Refresh(refresh_token=refresh_token)

    def _adopt(self, record: SessionRecord) -> Flow[None]:
        yield Save(record)
        self.record = self.last = record
