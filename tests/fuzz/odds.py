"""Oddities: what a request may have besides, and what no server is to fail over. None makes a wrong request right."""

import re
from collections.abc import Callable
from random import Random
from typing import Final

from tests.fuzz.drafts import Draft
from tests.fuzz.values import wrong_header_value, wrong_json, wrong_segment

Odd = Callable[[Draft], str]

_PARTS: Final = re.compile("%[0-9a-fA-F]{2}|[A-Za-z0-9]")

_HEADERS: Final = (
    b"user-agent", b"x-forwarded-for", b"x-requested-with", b"origin", b"cookie", b"accept", b"accept-encoding",
    b"accept-language", b"content-encoding", b"expect", b"range", b"if-none-match", b"x-http-method-override", b"te",
    b"forwarded", b"x-matrix", b"access-control-request-method", b"content-length",
)  # fmt: skip
_CONTENT_TYPES: Final = (
    None, b"", b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x",
    b"application/json; charset=latin-1", b"application/json; charset=\xff", b"application/xml", b";;;", b"a" * 5000,
)  # fmt: skip
_QUERIES: Final = (
    b"%", b"%zz=%zz", b"%ff=%ff", b"a=%00", b"a=" + b"x" * 20_000, b"&".join(b"a=%d" % number for number in range(150)),
    b"&&&===", b"=", b"a=1&a=2&a=3", b"kind=owner&kind=", b"access_token=", b"access_token=x&access_token=%ff",
    b"access_token=%F0%9F%98%80", b"user_id=@bob:localhost", b"device_id=X", b"username=%ff", b"username=",
    b"token=%00", b"username=a&username=b", b"?", b"a[]=1&a[b]=2", b"\xff\xfe", b"%C3%28", b"+", b";a=1;b=2",
)  # fmt: skip


def _content_type(draft: Draft) -> str:
    draft.content_type = draft.random.choice(_CONTENT_TYPES)
    return "content type"


def _header(draft: Draft) -> str:
    name = draft.random.choice(_HEADERS)
    value = draft.random.choice((b"99999999999", b"-5", b"x", b"0")) if name == b"content-length" else None
    draft.headers.append((name, value if value is not None else wrong_header_value(draft.random)))
    return f"odd {name.decode()}"


def _many_headers(draft: Draft) -> str:
    draft.headers += [(b"x-%d" % number, b"x") for number in range(100)]
    return "many headers"


def _host(draft: Draft) -> str:
    draft.host = draft.random.choice((None, b"", b"evil.example", b"\xff", b"[::1]:99999", b"a" * 5000))
    return "odd host"


def _query(draft: Draft) -> str:
    draft.raw_query = draft.random.choice(_QUERIES)
    return "odd query"


def _repeated_query(draft: Draft) -> str:
    draft.query += [(name, draft.random.choice(("", "\0", "%", "ü", "x" * 300))) for name, _ in draft.query]
    return "repeated query"


def _unknown_field(draft: Draft) -> str:
    name = draft.random.choice(("x", "", "__proto__", "\\u0000", "\\ud800", "meta", "a" * 1000, "type "))
    draft.fields.append((name, wrong_json(draft.random)))
    return "unknown field"


def _repeated_field(draft: Draft) -> str:
    """Each field a first time with something else; the last one counts."""
    draft.fields = [(name, wrong_json(draft.random)) for name, _ in draft.fields] + draft.fields
    return "repeated fields"


def _shuffled_fields(draft: Draft) -> str:
    if len({name for name, _ in draft.fields}) < len(draft.fields):
        return "nothing"  # of a field that is there twice, the last has to stay the last
    draft.random.shuffle(draft.fields)
    return "another order"


def _spelled_in_escapes(draft: Draft) -> str:
    """The same path, some of its letters written in another way; of a path that is unknown, the same unknown one."""
    draft.path = _PARTS.sub(lambda part: _escaped(part.group(), draft.random), draft.raw_path)
    return "a path in escapes"


def _segment(draft: Draft) -> str:
    """An odd segment where a call only reads; elsewhere it might be somebody's who is not meant."""
    if draft.endpoint.meta.method == "GET" and draft.segments and draft.path is None:
        draft.segments[draft.random.choice(list(draft.segments))] = wrong_segment(draft.random)
        return "odd segment"
    return "nothing"


def _lower_case_scheme(draft: Draft) -> str:
    draft.authorization = [value.replace(b"Bearer ", b"bEARER   ") for value in draft.authorization]
    return "scheme in capitals"


def _body_where_none_is_wanted(draft: Draft) -> str:
    if not draft.has_body:
        draft.body = draft.random.choice((b"\xff", b"[" * 5000, b'{"auth":{"type":"m.login.dummy"}}', b" "))
        return "a body where none is wanted"
    return "nothing"


def _escaped(part: str, random: Random) -> str:
    letter = part[0]
    return f"%{ord(letter):02{random.choice('xX')}}" if letter.isalnum() and random.random() < 0.1 else part


ODDS: Final[tuple[Odd, ...]] = (
    _content_type, _header, _header, _many_headers, _host, _query, _query, _repeated_query, _unknown_field,
    _unknown_field, _repeated_field, _shuffled_fields, _segment, _spelled_in_escapes, _lower_case_scheme,
    _body_where_none_is_wanted,
)  # fmt: skip
