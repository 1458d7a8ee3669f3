"""Reads the configuration: file, environment, command line; all that is wrong is told at once, a line each."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ostiary.config.checking import problems_of
from ostiary.config.database import without_password
from ostiary.config.keys import PREFIX, Key, all_keys, with_value
from ostiary.config.model import Config

FILE_VARIABLE: Final = PREFIX + "CONFIG"
FOREIGN_VARIABLES: Final = frozenset({FILE_VARIABLE, PREFIX + "SESSIONS_FILE"})
"""Variables of our prefix that set no key: the file to read, and the client's stored sessions."""


DEV_MAIL_FOLDER: Final = "ostiary-mail"
"""Where mails go that nobody has said a server for."""

_SECRET_SOUND: Final = re.compile(r"pass|secret|token|key|pepper|credential", re.IGNORECASE)


class ConfigError(Exception):
    """The configuration cannot be used. ``problems``: what is wrong, a line for people each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration. ``sources``: where each value that is no default came from, by the key's name."""

    config: Config
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Setting:
    name: str
    value: Any
    source: str
    called: str


def load(
    *, file: Path | None = None, options: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> Loaded:
    """Read the configuration. Raises ConfigError.

    ``file``: the TOML file; else the one that OSTIARY_CONFIG names; else none. ``options``: values by key name, as the
    command line gave them; None is passed over. ``environ``: another environment than the process's.
    """
    environ = os.environ if environ is None else environ
    keys = all_keys()
    problems: list[str] = []
    path = file or (Path(environ[FILE_VARIABLE]) if environ.get(FILE_VARIABLE) else None)
    settings = list(_from_file(path)) if path else []
    settings += _from_environment(environ, keys)
    settings += [
        _Setting(name, value, "command line", f"--{name.rpartition('.')[2].replace('_', '-')}")
        for name, value in (options or {}).items()
        if value is not None
    ]
    config, sources = Config(), {}
    for setting in settings:
        key = keys.get(setting.name)
        if key is None and (secret := _kept_in_file(setting, keys)) is not None:
            try:
                setting, key = _read_secret(setting, secret), secret  # noqa: PLW2901 - the same, read
            except OSError as error:
                problems.append(f"{setting.source}: {setting.called} = {setting.value!r}: {error.strerror}")
                continue
        if key is None:
            problems.append(_unknown(setting, keys))
            continue
        try:
            config = with_value(config, key, key.kind.read(setting.value))
            sources[key.name] = setting.source
        except ValueError as error:
            problems.append(_malformed(setting, key, str(error)))
    if problems:
        raise ConfigError(problems)
    config = _for_development(config) if config.dev else config
    if problems := problems_of(config):
        raise ConfigError(problems)
    return Loaded(config, sources)


def _for_development(config: Config) -> Config:
    return replace(
        config,
        registration=replace(config.registration, enabled=True, guests=True),
        rate_limits=replace(config.rate_limits, enabled=False),
        mail=config.mail if config.mail.host or config.mail.folder else replace(config.mail, folder=DEV_MAIL_FOLDER),
    )


def _from_file(path: Path) -> Iterator[_Setting]:
    import tomllib

    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: is not TOML: {error}"]) from error
    for name, value in _flatten(tables, ()):
        yield _Setting(name, value, str(path), name)


def _flatten(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(value, (*path, name))
        else:
            yield ".".join((*path, name)), value


def _from_environment(environ: Mapping[str, str], keys: Mapping[str, Key]) -> Iterator[_Setting]:
    by_variable = {key.variable: key.name for key in keys.values()}
    for variable, value in sorted(environ.items()):
        if variable.startswith(PREFIX) and variable not in FOREIGN_VARIABLES:
            yield _Setting(by_variable.get(variable, variable), value, "environment", variable)


def _kept_in_file(setting: _Setting, keys: Mapping[str, Key]) -> Key | None:
    """The key of a secret whose value is in a file, as ``mail.password.file`` or ``OSTIARY_MAIL__PASSWORD__FILE``."""
    for key in keys.values():
        if key.kind.secret and setting.name in (f"{key.name}.file", f"{key.variable}__FILE"):
            return key if isinstance(setting.value, str) else None
    return None


def _read_secret(setting: _Setting, key: Key) -> _Setting:
    """The setting with what the file says, whose last line break is no part of it."""
    content = Path(setting.value).read_bytes().decode("utf-8", "replace")
    value = content.removesuffix("\n").removesuffix("\r")
    return replace(setting, name=key.name, value=value, source=f"{setting.source}, {setting.value}")


def _unknown(setting: _Setting, keys: Mapping[str, Key]) -> str:
    import difflib

    names = {key.variable for key in keys.values()} if setting.source == "environment" else set(keys)
    nearest = difflib.get_close_matches(setting.called, names, n=1, cutoff=0.4)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    # A key that nobody knows may still be meant for a secret.
    shown = "***" if _SECRET_SOUND.search(setting.called) else repr(setting.value)
    return f"{setting.source}: {setting.called} = {shown}: is not a key of the configuration{hint}"


def _malformed(setting: _Setting, key: Key, allowed: str) -> str:
    shown = "***" if key.kind.secret else repr(setting.value)
    if isinstance(setting.value, str) and "://" in setting.value:
        shown = repr(without_password(setting.value))
    return f"{setting.source}: {setting.called} = {shown}: must be {allowed}"
