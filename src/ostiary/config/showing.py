"""Writes a configuration as TOML: the effective one for ``ostiary config show``, the default one for the docs."""

import json
from collections.abc import Iterator, Mapping

from ostiary.config.keys import Key, all_keys, value_of
from ostiary.config.model import Config


def show(config: Config, sources: Mapping[str, str]) -> str:
    """The effective configuration as TOML, secrets hidden; values that are no defaults say where they come from."""
    lines: list[str] = []
    for table, keys in _by_table():
        if table:
            lines += ["", f"[{table}]"]
        for key in keys:
            value = value_of(config, key)
            written = json.dumps("***") if key.kind.secret and value else key.kind.write(value)
            source = sources.get(key.name) or ("dev" if value != key.default else "")
            comment = f"  # {source}" if source else ""
            lines.append(f"{key.name.rpartition('.')[2]} = {written}{comment}")
    return "\n".join(lines) + "\n"


def reference() -> str:
    """Every key with its meaning, as Markdown."""
    lines = [
        "# Configuration",
        "",
        "Made from the declarations of the keys (`python -m ostiary.config`); do not edit.",
        "",
        "Read in this order, each over the one before: defaults, the TOML file (`--config FILE` or `OSTIARY_CONFIG`),",
        "environment variables, the command line's options. A key that is unknown or malformed stops the start.",
        "",
        'A secret can be kept in a file of its own: `password.file = "/run/secrets/smtp"` instead of `password`, or',
        "the variable with `__FILE` behind it. A line break at the file's end is no part of the secret.",
    ]
    for table, keys in _by_table():
        lines += ["", f"## {f'`[{table}]`' if table else 'Top level'}", ""]
        lines += ["| key | default | allowed | meaning | variable |", "|---|---|---|---|---|"]
        for key in keys:
            name, default = key.name.rpartition(".")[2], key.kind.write(key.default)
            allowed = key.kind.allowed.replace("|", "\\|")
            lines.append(f"| `{name}` | `{default}` | {allowed} | {key.meaning} | `{key.variable}` |")
    return "\n".join(lines) + "\n"


def _by_table() -> Iterator[tuple[str, list[Key]]]:
    tables: dict[str, list[Key]] = {}
    for key in all_keys().values():
        tables.setdefault(key.name.rpartition(".")[0], []).append(key)
    yield from tables.items()
