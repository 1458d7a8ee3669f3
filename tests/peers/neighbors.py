"""Who a homeserver talks to: a CAS server that lets everybody in, and an application service that answers pings."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

from tests.delivery.doubles import Asked, Reply, serving

_VALID = """<cas:serviceResponse xmlns:cas="http://www.yale.edu/tp/cas"><cas:authenticationSuccess>
<cas:user>{name}</cas:user></cas:authenticationSuccess></cas:serviceResponse>"""


class Neighbors:
    """``name``: whose browser it is that comes to log in; ``pings``: the transactions that were pinged with."""

    def __init__(self) -> None:
        self.url = ""
        self.name = "nobody"
        self.pings: list[str] = []

    def answer(self, asked: Asked) -> Reply:
        if asked.path.startswith("/login?"):
            back = f"{asked.query['service']}&{urlencode({'ticket': self.name})}"
            return Reply(status=302, headers={"Location": back})
        if asked.path.startswith("/proxyValidate?"):
            return Reply(body=_VALID.format(name=asked.query["ticket"]).encode())
        if asked.path == "/_matrix/app/v1/ping":
            self.pings.append(asked.json["transaction_id"])
        return Reply({})


@contextmanager
def neighbors() -> Iterator[Neighbors]:
    """All of them, on one port."""
    them = Neighbors()
    with serving(them.answer) as double:
        them.url = double.url
        yield them
