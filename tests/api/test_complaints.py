"""The texts of msgspec's errors, pinned: each is made by msgspec, and read by us. An upgrade that changes one fails."""

from enum import Enum
from typing import Annotated, Any

import msgspec
import pytest

from ostiary.api.complaints import complaint
from ostiary.api.errors import BadJson, InvalidParam, MatrixError, MissingParam


class Color(Enum):
    RED = "red"


class Own:
    """A type that msgspec does not know."""


class Inner(msgspec.Struct):
    name: str


class Everything(msgspec.Struct, kw_only=True):
    text: Annotated[str, msgspec.Meta(min_length=2, max_length=4, pattern="^[a-z]+$")] = "ab"
    number: Annotated[int, msgspec.Meta(ge=1, lt=10)] = 1
    share: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5
    limit: Annotated[float, msgspec.Meta(ge=-1, le=1.5)] = 0
    even: Annotated[int, msgspec.Meta(multiple_of=2)] = 0
    either: str | int = 0
    flag: bool = False
    nothing: None = None
    many: Annotated[list[int], msgspec.Meta(min_length=1, max_length=2)] = []
    table: Annotated[dict[str, int], msgspec.Meta(max_length=1)] = {}
    inner: Inner | None = None
    inners: list[Inner] = []
    deep: dict[str, list[Inner]] = {}
    color: Color = Color.RED


CASES = [
    # Wrong types
    ({"text": 1}, "Expected `str`, got `int` - at `$.text`", BadJson, "text", "must be a string, not an integer"),
    ({"text": None}, "Expected `str`, got `null` - at `$.text`", BadJson, "text", "must be a string, not null"),
    ({"text": {}}, "Expected `str`, got `object` - at `$.text`", BadJson, "text", "must be a string, not an object"),
    ({"number": 1.5}, "Expected `int`, got `float` - at `$.number`", BadJson, "number",
     "must be an integer, not a number"),
    ({"share": "x"}, "Expected `float`, got `str` - at `$.share`", BadJson, "share", "must be a number, not a string"),
    ({"either": True}, "Expected `int | str`, got `bool` - at `$.either`", BadJson, "either",
     "must be an integer or a string, not a boolean"),
    ({"flag": "yes"}, "Expected `bool`, got `str` - at `$.flag`", BadJson, "flag", "must be a boolean, not a string"),
    ({"nothing": 1}, "Expected `null`, got `int` - at `$.nothing`", BadJson, "nothing", "must be null, not an integer"),
    ({"many": {}}, "Expected `array`, got `object` - at `$.many`", BadJson, "many", "must be an array, not an object"),
    ({"many": [1, "2"]}, "Expected `int`, got `str` - at `$.many[1]`", BadJson, "many[1]",
     "must be an integer, not a string"),
    ({"inner": []}, "Expected `object | null`, got `array` - at `$.inner`", BadJson, "inner",
     "must be an object or null, not an array"),
    ({"table": {"a": "b"}}, "Expected `int`, got `str` - at `$.table[...]`", BadJson, "table[...]",
     "must be an integer, not a string"),
    # Missing
    ({"inner": {}}, "Object missing required field `name` - at `$.inner`", MissingParam, "inner.name", "is missing"),
    ({"inners": [{}]}, "Object missing required field `name` - at `$.inners[0]`", MissingParam, "inners[0].name",
     "is missing"),
    ({"deep": {"k": [{}]}}, "Object missing required field `name` - at `$.deep[...][0]`", MissingParam,
     "deep[...][0].name", "is missing"),
    # Out of bounds
    ({"text": "a"}, "Expected `str` of length >= 2 - at `$.text`", InvalidParam, "text",
     "must have at least 2 characters"),
    ({"text": "abcde"}, "Expected `str` of length <= 4 - at `$.text`", InvalidParam, "text",
     "must have at most 4 characters"),
    ({"many": []}, "Expected `array` of length >= 1 - at `$.many`", InvalidParam, "many",
     "must have at least 1 entries"),
    ({"many": [1, 2, 3]}, "Expected `array` of length <= 2 - at `$.many`", InvalidParam, "many",
     "must have at most 2 entries"),
    ({"table": {"a": 1, "b": 2}}, "Expected `object` of length <= 1 - at `$.table`", InvalidParam, "table",
     "must have at most 1 entries"),
    ({"number": 0}, "Expected `int` >= 1 - at `$.number`", InvalidParam, "number", "must be >= 1"),
    ({"number": 10}, "Expected `int` <= 9 - at `$.number`", InvalidParam, "number", "must be <= 9"),
    ({"share": 0.0}, "Expected `float` > 0.0 - at `$.share`", InvalidParam, "share", "must be > 0.0"),
    ({"share": 1.0}, "Expected `float` < 1.0 - at `$.share`", InvalidParam, "share", "must be < 1.0"),
    ({"limit": -1.5}, "Expected `float` >= -1.0 - at `$.limit`", InvalidParam, "limit", "must be >= -1.0"),
    ({"limit": 2.5}, "Expected `float` <= 1.5 - at `$.limit`", InvalidParam, "limit", "must be <= 1.5"),
    # Not allowed
    ({"text": "a1"}, "Expected `str` matching regex '^[a-z]+$' - at `$.text`", InvalidParam, "text",
     "holds a character that is not allowed"),
    ({"color": "blue"}, "Invalid enum value 'blue' - at `$.color`", InvalidParam, "color",
     "is not one of the allowed values"),
    ({"even": 3}, "Expected `int` that's a multiple of 2 - at `$.even`", InvalidParam, "even",
     "has a value that is not allowed"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "text", "kind", "field", "message"), CASES)
def test_text_is_msgspecs_and_is_read(value: Any, text: str, kind: type[MatrixError], field: str, message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as decoding:
        msgspec.json.decode(msgspec.json.encode(value), type=Everything)
    with pytest.raises(msgspec.ValidationError) as converting:
        msgspec.convert(value, Everything)
    assert str(decoding.value) == str(converting.value) == text
    error = complaint(text)
    assert (type(error), error.field, error.message) == (kind, field, f"'{field}' {message}")


def test_text_about_the_whole_is_read() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(b"[]", type=Everything)
    assert str(caught.value) == "Expected `object`, got `array`"
    error = complaint(str(caught.value))
    assert (type(error), error.field, error.message) == (BadJson, None, "The body must be an object, not an array")


@pytest.mark.parametrize("inner", ["Expected `str`, got `dict`", "Object missing required field `b` - at `$.a`"])
def test_text_of_a_hook_is_kept_and_its_place_added(inner: str) -> None:
    def refuse(kind: type, value: Any) -> Any:
        raise ValueError(inner)

    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({"x": [{}]}, dict[str, list[Own]], dec_hook=refuse)
    assert str(caught.value) == f"{inner} - at `$[...][0]`"


def test_places_of_a_hooks_text_are_put_together_outer_first() -> None:
    error = complaint("Object missing required field `c` - at `$.b[1]` - at `$.a`")
    assert error.field == "a.b[1].c"


@pytest.mark.parametrize("number", [b"1e999", b"1" * 5000])
def test_number_out_of_range_is_the_only_complaint_about_plain_json(number: bytes) -> None:
    with pytest.raises(msgspec.ValidationError, match="out of range"):
        msgspec.json.decode(number)


def test_unknown_text_is_still_an_error_of_the_client_without_the_text() -> None:
    error = complaint("Something that a later version says of 'hunter2' - at `$.field`")
    assert (type(error), error.field, error.message) == (
        InvalidParam, "field", "'field' has a value that is not allowed",
    )  # fmt: skip
