"""The kinds of value that a configuration key may have: how each is read, checked and written.

A value comes as TOML gives it, or as a string from the environment or the command line. Reading raises ValueError with
what is allowed, in words that follow "must be".
"""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ostiary.api.secret import HIDDEN, Secret
from ostiary.config.database import parse_database_url, without_password

_UNITS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"(\d+)\s*(ms|s|m|h|d)")
NEVER: Final = "never"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value. ``allowed``: in words, for documentation and errors. ``secret``: not to be shown."""

    allowed: str
    read: Callable[[Any], Any]
    write: Callable[[Any], str]
    secret: bool = False


def text(allowed: str, check: Callable[[str], object] | None = None) -> Kind:
    """A string, which ``check`` may refuse by a ValueError."""

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(allowed)  # noqa: TRY004 - every refusal of a value is one
        if check is not None:
            check(value)
        return value

    return Kind(allowed, read, json.dumps)


def secret(allowed: str = "a text") -> Kind:
    """A string that is kept as a secret, and never shown."""
    plain = text(allowed)

    def read(value: Any) -> Secret:
        return Secret(plain.read(value))

    return Kind(allowed, read, lambda value: json.dumps(HIDDEN if value else ""), secret=True)


def url(allowed: str) -> Kind:
    """An http or https URL without query and fragment, or nothing."""

    def check(value: str) -> None:
        if value and not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", value):
            raise ValueError(allowed)

    return text(allowed, check)


def database() -> Kind:
    """A database URL."""
    kind = text("sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE", parse_database_url)
    return replace(kind, write=lambda value: json.dumps(without_password(value)))


def choice(*options: str) -> Kind:
    """One of some words."""
    allowed = "one of " + ", ".join(options)

    def check(value: str) -> None:
        if value not in options:
            raise ValueError(allowed)

    return text(allowed, check)


def whole(low: int, high: int, unit: str = "") -> Kind:
    """A whole number within bounds."""
    allowed = f"a whole number from {low} to {high}{unit and ' ' + unit}"

    def read(value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(allowed)
        return value

    return Kind(allowed, read, str)


def number(above: float, high: float) -> Kind:
    """A number within bounds."""
    allowed = f"a number above {above:g}, at most {high:g}"

    def read(value: Any) -> float:
        try:
            value = float(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else above
        except ValueError:
            value = above
        if not above < value <= high:
            raise ValueError(allowed)
        return float(value)

    return Kind(allowed, read, lambda value: format(value, "g"))


def boolean() -> Kind:
    """True or false."""
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}

    def read(value: Any) -> bool:
        if isinstance(value, str):
            value = words.get(value.lower())
        if not isinstance(value, bool):
            raise ValueError("true or false")  # noqa: TRY004 - every refusal of a value is one
        return value

    return Kind("true or false", read, lambda value: "true" if value else "false")


def duration(low_ms: int, *, or_never: bool = False) -> Kind:
    """A length of time, kept in milliseconds; ``never`` (None) where that is allowed."""
    least = write_duration(low_ms)
    allowed = f'a duration like "300ms", "5s", "5m", "1h" or "30d", at least "{least}"'
    if or_never:
        allowed += f', or "{NEVER}"'

    def read(value: Any) -> int | None:
        if or_never and value == NEVER:
            return None
        match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
        milliseconds = int(match.group(1)) * _UNITS[match.group(2)] if match else -1
        if not low_ms <= milliseconds <= 100 * 365 * _UNITS["d"]:
            raise ValueError(allowed)
        return milliseconds

    return Kind(allowed, read, lambda value: f'"{write_duration(value)}"')


def write_duration(milliseconds: int | None) -> str:
    """A length of time in the largest unit that says it exactly."""
    if milliseconds is None:
        return NEVER
    unit = max((unit for unit, size in _UNITS.items() if milliseconds % size == 0), key=_UNITS.__getitem__)
    return f"{milliseconds // _UNITS[unit]}{unit}" if milliseconds else "0s"


def networks() -> Kind:
    """Addresses and networks."""
    allowed = 'a list of addresses or networks, like ["127.0.0.1", "10.0.0.0/8"]'

    def read(value: Any) -> tuple[str, ...]:
        try:
            given = json.loads(value) if isinstance(value, str) else value
            # As text, since a bare number would be read as an address.
            return tuple(str(ipaddress.ip_network(f"{one}")) for one in given)
        except (ValueError, TypeError):
            raise ValueError(allowed) from None

    return Kind(allowed, read, lambda value: json.dumps(list(value)))


AUTO: Final = "auto"


def flows(stages: tuple[str, ...], *, or_auto: bool = False) -> Kind:
    """Ways through interactive authentication: lists of stages, in their order; ``auto`` is None."""
    allowed = "a list of lists of stages, each one of " + ", ".join(stages) + (f', or "{AUTO}"' if or_auto else "")

    def read(value: Any) -> tuple[tuple[str, ...], ...] | None:
        if or_auto and value == AUTO:
            return None
        given = _parsed(value)
        ways = given if isinstance(given, list) and given else [[]]
        if not all(isinstance(way, list) and way and all(stage in stages for stage in way) for way in ways):
            raise ValueError(allowed)
        if any(len(set(way)) < len(way) for way in ways):
            raise ValueError(f"{allowed}, none of them twice in a list")
        return tuple(tuple(way) for way in ways)

    def write(value: Any) -> str:
        return json.dumps(AUTO if value is None else [list(way) for way in value])

    return Kind(allowed, read, write)


def texts(allowed: str, check: Callable[[str], object] | None = None) -> Kind:
    """A list of strings, each of which ``check`` may refuse by a ValueError."""

    def read(value: Any) -> tuple[str, ...]:
        given = _parsed(value)
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            raise ValueError(allowed)
        try:
            for one in given if check is not None else ():
                check(one)  # type: ignore[misc] # not None, or nothing is walked over
        except ValueError:
            raise ValueError(allowed) from None
        return tuple(given)

    return Kind(allowed, read, lambda value: json.dumps(list(value)))


def secret_texts(allowed: str, check: Callable[[str], object] | None = None) -> Kind:
    """A list of strings that are kept as secrets, and never shown."""
    plain = texts(allowed, check)

    def read(value: Any) -> tuple[Secret, ...]:
        return tuple(Secret(one) for one in plain.read(value))

    return Kind(allowed, read, lambda value: json.dumps([HIDDEN for _ in value]), secret=True)


def choices(*options: str) -> Kind:
    """A list of some words."""

    def check(one: str) -> None:
        if one not in options:
            raise ValueError

    return texts("a list of " + ", ".join(options), check)


def tables(allowed: str, make: Callable[[Mapping[str, Any]], Any], write: Callable[[Any], Any]) -> Kind:
    """A list of tables, each made into a value by ``make``, which raises ValueError, KeyError or TypeError."""

    def read(value: Any) -> tuple[Any, ...]:
        given = _parsed(value)
        try:
            return tuple(make(one) for one in given)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(allowed) from None

    return Kind(allowed, read, lambda value: json.dumps([write(one) for one in value]))


def optional_texts(allowed: str, absent: str) -> Kind:
    """A list of strings, or a word that stands for None."""
    listed = texts(allowed)
    told = f'{allowed}, or "{absent}"'

    def read(value: Any) -> tuple[str, ...] | None:
        if value == absent:
            return None
        try:
            found: tuple[str, ...] = listed.read(value)
        except ValueError:
            raise ValueError(told) from None
        return found

    return Kind(told, read, lambda value: json.dumps(absent) if value is None else listed.write(value))


def _parsed(value: Any) -> Any:
    """A list as TOML gives it, or as JSON in a string."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return None
