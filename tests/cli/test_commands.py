"""The command line, as a person and as a script use it."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process import ServerProcess, run_cli, serving
from tests.world import PASSWORD


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("cli"), "--dev") as process:
        yield process


class Shell:
    """Runs commands with stored sessions of their own."""

    def __init__(self, server: ServerProcess, directory: Path) -> None:
        self.server = server
        self.file = directory / "state" / "sessions.json"
        self._directory = directory

    def run(self, *arguments: str, stdin: str = "", code: int = 0) -> str:
        done = run_cli(self._directory, *arguments, stdin=stdin, environment={"OSTIARY_SESSIONS_FILE": str(self.file)})
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if code == 0 else done.stderr

    def enter(self, command: str, user: str, *more: str, password: str = PASSWORD, code: int = 0) -> str:
        options = ("--homeserver", self.server.address, "--password-stdin")
        return self.run(command, user, *options, *more, stdin=f"{password}\n", code=code)


@pytest.fixture
def shell(server: ServerProcess, tmp_path: Path) -> Shell:
    return Shell(server, tmp_path)


class TestSessions:
    def test_a_whole_life(self, shell: Shell) -> None:
        assert shell.enter("register", "alice", "--device-name", "laptop").startswith(
            "Made @alice:localhost on device "
        )
        assert stat.S_IMODE(shell.file.stat().st_mode) == 0o600
        first = json.loads(shell.run("whoami", "--json"))
        assert first["user_id"] == "@alice:localhost"
        second = json.loads(shell.enter("login", "@alice:localhost", "--json"))
        assert second["device_id"] != first["device_id"]
        listed = json.loads(shell.run("devices", "list", "--json"))
        assert {device["display_name"] for device in listed} == {"laptop", None}
        assert "laptop" in shell.run("devices", "list")
        shell.run("devices", "rename", first["device_id"], "old laptop")
        assert "old laptop" in shell.run("devices", "list")
        shell.run("devices", "delete", first["device_id"], "--password-stdin", stdin=f"{PASSWORD}\n")
        assert "old laptop" not in shell.run("devices", "list")
        shell.run("password", "--password-stdin", stdin=f"{PASSWORD}\nanother password\n")
        assert "Logged @alice:localhost out" in shell.run("logout")
        kept = json.loads(shell.file.read_text(encoding="utf-8"))["sessions"]
        assert [session["device_id"] for session in kept] == [first["device_id"]]
        assert shell.run("whoami", code=1) == "ostiary: The session has ended\n"
        assert shell.run("whoami", code=1) == "ostiary: no session is kept: log in first (ostiary login)\n"
        assert "Forbidden" not in shell.enter("login", "alice", code=1)
        shell.enter("login", "alice", password="another password")
        shell.run("logout", "--all")

    def test_one_of_several_sessions_is_picked(self, shell: Shell) -> None:
        shell.enter("register", "bob")
        shell.enter("register", "carol")
        assert "@carol:localhost" in shell.run("whoami")
        assert "@bob:localhost" in shell.run("whoami", "--session", "@bob:localhost")
        assert "no session of @eve:x is kept" in shell.run("whoami", "--session", "@eve:x", code=1)

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (("login", "alice"), "which server?"),
            (("login", "alice", "--homeserver", "http://127.0.0.1:1", "--password-stdin"), "no answer from the server"),
            (("login", "@a:127.0.0.1:1"), "cannot be reached"),
            (("login", "alice", "--homeserver", "nonsense", "--password-stdin"), "no URL"),
            (("login", "alice", "--homeserver", "http://a..b", "--password-stdin"), "no URL"),
            (("login", "@a:b..c"), "no URL"),
        ],
    )
    def test_what_is_wrong_is_told_in_a_line(self, shell: Shell, arguments: tuple[str, ...], told: str) -> None:
        error = shell.run(*arguments, stdin="password\n", code=1)
        assert told in error
        assert error.count("\n") == 1

    def test_place_that_cannot_be_written_is_told_in_a_line(self, shell: Shell, tmp_path: Path) -> None:
        (tmp_path / "state").write_text("in the way", encoding="utf-8")
        error = shell.enter("register", "dora", code=1)
        assert "state" in error
        assert error.count("\n") == 1

    def test_password_is_never_taken_from_the_arguments(self, shell: Shell) -> None:
        assert "no terminal" in shell.run("login", "alice", "--homeserver", shell.server.address, code=1)


class TestAdmin:
    def test_accounts_are_made_listed_and_given_passwords(self, tmp_path: Path) -> None:
        def run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
            done = run_cli(tmp_path, "admin", *arguments, stdin=stdin)
            return done.returncode, done.stdout, done.stderr

        assert run("list-accounts")[:2] == (0, "There are no accounts.\n")
        for name in ("alice", "bob", "carol"):
            made = run("create-account", name, "--password-stdin", stdin=f"{PASSWORD}\n")
            assert made[:2] == (0, f"Made @{name}:localhost\n")
        assert run("create-account", "dave", "--no-password", "--json")[1] == '{\n  "user_id": "@dave:localhost"\n}\n'
        assert run("create-account", "ALICE", "--no-password") == (1, "", "ostiary: The user name is taken\n")
        assert run("create-account", "a b", "--no-password")[0] == 1
        assert run("create-account", "eve", "--password-stdin", stdin="short\n")[0] == 1
        page = json.loads(run("list-accounts", "--json", "--limit", "2")[1])
        assert [account["user_id"] for account in page["accounts"]] == ["@alice:localhost", "@bob:localhost"]
        rest = json.loads(run("list-accounts", "--json", "--from", page["next"])[1])
        assert [account["user_id"] for account in rest["accounts"]] == ["@carol:localhost", "@dave:localhost"]
        assert rest["next"] is None
        assert run("set-password", "nobody", "--password-stdin", stdin="long enough\n")[2] == (
            "ostiary: There is no account 'nobody'\n"
        )
        assert run("set-password", "dave", "--password-stdin", stdin="long enough\n")[0] == 0
        with serving(tmp_path) as server:
            body = {"type": "m.login.password", "user": "dave", "password": "long enough"}
            assert server.call("POST", "v3/login", body)[0] == 200


class TestConfig:
    def test_show_prints_what_is_in_force(self, tmp_path: Path) -> None:
        shown = run_cli(tmp_path, "config", "show", "--port", "9000").stdout
        assert "port = 9000  # command line" in shown

    def test_bad_configuration_is_told_a_line_each(self, tmp_path: Path) -> None:
        (tmp_path / "x.toml").write_text("a = 1\n[server]\nport = 'x'\n", encoding="utf-8")
        for command in (("config", "check"), ("serve",), ("admin", "list-accounts")):
            done = run_cli(tmp_path, *command, "--config", "x.toml")
            assert done.returncode == 2
            assert len(done.stderr.splitlines()) == 2

    def test_version_and_help(self, tmp_path: Path) -> None:
        assert run_cli(tmp_path, "--version", anew=True).stdout.startswith("ostiary 0.")
        assert "serve" in run_cli(tmp_path, "--help", anew=True).stdout
        assert run_cli(tmp_path, "nope", anew=True).returncode == 2


def test_client_commands_load_nothing_of_the_server(tmp_path: Path) -> None:
    done = run_cli(tmp_path, "whoami", environment={"PYTHONPROFILEIMPORTTIME": "1", "OSTIARY_SESSIONS_FILE": "x.json"})
    assert "ostiary.client.sync_client" in done.stderr
    for module in ("uvicorn", "argon2", "ostiary.server", "ostiary.storage"):
        assert f" {module}\n" not in done.stderr


def test_serve_loads_nothing_of_the_client(tmp_path: Path) -> None:
    with serving(tmp_path, environment={"PYTHONPROFILEIMPORTTIME": "1"}) as server:
        loaded = {line["event"].rpartition("|")[2].strip() for line in server.log}
    assert "ostiary.server.app" in loaded
    assert not loaded & {"httpx2", "rich", "ostiary.client", "tomllib"}
