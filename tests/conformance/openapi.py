"""The spec's OpenAPI files, read: operations, their fields, and what is required of them."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
SPEC = Path(os.environ.get("MATRIX_SPEC", ROOT.parent / "shared" / "matrix-spec"))
CLIENT_SERVER = SPEC / "client-server"

MISSING = None if CLIENT_SERVER.is_dir() else f"the specification's files are not at {SPEC} (set MATRIX_SPEC)"
"""Why tests that read the spec are skipped; None where it is there."""


@dataclass(frozen=True)
class Field:
    """A field of an object. ``kind``: its JSON type, empty where the spec does not say."""

    kind: str
    required: bool
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """An operation of the spec."""

    operation_id: str
    method: str
    path: str
    raw: Mapping[str, Any]
    file: Path

    @property
    def parameters(self) -> dict[tuple[str, str], Field]:
        """Path and query parameters, by place and name."""
        found = {}
        for parameter in self.raw.get("parameters", ()):
            schema = resolve(parameter["schema"], self.file)
            field = Field(schema.get("type", ""), parameter.get("required", False), schema)
            found[parameter["in"], parameter["name"]] = field
        return found

    @property
    def body(self) -> dict[str, Field]:
        """The fields of the body."""
        content = self.raw.get("requestBody", {}).get("content", {})
        return fields_of(content.get("application/json", {}).get("schema", {}), self.file)

    def answer(self, status: int) -> dict[str, Field]:
        """The fields of an answer."""
        content = self.raw["responses"].get(str(status), {}).get("content", {})
        return fields_of(content.get("application/json", {}).get("schema", {}), self.file)

    @property
    def statuses(self) -> set[int]:
        return {int(status) for status in self.raw["responses"]}

    @property
    def is_interactive(self) -> bool:
        """Whether a 401 with flows is among its answers."""
        return "flows" in self.answer(401) if 401 in self.statuses else False

    @property
    def needs_token(self) -> bool | None:
        """True, False, or None where a token is optional."""
        security = self.raw.get("security", [])
        if not security:
            return False
        return None if {} in security else True

    def errcodes(self) -> set[str]:
        """The error codes that its answers name, in their text or their examples."""
        return set(re.findall(r"\bM_[A-Z_]+\b", yaml.safe_dump(self.raw["responses"])))


def operations(stem: str) -> dict[str, Operation]:
    """The operations of a file, by their IDs."""
    file = CLIENT_SERVER / f"{stem}.yaml"
    document = load(file)
    base = document["servers"][0]["variables"]["basePath"]["default"]
    found = {}
    for path, methods in document["paths"].items():
        for method, raw in methods.items():
            operation_id = raw["operationId"]
            found[operation_id] = Operation(operation_id, method.upper(), base + path, raw, file)
    return found


@cache
def load(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def resolve(schema: Mapping[str, Any], file: Path) -> Mapping[str, Any]:
    """A schema with its references and ``allOf`` put in."""
    if schema.get("$ref", "").startswith("#/"):
        inside = load(file)
        for step in schema["$ref"][2:].split("/"):
            inside = inside[step]
        return resolve(inside, file)
    if "$ref" in schema:
        target = (file.parent / schema["$ref"]).resolve()
        return resolve(load(target), target)
    if "allOf" not in schema:
        return {**schema, "x-file": schema.get("x-file", file)}
    merged: dict[str, Any] = {"x-file": file}
    for part in (*schema["allOf"], {key: value for key, value in schema.items() if key != "allOf"}):
        resolved = resolve(part, file)
        properties = {
            **merged.get("properties", {}),
            **{name: {**one, "x-file": resolved["x-file"]} for name, one in resolved.get("properties", {}).items()},
        }
        required = [*merged.get("required", ()), *resolved.get("required", ())]
        merged |= {key: value for key, value in resolved.items() if key != "x-file"}
        merged |= {"properties": properties, "required": required}
    return merged


def fields_of(schema: Mapping[str, Any], file: Path) -> dict[str, Field]:
    """The fields of an object's schema."""
    resolved = resolve(schema, file)
    required = set(resolved.get("required", ()))
    found = {}
    for name, one in resolved.get("properties", {}).items():
        inner = resolve(one, one.get("x-file", resolved["x-file"]))
        kind = inner.get("type", "object" if "properties" in inner else "")
        found[name] = Field(kind, name in required, inner)
    return found
