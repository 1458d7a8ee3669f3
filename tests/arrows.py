"""Who may import whom: the layers, as data, and the walk over the imports that holds the code against them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "ostiary"

ALLOWED: dict[str, frozenset[str]] = {
    "api": frozenset(),
    "accounts": frozenset({"api"}),
    "storage": frozenset(
        {"accounts.messages", "accounts.model", "accounts.outbox", "accounts.ports", "accounts.values", "api"}
    ),
    "delivery": frozenset(
        {
            "accounts.messages",
            "accounts.model",
            "accounts.outbox",
            "accounts.ports",
            "accounts.ports_outside",
            "api",
        }
    ),
    "config": frozenset({"api"}),
    "client": frozenset({"api"}),
    "server": frozenset({"api", "accounts", "storage", "delivery", "config"}),
    "cli": frozenset({"api", "accounts", "storage", "delivery", "config", "client", "server"}),
    "testing": frozenset({"api", "accounts", "storage", "delivery", "config", "client", "server"}),
}
"""What each layer may import, besides itself and the package's version."""

ONLY_IN: dict[str, tuple[str, ...]] = {
    "msgspec": ("api",),
    "sqlite3": (
        "storage.backup",
        "storage.inspecting",
        "storage.moving.sqlite",
        "storage.schema",
        "storage.sqlite",
        "storage.sqlite_changes",
    ),
    "asyncpg": (
        "storage.inspecting",
        "storage.moving.postgres",
        "storage.postgres",
        "storage.postgres_channel",
        "storage.postgres_errors",
    ),
    "aiosmtplib": ("delivery.mail",),
    "jinja2": ("delivery.templates", "server.web.pages"),
    "httpx2": ("client.transports", "delivery"),
    "keyring": ("client.keyring_entries",),
    "phonenumbers": ("delivery.phones", "server.web.countries"),
    "argon2": ("server.argon2_core", "server.schemes"),
    "bcrypt": ("server.schemes",),
    "zxcvbn": ("server.strength",),
    "cryptography": ("delivery.signing",),
    "joserfc": ("server.jwts",),
    "yaml": ("server.appservice_files",),
    "prometheus_client": ("server.metrics",),
    "uvicorn": ("server.run", "server.protocol", "testing.listening"),
    "pytest": ("testing.plugin",),
    "uvloop": ("server.run",),
    "click": ("cli",),
    "rich": ("cli.db.progress", "cli.output"),
}
"""Libraries, and the only places that know them."""


@dataclass(frozen=True)
class Import:
    """One import: in which module, on which line, of what."""

    file: Path
    line: int
    module: str
    imported: str


def imports_below(root: Path) -> Iterator[Import]:
    """Every import in the package at this folder."""
    for file in sorted(root.rglob("*.py")):
        module = ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (Import(file, node.lineno, module, name.name) for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield Import(file, node.lineno, module, node.module)


def wrong_arrows(root: Path) -> list[str]:
    """The imports that break a rule, each with its place and the rule."""
    return [
        f"{one.file}:{one.line}: {one.module} imports {one.imported}: {rule}"
        for one in imports_below(root)
        if (rule := _broken_rule(one)) is not None
    ]


def _broken_rule(one: Import) -> str | None:
    layer = one.module.partition(".")[0]
    library = one.imported.partition(".")[0]
    if library in ONLY_IN and not any(_is_within(one.module, place) for place in ONLY_IN[library]):
        return f"{library} is known only to {', '.join(ONLY_IN[library])}"
    if library != PACKAGE or one.imported == PACKAGE:
        return None
    target = one.imported.removeprefix(f"{PACKAGE}.")
    if _is_within(target, layer):
        return None
    if not any(_is_within(target, place) for place in ALLOWED.get(layer, frozenset())):
        may = ", ".join(sorted(ALLOWED.get(layer, ()))) or "nothing of ours"
        return f"{layer or 'the package itself'} may import {may}"
    if any(part.startswith("_") for part in target.split(".")):
        return "another layer's private module"
    return None


def _is_within(module: str, place: str) -> bool:
    return module == place or module.startswith(f"{place}.")
