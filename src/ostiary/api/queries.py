"""Query strings: texts by name, and the numbers and booleans that an endpoint wants of them.

Used by ``codec``, and by whoever looks at a query before its endpoint is known to be allowed.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, get_args, get_type_hints
from urllib.parse import parse_qsl

from ostiary.api.endpoint import Endpoint, Place, fields_in
from ostiary.api.errors import InvalidParam

MAX_QUERY_FIELDS: Final = 100
"""More parameters than any call has; beyond it a query is refused unread."""

_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")
_BOOLEANS: Final = {"true": True, "false": False}


def parse_query(query: bytes) -> dict[str, str]:
    """The fields of a query string; of a field that is there twice, the last. Raises InvalidParam."""
    try:
        return dict(parse_qsl(query.decode(), keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS, errors="strict"))
    except UnicodeDecodeError:
        raise InvalidParam("The query is not UTF-8") from None
    except ValueError:
        raise InvalidParam(f"The query has over {MAX_QUERY_FIELDS} fields") from None


def read_query(endpoint: type[Endpoint[Any]], query: bytes) -> dict[str, Any]:
    """The endpoint's own fields of a query string. Raises InvalidParam."""
    readers = _readers(endpoint)
    if not readers:
        return {}
    return {name: readers[name](name, text) for name, text in parse_query(query).items() if name in readers}


def query_text(value: Any) -> str:
    """A value as it stands in a query string."""
    return str(value).lower() if isinstance(value, bool) else str(value)


Reader = Callable[[str, str], Any]


@cache
def _readers(endpoint: type[Endpoint[Any]]) -> Mapping[str, Reader]:
    hints = get_type_hints(endpoint, include_extras=True)
    names = zip(endpoint.__struct_fields__, endpoint.__struct_encode_fields__, strict=True)
    in_query = fields_in(endpoint, Place.QUERY)
    return {name: _reader_of(hints[attribute]) or _as_it_is for attribute, name in names if name in in_query}


def _reader_of(annotation: Any) -> Reader | None:
    if annotation is int:
        return _whole_number
    if annotation is bool:
        return _boolean
    return next((reader for part in get_args(annotation) if (reader := _reader_of(part)) is not None), None)


def _as_it_is(_name: str, text: str) -> str:
    return text


def _whole_number(name: str, text: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(text):
        raise InvalidParam(f"'{name}' must be a whole number", field=name)
    return int(text)


def _boolean(name: str, text: str) -> bool:
    if text not in _BOOLEANS:
        raise InvalidParam(f"'{name}' must be true or false", field=name)
    return _BOOLEANS[text]
