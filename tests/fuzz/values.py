"""Values that no server likes, as raw JSON, path segments, header values; and right ones to put them beside.

JSON is written here as text and not by a library, since libraries refuse to write what is wrong. Must not know HTTP.
"""

import json
import re
from random import Random
from typing import Annotated, Any, get_args, get_origin

import msgspec

from ostiary.api.secret import Secret
from ostiary.api.unions import OpenUnion

CANARY = "hunter2-canary"
"""Stands in every secret that is sent, so that one can see whether an answer repeats it."""

DEEP = 10_000
RIGHT_TEXTS = ("abc", "email", "0")
"""One of them meets any limit that the contract sets to texts."""

_BRACKETS = ("[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP, "[" * DEEP)
_NUMBERS = ("1e999", "-1e999", "9" * 400, "-0", "0.1e-400", "9007199254740993", "1.0", "18446744073709551616", "-1")
_STRINGS = (
    '""', '"\\u0000"', '"\\ud800"', '"\\udfff\\ud800"', '"\\ud83d\\ude00"', '"a\\u0000b"', '"\\u202e\\ufeff"', '"."',
    '"@alice:localhost"', '"@:"', '"../../etc/passwd"', '"\' OR 1=1 --"', '"%00%ff"', '"null"', '"m.login.dummy"',
    '"\\r\\nX-Injected: 1"', '"İ"', '"ﬀ"',
)  # fmt: skip
_BROKEN = (
    b"", b"{", b"}", b'{"a":}', b'{"a":1,}', b"{'a':1}", b'{"a":1}x', b'{"a":1}{"a":1}', b"nul", b"NaN", b'{"a":NaN}',
    b'{"a":Infinity}', b'{"a":01}', b'{"a":"\x00"}', b'{"a":"\xff"}', b'{"\xc3\x28":1}', b'{"a":"\xed\xa0\x80"}',
    b'{"a":"\\x"}', b'{"a":"\\u12"}', b'\xef\xbb\xbf{"a":1}', b"\xff\xfe{\x00}\x00", b"a=1&b=2", b"<a/>", b"\x00",
    b"/* */{}", b'{"a" 1}', b"{a:1}", b'{"a":"',
)  # fmt: skip
_SEGMENTS = (
    "", ".", "..", "%2F", "%2f..%2f", "%2E%2E", "%00", "a%00b", "%ff", "%C3%28", "%ED%A0%80", "%", "%zz", "%u0041",
    "a" * 3000, "%F0%9F%98%80" * 300, "@alice", "@:localhost", "@alice:elsewhere.example", "@alice:localhost:1:2",
    "%40alice%3A", ";a=b", "a+b", "a%20b", "'", "%0d%0aX:1", "null", "{userId}",
)  # fmt: skip


def wrong_json(random: Random) -> str:
    """Some JSON value, in raw text: of any type, and seldom a nice one."""
    match random.randrange(8):
        case 0:
            return random.choice(_BRACKETS[:2]) if random.random() < 0.1 else "[[[[]]]]"
        case 1:
            return random.choice(_NUMBERS)
        case 2 | 3:
            return random.choice(_STRINGS)
        case 4:
            return json.dumps("x" * random.choice((256, 300, 2049, 5000)))
        case 5:
            return random.choice(("null", "true", "false"))
        case 6:
            return f"[{wrong_json(random)}]"
        case _:
            return f'{{"type":{wrong_json(random)},"session":{wrong_json(random)}}}'


def json_not_of(kind: Any, random: Random) -> str:
    """A JSON value that is of another type than wanted, whatever limits the type has. Never null, which is nothing."""
    others = {
        "string": random.choice(('"x"', '"true"', '"1"')),
        "number": random.choice(("1.5", "-7", "1e999", "123456789012345678901234567890")),
        "boolean": random.choice(("true", "false")),
        "array": random.choice(("[]", '["x"]', "[[[]]]", "[null]", '[{"type":"m.login.dummy"}]')),
        "object": random.choice(("{}", '{"a":1}', '{"type":"x"}', '{"reveal":"x"}')),
    }
    others.pop(_json_type(kind))
    return random.choice(list(others.values()))


def json_beyond(kind: Any, random: Random) -> str | None:
    """A JSON value of the right type that breaks its limits; None where it has none."""
    limits = _limits(kind)
    if limits is None:
        return None
    choices: list[Any] = []
    if limits.max_length is not None:
        text = "a" * (limits.max_length + random.choice((1, 2, 1000)))
        choices.append(text if _json_type(kind) == "string" else list(text))
    if limits.min_length and _json_type(kind) == "string":
        choices.append("")
    if limits.pattern is not None:
        choices += [text for text in ("a\0b", "\0", "a\n\0") if not re.search(limits.pattern, text)]
    if limits.le is not None:
        choices += [limits.le + 1, 10**30]
    if limits.ge is not None:
        choices.append(limits.ge - 1)
    return json.dumps(random.choice(choices)) if choices else None


def right_json(kind: Any, random: Random) -> str:
    """A JSON value as it should be; of secrets, one that opens nothing."""
    kind = _bare(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Secret:
        return json.dumps(CANARY)
    if isinstance(kind, type) and issubclass(kind, OpenUnion):
        user = random.choice(("alice", "@alice:localhost", "nobody"))
        return json.dumps({"type": "m.id.user", "user": user})
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        required = (one for one in msgspec.structs.fields(kind) if one.required)
        fields = (f'"{one.encode_name}":{right_json(one.type, random)}' for one in required)
        return f"{{{','.join(fields)}}}"
    if origin is tuple:
        return f"[{right_json(arguments[0], random)}]"
    return {"string": json.dumps(random.choice(RIGHT_TEXTS)), "number": "1", "boolean": "true"}.get(
        _json_type(kind), "{}"
    )


def broken_body(random: Random) -> bytes:
    """Bytes that are no JSON, or no JSON object."""
    match random.randrange(6):
        case 0:
            return random.choice(_BRACKETS).encode()[: random.choice((2 * DEEP, DEEP, 600))]
        case 1:
            return random.choice(("[]", "1", '"x"', "null", "true", '[{"type":"m.login.password"}]')).encode()
        case 2:
            return random.randbytes(random.randrange(1, 40)).replace(b"{", b"\xff") + b"\xff"
        case _:
            return random.choice(_BROKEN[1:])


def wrong_segment(random: Random) -> str:
    """A segment of a path as it stands in the request: not what it should be, but without a slash."""
    return random.choice(_SEGMENTS)


def wrong_header_value(random: Random) -> bytes:
    """Bytes that may stand in a header's value, and are none that anybody expects."""
    return random.choice((
        b"", b"x" * 20_000, "gr\u00fc\u00df".encode("latin-1"), "\u65e5\u672c".encode(), b"\xff\xfe", b",,,;;;", b'"',
        b"\t", b"%00", b"-1", b"1e9", b"null", b"a=b; a=b", bytes(range(0x80, 0x100)),
    ))  # fmt: skip


def _bare(kind: Any) -> Any:
    """A type without its marks, its name, and the chance that it is missing."""
    if hasattr(kind, "__supertype__"):
        return _bare(kind.__supertype__)
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    members = [one for one in get_args(kind) if one not in (msgspec.UnsetType, type(None))]
    if members and get_origin(kind) not in (tuple, dict):
        return _bare(members[0])
    return kind


def _limits(kind: Any) -> msgspec.Meta | None:
    if hasattr(kind, "__supertype__"):
        return _limits(kind.__supertype__)
    if get_origin(kind) is Annotated:
        return next((mark for mark in get_args(kind)[1:] if isinstance(mark, msgspec.Meta)), None)
    if get_origin(kind) in (tuple, dict):
        return None
    return next((found for one in get_args(kind) if (found := _limits(one)) is not None), None)


def _json_type(kind: Any) -> str:
    kind = _bare(kind)
    if kind is str or kind is Secret:
        return "string"
    if kind is bool:
        return "boolean"
    if kind in (int, float):
        return "number"
    return "array" if get_origin(kind) is tuple else "object"
