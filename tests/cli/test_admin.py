"""``ostiary admin``, run in this process on a database of its own."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ostiary.cli.app import app
from ostiary.config import Config
from tests.databases import fresh_url
from tests.process import run_cli
from tests.world import PASSWORD, open_config, open_world

NEW = f"{PASSWORD}\n"


class Shell:
    """Runs commands on one database."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._database = fresh_url(directory)

    def run(self, *arguments: str, stdin: str = "", code: int = 0) -> str:
        """What a command prints; where it fails, what it says of that."""
        of_tests = dict.fromkeys(("OSTIARY_TEST_DATABASE", "OSTIARY_TEST_POSTGRES"))  # no keys of the configuration
        environment = {**of_tests, "OSTIARY_DATABASE": self._database, "OSTIARY_PASSWORDS__ARGON2_MEMORY_KIB": "64"}
        done = CliRunner().invoke(app, ["admin", *arguments], input=stdin, env=environment)
        assert done.exit_code == code, (done.output, done.exception)
        return done.stdout if code == 0 else done.stderr

    def json(self, *arguments: str, stdin: str = "") -> Any:
        return json.loads(self.run(*arguments, "--json", stdin=stdin))

    def make(self, *names: str) -> None:
        for name in names:
            self.run("accounts", "create", name, "--no-password")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


class TestAccounts:
    def test_are_made_and_shown(self, shell: Shell) -> None:
        made = shell.run("accounts", "create", "alice", "--password-stdin", "--admin", stdin=NEW)
        assert made == "Made @alice:localhost\n"
        shown = shell.json("accounts", "show", "@alice:localhost")
        assert (shown["user_id"], shown["admin"], shown["has_password"]) == ("@alice:localhost", True, True)
        assert shell.run("accounts", "show", "alice").startswith("@alice:localhost: user, active, admin\n")
        assert shell.run("accounts", "show", "nobody", code=1) == "ostiary: There is no account 'nobody'\n"
        assert shell.run("accounts", "create", "alice", "--no-password", code=1) == "ostiary: The user name is taken\n"

    def test_are_listed_page_by_page_both_ways(self, shell: Shell) -> None:
        assert shell.run("accounts", "list") == "There are no accounts.\n"
        shell.make("alice", "bob", "carol")
        page = shell.json("accounts", "list", "--limit", "2")
        assert [one["user_id"] for one in page["accounts"]] == ["@alice:localhost", "@bob:localhost"]
        rest = shell.json("accounts", "list", "--from", page["next"])
        assert ([one["user_id"] for one in rest["accounts"]], rest["next"]) == (["@carol:localhost"], None)
        back = shell.json("accounts", "list", "--backward", "--limit", "1")
        assert (back["accounts"][0]["user_id"], back["next"]) == ("@carol:localhost", "carol")
        table = shell.run("accounts", "list", "--limit", "1")
        assert "alice" in table
        assert table.endswith("There are more: --from alice\n")

    @pytest.mark.parametrize(
        ("do", "undo", "field"),
        [("lock", "unlock", "locked"), ("suspend", "unsuspend", "suspended"), ("make-admin", "unmake-admin", "admin")],
    )
    def test_are_changed_and_changed_back(self, shell: Shell, do: str, undo: str, field: str) -> None:
        shell.make("alice")
        assert shell.json("accounts", do, "alice")[field] is True
        assert shell.run("accounts", undo, "alice").startswith("@alice:localhost is ")
        assert shell.json("accounts", "show", "alice")[field] is False
        assert "no account" in shell.run("accounts", do, "bob", code=1)

    def test_expire(self, shell: Shell) -> None:
        shell.make("alice")
        said = shell.run("accounts", "expire", "alice", "--at", "2100-01-01T01:00+01:00")
        assert said == "@alice:localhost expires 2100-01-01 00:00:00 UTC\n"
        assert shell.json("accounts", "expire", "alice", "--at", "2100-01-01")["expires_at"] == 4_102_444_800_000
        assert shell.json("accounts", "expire", "alice", "--at", "2000-01-01")["state"] == "expired"
        assert shell.json("accounts", "expire", "alice", "--at", "30d")["state"] == "active"
        assert "expires_at" not in shell.json("accounts", "expire", "alice", "--never")
        assert "Give --at or --never" in shell.run("accounts", "expire", "alice", code=1)
        assert "neither a date" in shell.run("accounts", "expire", "alice", "--at", "soon", code=2)

    def test_are_ended_only_where_that_is_confirmed(self, shell: Shell) -> None:
        shell.make("alice")
        assert "--yes" in shell.run("accounts", "deactivate", "alice", code=1)
        assert shell.run("accounts", "deactivate", "alice", "--yes") == "@alice:localhost is deactivated\n"
        assert shell.json("accounts", "deactivate", "alice", "--yes", "--erase")["erased"] is True
        back = shell.json("accounts", "reactivate", "alice", "--password-stdin", stdin=NEW)
        assert (back["state"], back["has_password"]) == ("active", True)
        assert "is not deactivated" in shell.run("accounts", "reactivate", "alice", "--no-password", code=1)

    def test_are_exported(self, shell: Shell, tmp_path: Path) -> None:
        shell.make("alice")
        exported = json.loads(shell.run("accounts", "export", "alice"))
        assert (exported["user_id"], exported["account"]["state"]) == ("@alice:localhost", "active")
        file = tmp_path / "alice.json"
        assert shell.run("accounts", "export", "alice", "--output", str(file)) == f"Wrote {file}\n"
        assert json.loads(file.read_text(encoding="utf-8"))["user_id"] == "@alice:localhost"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "File exists" in shell.run("accounts", "export", "alice", "--output", str(file), code=1)


class TestApproval:
    @pytest.fixture
    async def waiting(self, tmp_path: Path) -> None:
        async with open_world(open_config(tmp_path)) as world:
            for name in ("alice", "bob"):
                await world.register(name)
            await world.sql("UPDATE accounts SET awaits_approval = 1, state = 'awaiting_approval'")

    def test_those_who_wait_are_approved_or_rejected(self, waiting: None, shell: Shell) -> None:
        assert len(shell.json("accounts", "list", "--waiting")["accounts"]) == 2
        assert shell.run("accounts", "approve", "alice") == "@alice:localhost is approved\n"
        assert "does not wait" in shell.run("accounts", "approve", "alice", code=1)
        assert "--yes" in shell.run("accounts", "reject", "bob", code=1)
        assert shell.run("accounts", "reject", "bob", "--yes") == "@bob:localhost is rejected\n"
        assert [one["user_id"] for one in shell.json("accounts", "list")["accounts"]] == ["@alice:localhost"]


class TestBelongings:
    @pytest.fixture
    async def alice(self, tmp_path: Path) -> None:
        async with open_world(open_config(tmp_path)) as world:
            alice = await world.register("alice", device_id="LAPTOP", initial_device_display_name="laptop")
            await world.relogin(alice, device_id="PHONE")

    def test_devices_and_sessions_are_listed_and_ended(self, alice: None, shell: Shell) -> None:
        assert "laptop" in shell.run("devices", "list", "alice")
        assert "laptop" in shell.run("sessions", "list", "alice")
        assert shell.run("devices", "delete", "alice", "PHONE") == "Deleted PHONE\n"
        assert shell.run("devices", "delete", "alice", "PHONE", code=1) == "ostiary: There is no such device\n"
        assert [one["device_id"] for one in shell.json("devices", "list", "alice")["devices"]] == ["LAPTOP"]
        assert [one["device_id"] for one in shell.json("sessions", "list", "alice")["sessions"]] == ["LAPTOP"]
        assert shell.run("sessions", "end", "alice") == "Ended 1 session\n"
        assert shell.run("devices", "list", "alice") == "There are no devices.\n"
        assert shell.json("sessions", "end", "alice") == {"ended": 0}

    def test_addresses_are_added_listed_and_removed(self, alice: None, shell: Shell) -> None:
        assert shell.run("threepids", "add", "alice", "email", "Alice@Example.org") == "Added alice@example.org\n"
        assert shell.json("threepids", "list", "alice")["threepids"][0]["medium"] == "email"
        assert "alice@example.org" in shell.run("threepids", "list", "alice")
        assert shell.run("threepids", "remove", "alice", "email", "alice@example.org") == "Removed alice@example.org\n"
        assert "no such address" in shell.run("threepids", "remove", "alice", "msisdn", "4477", code=1)
        assert "mail address" in shell.run("threepids", "add", "alice", "email", "nobody", code=1)

    async def test_password_is_set(self, alice: None, shell: Shell, tmp_path: Path) -> None:
        async def log_in(config: Config) -> int:
            async with open_world(config) as world:
                return (await world.login("alice", "another password")).status

        import asyncio

        said = await asyncio.to_thread(
            shell.run, "password", "set", "alice", "--password-stdin", stdin="another password\n"
        )
        assert said == "The password of @alice:localhost has been changed\n"
        assert await log_in(open_config(tmp_path)) == 200


class TestTokens:
    def test_are_made_changed_listed_and_ended(self, shell: Shell) -> None:
        made = shell.json("registration-tokens", "create", "party", "--uses", "3", "--expires", "2100-01-01")
        assert (made["token"], made["uses_allowed"], made["expires_at"]) == ("party", 3, 4_102_444_800_000)
        changed = shell.json("registration-tokens", "change", "party", "--any-uses")
        assert ("uses_allowed" in changed, changed["expires_at"]) == (False, 4_102_444_800_000)
        assert "expires_at" not in shell.json("registration-tokens", "change", "party", "--never", "--uses", "5")
        assert "exclude" in shell.run("registration-tokens", "change", "party", "--never", "--expires", "1d", code=1)
        assert "used          0 of 5, 0 pending" in shell.run("registration-tokens", "show", "party")
        assert "party" in shell.run("registration-tokens", "list", "--backward")
        assert shell.run("registration-tokens", "delete", "party") == "Deleted party\n"
        assert shell.run("registration-tokens", "show", "party", code=1) == (
            "ostiary: There is no such registration token\n"
        )
        assert shell.run("registration-tokens", "list") == "There are no tokens.\n"

    def test_invitation_is_made(self, shell: Shell) -> None:
        invited = shell.json("invite", "bob@example.org", "--name", "bob", "--lifetime", "12h")
        token = invited["registration_token"]
        assert (token["invited_address"], token["proposed_name"], token["uses_allowed"]) == (
            "bob@example.org",
            "bob",
            1,
        )
        assert invited["link"].endswith(token["token"])
        assert shell.run("invite").startswith("Made an invitation\n")
        assert "--lifetime must be a duration" in shell.run("invite", "--lifetime", "soon", code=1)


class TestAudit:
    def test_lists_what_has_happened_both_ways(self, shell: Shell) -> None:
        shell.make("alice", "bob")
        shell.run("accounts", "lock", "alice")
        assert [one["kind"] for one in shell.json("audit", "alice")["events"]] == ["locked", "registered"]
        page = shell.json("audit", "--forward", "--limit", "1")
        assert (page["events"][0]["user_id"], page["events"][0]["detail"]["by"]) == ("@alice:localhost", "command line")
        rest = shell.json("audit", "--forward", "--from", page["next"])
        assert [one["kind"] for one in rest["events"]] == ["registered", "locked"]
        assert "by: command line" in shell.run("audit", "bob")
        assert "no account" in shell.run("audit", "nobody", code=1)


def test_first_names_of_commands_still_work_and_are_not_shown(shell: Shell) -> None:
    assert shell.run("create-account", "alice", "--no-password", "--json") == '{\n  "user_id": "@alice:localhost"\n}\n'
    assert shell.json("list-accounts")["accounts"][0]["state"] == "active"
    shell.run("set-password", "alice", "--password-stdin", stdin=NEW)
    assert "create-account" not in shell.run("--help")


def test_other_commands_load_nothing_of_the_server(tmp_path: Path) -> None:
    done = run_cli(tmp_path, "admin", "--help", environment={"PYTHONPROFILEIMPORTTIME": "1"})
    assert done.returncode == 0
    for module in ("ostiary.server", "ostiary.storage", "ostiary.accounts", "argon2"):
        assert f" {module}\n" not in done.stderr


class TestMail:
    def test_what_is_stuck_is_listed_tried_again_and_dropped(self, shell: Shell) -> None:
        assert "No message is stuck" in shell.run("mail", "list")
        shell.run("invite", "carol@example.org")
        (message,) = shell.json("mail", "list", "--all")["messages"]
        assert (message["kind"], message["address"]) == ("invitation", "carol@example.org")
        assert "carol@example.org" in shell.run("mail", "list", "--all")
        assert shell.json("mail", "retry", message["message_id"]) == {"retried": message["message_id"]}
        assert "Dropped" in shell.run("mail", "drop", message["message_id"])
        assert "no such message" in shell.run("mail", "drop", message["message_id"], code=1)
        assert "No message waits" in shell.run("mail", "list", "--all")
