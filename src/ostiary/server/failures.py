"""What is told to the log of requests that did not succeed: refusals by their inner reason, bugs with their traceback.

Never a body, a header or a query: those hold secrets. Of a path only its pattern: what stands in its fields names
people.
"""

from typing import Final

from ostiary.accounts.ports import Entropy
from ostiary.api.errors import (
    BadStatus,
    ConnectionFailed,
    ConnectionTimeout,
    LimitExceeded,
    MatrixError,
    Unknown,
)
from ostiary.server.logs import Log
from ostiary.server.request_ids import current_request_id

REFERENCE_BYTES: Final = 6
SERVER_AT_FAULT: Final = 500
OTHERS_AT_FAULT: Final = (BadStatus, ConnectionFailed, ConnectionTimeout)
"""What is said of servers that this one was asked to call."""


class Failures:
    """Tells the log. ``path``: the pattern of the path, never the path itself."""

    def __init__(self, log: Log, entropy: Entropy) -> None:
        self._log = log
        self._entropy = entropy

    def refused(self, method: str, path: str, error: MatrixError) -> None:
        """A client was told no. Worth a line where somebody may try something, or waits, or the fault is here."""
        if isinstance(error, OTHERS_AT_FAULT):
            self._log.info("another server failed", method=method, path=path, errcode=error.errcode)
        elif error.status >= SERVER_AT_FAULT:
            self._log.error("unavailable", cause=error, method=method, path=path, errcode=error.errcode)
        elif error.reason is not None or isinstance(error, LimitExceeded):
            reason = error.reason.value if error.reason else None
            self._log.info("refused", method=method, path=path, errcode=error.errcode, reason=reason)

    def failed(self, method: str, path: str, error: Exception) -> Unknown:
        """Something is broken here. The answer names the line in the log that tells what."""
        reference = current_request_id() or self._entropy.token_bytes(REFERENCE_BYTES).hex()
        self._log.error("failed", method=method, path=path, reference=reference, cause=error)
        return Unknown(f"Something went wrong on the server; its log has more under {reference}")
