"""The spec's OpenAPI files, read: operations with all references put in, and schemas as shapes to compare."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, reduce
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
SPEC = Path(os.environ.get("MATRIX_SPEC", ROOT.parent / "shared" / "matrix-spec"))
CLIENT_SERVER = SPEC / "client-server"

MISSING = None if CLIENT_SERVER.is_dir() else f"the specification's files are not at {SPEC} (set MATRIX_SPEC)"
"""Why tests that read the spec are skipped; None where it is there."""

Schema = Mapping[str, Any]

Shape = Any
"""What JSON a schema allows, as plain data: a type's name; ``[items]``; ``{"name": …, "optional?": …}``; a table as
``{"*": values}``; ``{}`` for any object."""


@dataclass(frozen=True)
class Operation:
    """An operation of the spec. ``raw``: as it stands in the file, without references."""

    operation_id: str
    method: str
    path: str
    raw: Mapping[str, Any]

    def parameters(self, place: str) -> Shape:
        """What the path or the query holds."""
        return {
            _name(parameter["name"], parameter.get("required", False)): shape(parameter["schema"])
            for parameter in self.raw.get("parameters", ())
            if parameter["in"] == place
        }

    @property
    def body(self) -> Schema:
        """The body of the request; empty where it has none."""
        return _schema_of(self.raw.get("requestBody", {}))

    def answer(self, status: int) -> Schema:
        """The body of an answer; empty where it has none."""
        return _schema_of(self.raw["responses"].get(str(status), {}))

    @property
    def statuses(self) -> frozenset[int]:
        return frozenset(int(status) for status in self.raw["responses"])

    @property
    def is_interactive(self) -> bool:
        """Whether a 401 with flows is among its answers."""
        return "flows" in self.answer(401).get("properties", {})

    @property
    def needs_token(self) -> bool | None:
        """True, False, or None where a token is optional."""
        security = self.raw.get("security", [])
        if not security:
            return False
        return None if {} in security else True

    @property
    def errcodes(self) -> frozenset[str]:
        """The error codes that it names anywhere: in its descriptions, its schemas, its examples."""
        return frozenset(re.findall(r"\bM_[A-Z_]+\b", yaml.safe_dump(self.raw)))

    def request_examples(self) -> list[Any]:
        return _examples(_json_of(self.raw.get("requestBody", {})))

    def answer_examples(self) -> list[tuple[int, Any]]:
        """Every example of an answer, with its status."""
        answers = self.raw["responses"].items()
        return [(int(status), example) for status, answer in answers for example in _examples(_json_of(answer))]


@cache
def operations(stem: str) -> Mapping[str, Operation]:
    """The operations of a file, by their IDs."""
    document = expanded(CLIENT_SERVER / f"{stem}.yaml")
    base = document["servers"][0]["variables"]["basePath"]["default"]
    return {
        raw["operationId"]: Operation(raw["operationId"], method.upper(), base + path, raw)
        for path, methods in document["paths"].items()
        for method, raw in methods.items()
    }


@cache
def expanded(file: Path) -> Any:
    """A file with every reference and ``allOf`` put in."""
    return _expand(_load(file), file)


def shape(schema: Schema) -> Shape:
    """A schema as plain data, without what does not show in JSON."""
    if "properties" in schema:
        required = schema.get("required", ())
        return {_name(name, name in required): shape(one) for name, one in schema["properties"].items()}
    match schema.get("type"):
        case "array":
            return [shape(schema["items"])]
        case "object":
            values = schema.get("additionalProperties", {})
            return {"*": shape(values)} if isinstance(values, dict) and "type" in values else {}
        case None:
            return "any"
        case simple:
            return simple


@cache
def _load(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def _expand(node: Any, file: Path) -> Any:
    if isinstance(node, list):
        return [_expand(one, file) for one in node]
    if not isinstance(node, dict):
        return node
    parts = [_referred(node["$ref"], file)] if "$ref" in node else []
    parts += _expand(node.get("allOf", []), file)
    here: Schema = {key: _expand(value, file) for key, value in node.items() if key not in ("$ref", "allOf")}
    return reduce(_merged, [*parts, here])


def _referred(reference: str, file: Path) -> Any:
    name, _, inside = reference.partition("#")
    target = (file.parent / name).resolve() if name else file
    node = _load(target)
    for step in inside.strip("/").split("/") if inside else ():
        node = node[step]
    return _expand(node, target)


def _merged(first: Schema, second: Schema) -> Schema:
    """Two schemas that both hold; where both say something of the same, the second does."""
    merged = {**first, **second}
    if "properties" in first and "properties" in second:
        merged["properties"] = {**first["properties"], **second["properties"]}
    if "required" in first and "required" in second:
        merged["required"] = [*first["required"], *second["required"]]
    return merged


def _name(name: str, is_required: bool) -> str:
    return name if is_required else f"{name}?"


def _json_of(message: Mapping[str, Any]) -> Mapping[str, Any]:
    content: Mapping[str, Any] = message.get("content", {}).get("application/json", {})
    return content


def _schema_of(message: Mapping[str, Any]) -> Schema:
    schema: Schema = _json_of(message).get("schema", {})
    return schema


def _examples(media: Mapping[str, Any]) -> list[Any]:
    """The examples of a body; where it has none, one is put together of its fields'."""
    if "examples" in media:
        return [one["value"] for one in media["examples"].values()]
    example = _example(media.get("schema", {}))
    return [] if example is None else [example]


def _example(schema: Schema) -> Any:
    if "example" in schema:
        return schema["example"]
    if "items" in schema:
        item = _example(schema["items"])
        return None if item is None else [item]
    fields = {name: _example(one) for name, one in schema.get("properties", {}).items()}
    return {name: value for name, value in fields.items() if value is not None} or None
