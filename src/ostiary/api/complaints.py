"""From msgspec's words to Matrix errors. Its errors have no fields, so their text is read; tests pin the wording.

Used by ``codec`` alone.
"""

import re
from typing import Final

from ostiary.api.errors import BadJson, InvalidParam, MatrixError, MissingParam

_PLACE: Final = re.compile(r" - at `\$([^`]*)`$")
_MISSING: Final = re.compile(r"Object missing required field `([^`]*)`")
_WRONG_TYPE: Final = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_LENGTH: Final = re.compile(r"Expected `(str|array|object)` of length (>=|<=) (\d+)")
_NUMBER: Final = re.compile(r"Expected `(?:int|float)` (>=|<=|>|<) (-?[\d.]+)")

_TYPE_NAMES: Final = {
    "str": "a string", "bool": "a boolean", "int": "an integer", "float": "a number", "object": "an object",
    "dict": "an object", "array": "an array", "list": "an array", "null": "null", "NoneType": "null",
}  # fmt: skip


def complaint(text: str) -> MatrixError:
    """The error that msgspec's text stands for: what is wrong and where, never the value."""
    path = ""
    while place := _PLACE.search(text):  # the outer place stands last
        path, text = path + place.group(1), text[: place.start()]
    if missing := _MISSING.search(text):
        name = f"{path}.{missing.group(1)}".lstrip(".")
        return MissingParam(f"'{name}' is missing", field=name)
    name = path.lstrip(".")
    if (wrong := _WRONG_TYPE.fullmatch(text)) is not None:
        what = f"must be {_types(wrong.group(1))}, not {_types(wrong.group(2))}"
        return BadJson(f"'{name}' {what}" if name else f"The body {what}", field=name or None)
    return InvalidParam(f"'{name}' {_rule(text)}", field=name or None)


def _rule(text: str) -> str:
    if length := _LENGTH.search(text):
        unit = "characters" if length.group(1) == "str" else "entries"
        bound = {">=": "at least", "<=": "at most"}[length.group(2)]
        return f"must have {bound} {length.group(3)} {unit}"
    if number := _NUMBER.search(text):
        return f"must be {number.group(1)} {number.group(2)}"
    if "matching regex" in text:
        return "holds a character that is not allowed"
    if text.startswith("Invalid enum value"):
        return "is not one of the allowed values"
    return "has a value that is not allowed"


def _types(names: str) -> str:
    return " or ".join(_TYPE_NAMES.get(name.strip(), name.strip()) for name in names.split("|"))
