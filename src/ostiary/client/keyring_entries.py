"""The entries of a keyring, of any length: what is too long for one stands in several. Knows no sessions.

Windows holds 2,560 bytes in an entry, of UTF-16, so 1,280 characters. The entry of a long text names its parts, which
are written before it and removed after it: at any moment the old text is whole, or the new one. Parts have one of two
names by turns, so that those of an interrupted writer are found again. Whoever writes or reads holds a lock meanwhile.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeVar

from ostiary.client.errors import StoreUnreadable, StoreUnwritable

T = TypeVar("T")

MAX_CHARACTERS: Final = 1_200

TURNS: Final = ("a", "b")


class Keyring(Protocol):
    """What is used of a keyring: ``keyring`` itself is one, and any backend of it."""

    def get_password(self, service: str, username: str) -> str | None:
        """The entry's text; None where there is none."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """Make or change an entry."""
        ...

    def delete_password(self, service: str, username: str) -> None:
        """Remove an entry."""
        ...


class Entries:
    """The entries under the name ``service``. ``backend``: the keyring, else the one that the system offers.

    Texts are ASCII. All functions raise StoreUnreadable, and those that change something StoreUnwritable; also where
    the extra is not installed.
    """

    def __init__(self, service: str, backend: Keyring | None) -> None:
        self.service = service
        self._backend = backend

    def get(self, name: str) -> str | None:
        """An entry's text; None where there is none."""
        text = self._get(name)
        if text is None or (place := _parts_of(text)) is None:
            return text
        turn, count = place
        parts = [self._get(f"{name}.{turn}{number}") for number in range(count)]
        if any(part is None for part in parts):
            raise StoreUnreadable(f"the entry {name} of {self.service} in the keyring lacks a part")
        return "".join(part or "" for part in parts)

    def set(self, name: str, text: str) -> None:
        """Make or change an entry."""
        before = _parts_of(self._get(name) or "")
        turn = next(one for one in TURNS if before is None or one != before[0])
        if len(text) > MAX_CHARACTERS:
            parts = [text[begin : begin + MAX_CHARACTERS] for begin in range(0, len(text), MAX_CHARACTERS)]
            for number, part in enumerate(parts):
                self._set(f"{name}.{turn}{number}", part)
            self._set(name, json.dumps({"turn": turn, "parts": len(parts)}))
            self._clear(name, {turn: len(parts)})
        else:
            self._set(name, text)
            if before is not None:
                self._clear(name)

    def delete(self, name: str) -> None:
        """Remove an entry; well if there is none."""
        if self._get(name) is not None:
            self._delete(name)
        self._clear(name)

    def _clear(self, name: str, kept: Mapping[str, int] | None = None) -> None:
        """Remove the parts of this name, but those that are kept: how many, by turn."""
        for turn in TURNS:
            number = (kept or {}).get(turn, 0)
            while self._get(part := f"{name}.{turn}{number}") is not None:
                self._delete(part)
                number += 1

    # --- The keyring itself ------------------------------------------------------------------------------------------

    def _get(self, name: str) -> str | None:
        try:
            return self._keyring().get_password(self.service, name)
        except Exception as error:
            if isinstance(error, StoreUnreadable):
                raise
            raise StoreUnreadable(f"the keyring cannot be read: {type(error).__name__}") from error

    def _set(self, name: str, text: str) -> None:
        self._writing(lambda: self._keyring().set_password(self.service, name, text))

    def _delete(self, name: str) -> None:
        self._writing(lambda: self._keyring().delete_password(self.service, name))

    def _writing(self, write: Callable[[], T]) -> T:
        try:
            return write()
        except Exception as error:
            if isinstance(error, StoreUnreadable):
                raise
            raise StoreUnwritable(f"the keyring takes nothing: {type(error).__name__}") from error

    def _keyring(self) -> Keyring:
        if self._backend is None:
            try:
                import keyring
            except ImportError:
                raise StoreUnreadable("the keyring needs the extra: pip install 'ostiary[keyring]'") from None
            library: Any = keyring
            self._backend = library
        return self._backend


def _parts_of(text: str) -> tuple[str, int] | None:
    """Where the parts of a text are, and how many, if this is not the text itself."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.keys() != {"turn", "parts"}:
        return None
    turn, count = told["turn"], told["parts"]
    return (turn, count) if turn in TURNS and isinstance(count, int) else None
