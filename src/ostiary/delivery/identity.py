"""Identity servers: who has which address, published and forgotten there. Spec: identity service API, v2 and v1.

Version 1 only where the caller cannot have a token for the identity server: to ask what a validation there is of, and
to publish for clients that name none. Must not know how a request is carried.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from ostiary.accounts.messages import Medium
from ostiary.accounts.ports_outside import ValidatedThreepid
from ostiary.api.errors import (
    Forbidden,
    MatrixError,
    MissingToken,
    ServerNotTrusted,
    Unknown,
    UnknownToken,
    Unrecognized,
    UserDeactivated,
    UserLocked,
    UserSuspended,
)
from ostiary.api.http import HttpResponse
from ostiary.api.secret import Secret
from ostiary.delivery.http import CannotReach, Headers, Outgoing, json_object
from ostiary.delivery.signing import Sign, canonical_json

V1: Final = "/_matrix/identity/api/v1"
V2: Final = "/_matrix/identity/v2"

_CANNOT_UNBIND: Final = frozenset({400, 404, 501})
"""By these, without an error of Matrix beside them, an identity server says that it forgets nothing."""

_OF_SESSIONS: Final = frozenset(
    kind.errcode for kind in (MissingToken, UnknownToken, UserDeactivated, UserLocked, UserSuspended)
)
"""Codes that a client takes to heart about its session here."""

_MEDIA: Final = tuple(medium.value for medium in Medium)


class HttpIdentityServers:
    """``accounts.ports_outside.IdentityServers``.

    ``trusted``: the base URL by host (and port), as clients name it; None for ``https://`` and the host, which must
    then have public addresses only, while a URL is the operator's word. ``sign``: without it nothing can be forgotten.
    """

    def __init__(
        self, outgoing: Outgoing, trusted: Mapping[str, str | None], server_name: str, sign: Sign | None
    ) -> None:
        self._outgoing = outgoing
        self._trusted = {host.lower(): base_url for host, base_url in trusted.items()}
        self._server_name = server_name
        self._sign = sign

    async def bind(
        self, id_server: str, id_access_token: Secret | None, client_secret: str, sid: str, user_id: str
    ) -> None:
        path = f"{V1 if id_access_token is None else V2}/3pid/bind"
        headers = [] if id_access_token is None else [("Authorization", f"Bearer {id_access_token.reveal()}")]
        body = {"sid": sid, "client_secret": client_secret, "mxid": user_id}
        answer = await self._call("POST", id_server, path, body, headers)
        if answer.status != 200:
            raise _refusal(answer)

    async def unbind(self, id_server: str, medium: Medium, address: str, user_id: str) -> bool:
        self._base(id_server)
        if self._sign is None:
            return False
        path = f"{V2}/3pid/unbind"
        body = {"mxid": user_id, "threepid": {"medium": medium.value, "address": address}}
        authorization = self._authorization(self._sign, "POST", id_server, path, body)
        answer = await self._call("POST", id_server, path, body, [("Authorization", authorization)])
        if answer.status == 200:
            return True
        if answer.status in _CANNOT_UNBIND and _errcode(answer) in (None, Unrecognized.errcode):
            return False
        raise _refusal(answer)

    async def find_validated(self, id_server: str, sid: str, client_secret: str) -> ValidatedThreepid | None:
        query = urlencode({"sid": sid, "client_secret": client_secret})
        answer = await self._call("GET", id_server, f"{V1}/3pid/getValidated3pid?{query}")
        if 400 <= answer.status < 500:  # there is none, it is not validated, or the server has no version 1
            return None
        if answer.status != 200:
            raise _refusal(answer)
        found = json_object(answer) or {}
        medium, address, validated_at = found.get("medium"), found.get("address"), found.get("validated_at")
        if medium not in _MEDIA or not isinstance(address, str) or type(validated_at) is not int:
            return None
        return ValidatedThreepid(Medium(medium), address, validated_at)

    # --- One request -------------------------------------------------------------------------------------------------

    def _base(self, id_server: str) -> tuple[str, bool]:
        """The base URL of a server, and whether the request is to be guarded. Raises ServerNotTrusted."""
        host = id_server.lower()
        if host not in self._trusted:
            raise ServerNotTrusted
        base_url = self._trusted[host]
        return (f"https://{host}", True) if base_url is None else (base_url.rstrip("/"), False)

    async def _call(
        self, method: str, id_server: str, path: str, body: Mapping[str, Any] | None = None, headers: Headers = ()
    ) -> HttpResponse:
        base_url, guarded = self._base(id_server)
        try:
            if body is None:
                return await self._outgoing.exchange(method, base_url + path, headers=headers, guarded=guarded)
            return await self._outgoing.post_json(base_url + path, body, headers=headers, guarded=guarded)
        except CannotReach as error:
            status = 504 if error.timed_out else 502
            raise Unknown(f"The identity server cannot be asked: {error}", status=status) from None

    def _authorization(self, sign: Sign, method: str, id_server: str, path: str, body: Mapping[str, Any]) -> str:
        """A signature as on requests between servers, but of ``destination_is``: an identity server has no name."""
        signed = {
            "method": method,
            "uri": urlsplit(self._base(id_server)[0]).path + path,
            "origin": self._server_name,
            "destination_is": id_server.lower(),
            "content": body,
        }
        key_id, signature = sign(canonical_json(signed))
        return f'X-Matrix origin={self._server_name},key="{key_id}",sig="{signature}"'


def _refusal(answer: HttpResponse) -> MatrixError:
    """What to tell the client of an answer that is none of success.

    A token that the identity server does not know must not look like one that we do not know, or the client would take
    its session here for ended: whatever the status, nothing is passed on that speaks of a session.
    """
    if answer.status == 401 or _errcode(answer) in _OF_SESSIONS:
        return Forbidden("The identity server does not accept the credentials that were given for it")
    if _errcode(answer) is None or not 400 <= answer.status < 500:
        return Unknown(f"The identity server answered with status {answer.status}", status=502)
    return MatrixError.from_json(answer.status, json_object(answer) or {})


def _errcode(answer: HttpResponse) -> str | None:
    code = (json_object(answer) or {}).get("errcode")
    return code if isinstance(code, str) else None
