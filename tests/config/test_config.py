"""The configuration: where it comes from, what is wrong with it, how it is shown."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.api.secret import Secret
from ostiary.config import (
    Config,
    ConfigError,
    PostgresDatabase,
    SqliteDatabase,
    load,
    parse_database_url,
    show,
)
from ostiary.config.keys import all_keys, value_of
from ostiary.config.kinds import duration, write_duration
from ostiary.config.showing import reference

ROOT = Path(__file__).parent.parent.parent


def loaded(text: str, path: Path, environ: dict[str, str] | None = None, **options: Any) -> Config:
    file = path / "ostiary.toml"
    file.write_text(text, encoding="utf-8")
    return load(file=file, environ=environ or {}, options=options).config


def problems(text: str, path: Path, environ: dict[str, str] | None = None, **options: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(text, path, environ, **options)
    return [line.replace(str(path) + "/", "") for line in caught.value.problems]


class TestSources:
    def test_without_anything_there_are_defaults(self) -> None:
        config = load(environ={}).config
        assert config == Config()
        assert (config.server_name, config.server.port, config.registration.enabled) == ("localhost", 8008, False)

    def test_each_source_goes_over_the_one_before(self, tmp_path: Path) -> None:
        text = 'server_name = "file"\n[server]\nport = 1\nhost = "file"\n[sessions]\naccess_token_lifetime = "1h"\n'
        environ = {"OSTIARY_SERVER__PORT": "2", "OSTIARY_SERVER__HOST": "environment", "PATH": "/bin"}
        config = loaded(text, tmp_path, environ, **{"server.port": "3", "server_name": None})
        assert (config.server_name, config.server.host, config.server.port) == ("file", "environment", 3)
        assert config.sessions.access_token_lifetime_ms == 3_600_000

    def test_file_may_be_named_by_the_environment(self, tmp_path: Path) -> None:
        file = tmp_path / "x.toml"
        file.write_text('server_name = "named.example"', encoding="utf-8")
        assert load(environ={"OSTIARY_CONFIG": str(file)}).config.server_name == "named.example"

    def test_lists_and_never_come_from_the_environment_too(self) -> None:
        environ = {
            "OSTIARY_REGISTRATION__FLOWS": '[["m.login.dummy"], ["m.login.dummy"]]',
            "OSTIARY_SESSIONS__REFRESH_TOKEN_LIFETIME": "30d",
            "OSTIARY_SESSIONS__UNREFRESHABLE_ACCESS_TOKEN_LIFETIME": "never",
        }
        config = load(environ=environ).config
        assert config.registration.flows == (("m.login.dummy",), ("m.login.dummy",))
        assert config.sessions.refresh_token_lifetime_ms == 30 * 86_400_000
        assert config.sessions.unrefreshable_access_token_lifetime_ms is None

    def test_dev_opens_registration_by_exactly_dummy_and_lifts_limits(self, tmp_path: Path) -> None:
        config = loaded("[registration]\nenabled = false\n", tmp_path, dev=True)
        assert config.registration.enabled
        assert config.registration.guests
        assert config.registration.flows == (("m.login.dummy",),)
        assert not config.rate_limits.enabled

    def test_the_clients_variable_is_no_key(self) -> None:
        assert load(environ={"OSTIARY_SESSIONS_FILE": "x"}).config == Config()


class TestProblems:
    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("servr_name = 'x'", "servr_name = 'x': is not a key of the configuration; did you mean server_name?"),
            ("[server]\nprot = 1", "server.prot = 1: is not a key of the configuration; did you mean server.port?"),
            ("zzzzz = 1", "zzzzz = 1: is not a key of the configuration"),
            ("smtp_password = 'hunter2'", "smtp_password = ***: is not a key of the configuration"),
            ("[server]\ntrusted_proxies = ['x']", "server.trusted_proxies = ['x']: must be a list of addresses"),
            ("[server]\ntrusted_proxies = [1]", "server.trusted_proxies = [1]: must be a list of addresses"),
            ("[server]\nport = 70000", "server.port = 70000: must be a whole number from 0 to 65535"),
            ("[server]\nport = true", "server.port = True: must be a whole number from 0 to 65535"),
            ("server_name = 'a b'", "server_name = 'a b': must be a host name, with a port if need be"),
            ("[registration]\nenabled = 'maybe'", "registration.enabled = 'maybe': must be true or false"),
            ("[logging]\nlevel = 'loud'", "logging.level = 'loud': must be one of debug, info, warning, error"),
            (
                "[sessions]\naccess_token_lifetime = 5",
                "sessions.access_token_lifetime = 5: must be a duration like",
            ),
            (
                "[sessions]\naccess_token_lifetime = 'never'",
                "sessions.access_token_lifetime = 'never': must be a duration like",
            ),
            (
                "[registration]\nflows = [['m.login.nope']]",
                "registration.flows = [['m.login.nope']]: must be a list of lists of stages",
            ),
            ("[registration]\nflows = []", "registration.flows = []: must be a list of lists of stages"),
            ("[server]\npublic_url = 'x'", "server.public_url = 'x': must be an http or https URL"),
            ("database = 'mysql://x'", "database = 'mysql://x': must be a URL like sqlite:///ostiary.db"),
            ("database = 'sqlite://'", "database = 'sqlite://': must be a URL that names a file"),
            (
                "[rate_limits.login.per_address]\nper_minute = 0",
                "rate_limits.login.per_address.per_minute = 0: must be",
            ),
        ],
    )
    def test_is_told_with_source_key_value_and_what_is_allowed(self, tmp_path: Path, text: str, problem: str) -> None:
        (told,) = problems(text, tmp_path)
        assert told.startswith(f"ostiary.toml: {problem}")

    def test_all_are_told_at_once(self, tmp_path: Path) -> None:
        told = problems(
            "[server]\nport = 'x'\nhots = 'y'\n", tmp_path, {"OSTIARY_SERVER_PORT": "1"}, **{"server.port": "z"}
        )
        assert [line.partition(":")[0] for line in told] == [
            "ostiary.toml",
            "ostiary.toml",
            "environment",
            "command line",
        ]
        assert told[2].startswith("environment: OSTIARY_SERVER_PORT = '1': is not a key of the configuration;")
        assert told[2].endswith("did you mean OSTIARY_SERVER__PORT?")

    def test_broken_file_is_told_with_its_line(self, tmp_path: Path) -> None:
        (told,) = problems("server_name = \n", tmp_path)
        assert told.startswith("ostiary.toml: is not TOML: ")
        assert "line 1" in told

    def test_missing_file_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="cannot be read: No such file"):
            load(file=tmp_path / "none.toml", environ={})


class TestShowing:
    def test_what_is_shown_can_be_loaded(self, tmp_path: Path) -> None:
        environ = {"OSTIARY_SERVER_NAME": "example.org:8448", "OSTIARY_SESSIONS__REPLAY_GRACE": "90s"}
        first = load(environ=environ)
        shown = show(first.config, first.sources)
        assert 'server_name = "example.org:8448"  # environment' in shown
        assert 'replay_grace = "90s"  # environment' in shown
        assert loaded(shown, tmp_path) == first.config

    def test_every_key_is_shown_and_documented(self) -> None:
        shown, page = show(Config(), {}), reference()
        for key in all_keys().values():
            assert f"\n{key.name.rpartition('.')[2]} = " in f"\n{shown}"
            assert key.variable in page
            assert key.meaning.endswith(".")
            assert key.kind.read(_plain(value_of(Config(), key), key.kind.write)) == key.default

    def test_committed_reference_is_current(self) -> None:
        page = (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
        assert page == reference(), "run: python -m ostiary.config > docs/reference/configuration.md"


def _plain(value: Any, write: Any) -> Any:
    """A value as TOML would give it."""
    import tomllib

    return tomllib.loads(f"x = {write(value)}")["x"]


@given(st.integers(0, 100 * 365 * 86_400_000))
def test_duration_survives(milliseconds: int) -> None:
    assert duration(0).read(write_duration(milliseconds)) == milliseconds


@pytest.mark.parametrize(
    ("url", "database"),
    [
        ("sqlite:///a.db", SqliteDatabase(Path("a.db"))),
        ("sqlite:////var/a.db", SqliteDatabase(Path("/var/a.db"))),
        ("postgresql://u:p@h/d", PostgresDatabase(Secret("postgresql://u:p@h/d"))),
    ],
)
def test_database_url(url: str, database: object) -> None:
    assert parse_database_url(url) == database


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@h/d", "postgres://h/d?user=u&password=hunter2"])
def test_password_of_the_database_is_not_shown(url: str) -> None:
    shown = show(load(environ={"OSTIARY_DATABASE": url}).config, {})
    assert "hunter2" not in shown
    assert "***" in shown
    with pytest.raises(ConfigError) as caught:
        load(environ={"OSTIARY_DATABASE": url.replace("postgres", "mysql")})
    assert "hunter2" not in str(caught.value)


class TestSecretsInFiles:
    @pytest.mark.parametrize("content", ["tell nobody", "tell nobody\n", "tell nobody\r\n"])
    def test_by_file_and_by_environment(self, tmp_path: Path, content: str) -> None:
        secret = tmp_path / "secret"
        secret.write_bytes(content.encode())
        config = tmp_path / "ostiary.toml"
        config.write_text(f"[captcha]\nsecret.file = '{secret}'\n", encoding="utf-8")
        loaded = load(file=config, environ={"OSTIARY_PASSWORDS__BCRYPT_PEPPER__FILE": str(secret)})
        assert loaded.config.captcha.secret.reveal() == "tell nobody"
        assert loaded.config.passwords.bcrypt_pepper.reveal() == "tell nobody"
        assert "tell nobody" not in show(loaded.config, loaded.sources)
        assert str(secret) in show(loaded.config, loaded.sources)

    def test_missing_file_is_told(self, tmp_path: Path) -> None:
        (told,) = problems("[captcha]\nsecret.file = '/nonexistent'\n", tmp_path)
        assert told == "ostiary.toml: captcha.secret.file = '/nonexistent': No such file or directory"

    def test_other_keys_are_not_read_from_files(self, tmp_path: Path) -> None:
        (told,) = problems("[server]\nhost.file = '/etc/hostname'\n", tmp_path)
        assert "is not a key of the configuration" in told
