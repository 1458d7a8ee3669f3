"""How a client reaches servers over HTTP: one value for both transports. Must not know the library that does it."""

import os
import ssl
from dataclasses import dataclass, field
from typing import Final

from ostiary import __version__
from ostiary.api.http import fits_header
from ostiary.client.errors import CannotSend
from ostiary.client.limits import Timeouts

USER_AGENT: Final = f"ostiary/{__version__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """How servers are reached.

    ``timeouts``: of calls that have none of their own. ``product``: who uses this library, as ``Lantern/2.1``; stands
    first in the User-Agent. ``proxy``: the URL of one for all requests, with a password perhaps. ``environment``:
    whether HTTPS_PROXY, NO_PROXY and the like choose a proxy where none is given here. ``ca_file``: certificates of
    authorities (PEM) to trust besides the system's. ``certificate_file`` and ``key_file``: the client's own (PEM).
    ``tls``: all of that at once, made by yourself. ``max_connections``: open at one time; further calls wait.
    ``max_idle_connections``: kept for the next call.
    """

    timeouts: Timeouts = field(default_factory=Timeouts)
    product: str = ""
    proxy: str | None = field(default=None, repr=False)
    environment: bool = True
    ca_file: str | os.PathLike[str] | None = None
    certificate_file: str | os.PathLike[str] | None = None
    key_file: str | os.PathLike[str] | None = None
    tls: ssl.SSLContext | None = None
    max_connections: int = 100
    max_idle_connections: int = 20

    def user_agent(self) -> str:
        """The User-Agent. Raises CannotSend where no header can hold the product."""
        if not fits_header(self.product):
            raise CannotSend("the product would put a character into the User-Agent that no header can hold")
        return f"{self.product} {USER_AGENT}".lstrip()

    def tls_context(self) -> ssl.SSLContext | None:
        """What checks servers' certificates; None: as the library does by itself. Raises CannotSend."""
        if self.tls is not None or (self.ca_file is None and self.certificate_file is None):
            return self.tls
        context = ssl.create_default_context()
        file = self.ca_file
        try:
            if self.ca_file is not None:
                context.load_verify_locations(cafile=self.ca_file)
            file = self.certificate_file
            if self.certificate_file is not None:
                context.load_cert_chain(self.certificate_file, self.key_file)
        except OSError as error:  # which those of ssl are too
            raise CannotSend(f"{file} is no file of certificates that can be used: {error}") from error
        return context
