"""What keeps a page from being used against its reader: headers, and the check of where a form comes from.

Defended against:

- *Text becoming page.* Templates escape everything; the Content-Security-Policy allows no script but files of our own
  on the pages that have one, and the captcha service's on the captcha's page.
- *A page in a frame* of somebody else's, where clicks are stolen: ``frame-ancestors 'none'`` and ``X-Frame-Options``.
- *Secrets in the address* (sessions, links in mails) reaching other servers: ``Referrer-Policy: no-referrer``, no file
  from elsewhere, ``no-store``. Nothing is readable across origins: there is no ``Access-Control-Allow-Origin``.
- *Forms sent by another site* in the reader's browser. No page relies on cookies, so such a form could do no more than
  whoever made it; still, completing a stage or confirming an address is the reader's to decide. A form therefore
  carries a token, an HMAC of the secret that its page was opened with (the dialogue's session, the link's secret):
  whoever does not know the secret cannot make one. And where the browser says which site a form comes from, it has to
  be this one; this also stops somebody who knows the secret, being who opened the dialogue, from sending the form in
  another's name. The first pages of login and registration have no secret yet, and are held by that alone.
- *Links followed by mail scanners*: nothing is confirmed by a GET.

Because of ``no-referrer``, browsers say ``Origin: null`` for our own forms. It counts as nothing said; the newer header
``Sec-Fetch-Site`` is not affected, and every browser since 2023 sends it where there is TLS.

Not defended: a person who is talked into completing a stage of another's dialogue by its true page. That is why the
page says what is being confirmed.
"""

import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from ostiary.api.errors import Forbidden

Header = tuple[bytes, bytes]

_STRICT: Final[Mapping[str, tuple[str, ...]]] = {
    "default-src": ("'none'",),
    "style-src": ("'self'",),
    "img-src": ("'self'", "data:"),
    "form-action": ("'self'",),
    "frame-ancestors": ("'none'",),
    "base-uri": ("'none'",),
}

_ALWAYS: Final[tuple[Header, ...]] = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)

Sources = Mapping[str, tuple[str, ...]]
"""What a Content-Security-Policy allows, by directive."""

OWN_SCRIPT: Final[Sources] = {"script-src": ("'self'",)}


class Forged(Forbidden):
    """A form that was not sent from its page."""

    def __init__(self) -> None:
        super().__init__("The form was not sent from this page")


def page_headers(*more: Sources) -> list[Header]:
    """The headers of a page. ``more``: what it needs beyond the usual, which is nearly nothing."""
    allowed: dict[str, tuple[str, ...]] = dict(_STRICT)
    for sources in more:
        for directive, places in sources.items():
            allowed[directive] = (*allowed.get(directive, ()), *places)
    policy = "; ".join(f"{directive} {' '.join(places)}" for directive, places in allowed.items())
    return [*_ALWAYS, (b"content-security-policy", policy.encode("ascii"))]


def form_token(purpose: str, secret: str) -> str:
    """The token of a form whose page was opened with a secret. ``purpose``: a name of our own for the page."""
    return hmac.digest(secret.encode("utf-8", "surrogatepass"), f"form {purpose}".encode(), "sha256").hex()


def check_token(purpose: str, secret: str, token: str) -> None:
    """Raise Forged unless a form's token is right."""
    if not hmac.compare_digest(form_token(purpose, secret).encode(), token.encode("utf-8", "replace")):
        raise Forged


def check_site(headers: Mapping[bytes, bytes], own_url: str) -> None:
    """Raise Forged where the browser says that a form comes from another site. ``own_url``: the server's, if known.

    The host of ``Origin`` is compared, not its scheme: before a proxy that speaks TLS, ours is not what people see.
    """
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        if site not in (b"same-origin", b"none"):
            raise Forged
        return
    origin = headers.get(b"origin", b"null")
    if origin == b"null":
        return
    try:
        host = urlsplit(origin.decode("latin-1")).netloc
    except ValueError:
        raise Forged from None
    if not host or host not in (headers.get(b"host", b"").decode("latin-1"), urlsplit(own_url).netloc):
        raise Forged
