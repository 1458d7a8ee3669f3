"""Asking an application service whether it is there. Spec: application-service API, "Pinging".

Must not know who wants to know.
"""

import asyncio

from ostiary.api.errors import BadStatus, ConnectionFailed, ConnectionTimeout
from ostiary.api.secret import Secret
from ostiary.delivery.http import CannotReach, Outgoing

PATH = "/_matrix/app/v1/ping"


class AppservicePinger:
    """Pings application services, whose URLs are the operator's and so not guarded."""

    def __init__(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing

    async def ping(self, url: str, hs_token: Secret, transaction_id: str | None) -> int:
        """How long the application service at this base URL took to answer, in milliseconds.

        Raises BadStatus, ConnectionFailed, ConnectionTimeout.
        """
        body = {} if transaction_id is None else {"transaction_id": transaction_id}
        headers = [("Authorization", f"Bearer {hs_token.reveal()}")]
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            answer = await self._outgoing.post_json(url.rstrip("/") + PATH, body, headers=headers)
        except CannotReach as error:
            raise (ConnectionTimeout() if error.timed_out else ConnectionFailed(str(error))) from None
        if answer.status != 200:
            raise BadStatus(
                f"The application service answered with status {answer.status}",
                answered_status=answer.status,
                answered_body=answer.body.decode(errors="replace"),
            )
        return int((loop.time() - started) * 1000)
