"""Application services: bridges and the like, which speak for users of a name space. Spec: application service API."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ostiary.accounts.tokens import digest_of
from ostiary.api.identifiers import Localpart, ServerName, make_user_id
from ostiary.api.secret import Secret


@dataclass(frozen=True, slots=True)
class Namespace:
    """Whole user IDs by a pattern. ``exclusive``: nobody else may have them."""

    pattern: re.Pattern[str]
    exclusive: bool


@dataclass(frozen=True, slots=True)
class Appservice:
    """An application service. ``url``: where it listens, None where it does not."""

    appservice_id: str
    url: str | None
    token_digest: bytes = field(repr=False)
    hs_token: Secret
    sender: Localpart
    users: tuple[Namespace, ...]
    rate_limited: bool

    def speaks_for(self, user_id: str, localpart: str) -> bool:
        """Whether the user is one of its own."""
        return localpart == self.sender or any(space.pattern.match(user_id) for space in self.users)


class Appservices:
    """All of them. Their tokens are told by digest, in constant time."""

    def __init__(self, appservices: Sequence[Appservice], server_name: ServerName) -> None:
        self.all = tuple(appservices)
        self._by_token = {one.token_digest: one for one in appservices}
        self._server_name = server_name

    def find(self, token: str) -> Appservice | None:
        """The one whose token this is."""
        return self._by_token.get(digest_of(token)) if self._by_token else None

    def claiming(self, localpart: str) -> Appservice | None:
        """The one that has this name to itself."""
        user_id = make_user_id(localpart, self._server_name)
        for one in self.all:
            if localpart == one.sender or any(space.exclusive and space.pattern.match(user_id) for space in one.users):
                return one
        return None
