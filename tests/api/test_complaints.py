"""The texts of msgspec's errors, pinned: each is made by msgspec, and read by us."""

from enum import Enum
from typing import Annotated, Any

import msgspec
import pytest

from ostiary.api.complaints import complaint


class Color(Enum):
    RED = "red"


class Inner(msgspec.Struct):
    name: str


class Everything(msgspec.Struct, kw_only=True):
    text: Annotated[str, msgspec.Meta(min_length=2, max_length=4, pattern="^[a-z]+$")] = "ab"
    number: Annotated[int, msgspec.Meta(ge=1, lt=10)] = 1
    either: str | int = 0
    flag: bool = False
    many: Annotated[list[int], msgspec.Meta(max_length=2)] = []
    inner: Inner | None = None
    inners: list[Inner] = []
    color: Color = Color.RED
    table: dict[str, int] = {}


@pytest.mark.parametrize(
    ("value", "errcode", "field", "message"),
    [
        ({"text": 1}, "M_BAD_JSON", "text", "'text' must be a string, not an integer"),
        ({"text": None}, "M_BAD_JSON", "text", "'text' must be a string, not null"),
        ({"text": "a"}, "M_INVALID_PARAM", "text", "'text' must have at least 2 characters"),
        ({"text": "abcde"}, "M_INVALID_PARAM", "text", "'text' must have at most 4 characters"),
        ({"text": "a1"}, "M_INVALID_PARAM", "text", "'text' holds a character that is not allowed"),
        ({"number": 0}, "M_INVALID_PARAM", "number", "'number' must be >= 1"),
        ({"number": 10}, "M_INVALID_PARAM", "number", "'number' must be <= 9"),
        ({"number": 1.5}, "M_BAD_JSON", "number", "'number' must be an integer, not a number"),
        ({"either": True}, "M_BAD_JSON", "either", "'either' must be an integer or a string, not a boolean"),
        ({"flag": "yes"}, "M_BAD_JSON", "flag", "'flag' must be a boolean, not a string"),
        ({"many": [1, 2, 3]}, "M_INVALID_PARAM", "many", "'many' must have at most 2 entries"),
        ({"many": [1, "2"]}, "M_BAD_JSON", "many[1]", "'many[1]' must be an integer, not a string"),
        ({"inner": {}}, "M_MISSING_PARAM", "inner.name", "'inner.name' is missing"),
        ({"inner": []}, "M_BAD_JSON", "inner", "'inner' must be an object or null, not an array"),
        ({"inners": [{}]}, "M_MISSING_PARAM", "inners[0].name", "'inners[0].name' is missing"),
        ({"color": "blue"}, "M_INVALID_PARAM", "color", "'color' is not one of the allowed values"),
        ({"table": {"a": "b"}}, "M_BAD_JSON", "table[...]", "'table[...]' must be an integer, not a string"),
        ([], "M_BAD_JSON", None, "The body must be an object, not an array"),
    ],
)
def test_text_is_read(value: Any, errcode: str, field: str | None, message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(msgspec.json.encode(value), type=Everything)
    error = complaint(str(caught.value))
    assert (error.errcode, error.field, error.message) == (errcode, field, message)


def test_unknown_text_is_still_an_error_of_the_client() -> None:
    error = complaint("Something that a later version says - at `$.field`")
    assert (error.errcode, error.field) == ("M_INVALID_PARAM", "field")
