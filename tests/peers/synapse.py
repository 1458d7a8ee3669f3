"""Synapse, as it comes from the package index, in a process and a virtual environment of its own.

``make test`` sets that up in ``build/synapse`` and names it in ``OSTIARY_TEST_SYNAPSE``. Must not know the client.
"""

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

ENVIRONMENT: Final = Path(__file__).parent.parent.parent / "build" / "synapse"
STARTS_WITHIN_S: Final = 60
POLICY_VERSION: Final = "1.0"

_UNLIMITED: Final = {"per_second": 10_000, "burst_count": 10_000}

_LIMITS: Final = {
    "rc_registration": _UNLIMITED,
    "rc_registration_token_validity": _UNLIMITED,
    "rc_3pid_validation": _UNLIMITED,
    "rc_login": dict.fromkeys(("address", "account", "failed_attempts"), _UNLIMITED),
}

OPEN: Final[Mapping[str, Any]] = {"enable_registration_without_verification": True, "allow_guest_access": True}
"""Anybody may come in, guests too."""

STRICT: Final[Mapping[str, Any]] = {
    "registration_requires_token": True,
    "registrations_require_3pid": ["email"],
    "user_consent": {"version": POLICY_VERSION, "require_at_registration": True, "template_dir": "."},
    "login_via_existing_session": {"enabled": True, "require_ui_auth": False},
    "refreshable_access_token_lifetime": "1s",
    "nonrefreshable_access_token_lifetime": "1h",
    "refresh_token_lifetime": "1d",
    "password_config": {"policy": {"enabled": True, "minimum_length": 8}},
    "rc_login": {
        "address": _UNLIMITED, "account": _UNLIMITED, "failed_attempts": {"per_second": 2, "burst_count": 1},
    },
}  # fmt: skip
"""A registration has three stages, tokens end soon, and whoever mistypes a password has to wait half a second."""


def python() -> str:
    """Synapse's interpreter. Skips the test where there is none and nobody said that there is."""
    named = os.environ.get("OSTIARY_TEST_SYNAPSE")
    path = Path(named) if named else ENVIRONMENT / "bin" / "python"
    if not named and not path.exists():
        pytest.skip("no Synapse: `make build/synapse/.all` sets it up, or OSTIARY_TEST_SYNAPSE names its interpreter")
    return str(path)


class Synapse:
    """A homeserver with a database in ``folder``. ``appservices``: files that register application services."""

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], *, smtp_port: int, appservices: tuple[Path, ...] = ()
    ) -> None:
        self.folder = folder
        self.database = folder / "homeserver.db"
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.shared_secret = base64.b64encode(os.urandom(24)).decode()
        files = {"app_service_config_files": [str(file) for file in appservices]}
        told = self._settings(port, smtp_port) | files | dict(settings)
        self._write("homeserver.yaml", json.dumps(told))  # which is YAML too
        self._write("signing.key", f"ed25519 a_test {base64.b64encode(os.urandom(32)).decode().rstrip('=')}\n")
        self._write("log.yaml", json.dumps(_logging(folder / "log.txt")))
        self._popen = self._started(python())

    def close(self) -> None:
        """End it, in order, so that nothing of its own is left."""
        self._popen.send_signal(signal.SIGTERM)
        try:
            self._popen.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        """Send JSON and read what comes: JSON, or the text of a page. ``path``: with its query."""
        with closing(http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)) as connection:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            answer = response.read()
        is_json = response.headers.get_content_type() == "application/json"
        return response.status, json.loads(answer) if is_json else answer.decode()

    def _settings(self, port: int, smtp_port: int) -> dict[str, Any]:
        listener = {
            "type": "http", "port": port, "bind_addresses": ["127.0.0.1"],
            "resources": [{"names": ["client", "openid"], "compress": False}],
        }  # fmt: skip
        return {
            "server_name": "localhost",
            "public_baseurl": self.url,
            "listeners": [listener],
            "database": {"name": "sqlite3", "args": {"database": str(self.database)}},
            "media_store_path": str(self.folder / "media"),
            "signing_key_path": str(self.folder / "signing.key"),
            "log_config": str(self.folder / "log.yaml"),
            "registration_shared_secret": self.shared_secret,
            "macaroon_secret_key": base64.b64encode(os.urandom(24)).decode(),
            "form_secret": base64.b64encode(os.urandom(24)).decode(),
            "email": {"smtp_host": "127.0.0.1", "smtp_port": smtp_port, "notif_from": "Synapse <synapse@localhost>"},
            "enable_registration": True,
            "login_via_existing_session": {"enabled": True, "require_ui_auth": True, "token_timeout": "2m"},
            # Time passes by changing the database (see the client's tests), of which nothing may be remembered.
            "caches": {"per_cache_factors": {"get_user_by_access_token": 0}},
            # Quick, alone, and quiet.
            "bcrypt_rounds": 4,
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            "report_stats": False,
            "presence": {"enabled": False},
            **_LIMITS,
        }

    def _started(self, interpreter: str) -> "subprocess.Popen[bytes]":
        """Start it, and wait until it says that it is ready, as it does to systemd."""
        command = [interpreter, "-m", "synapse.app.homeserver", "-c", str(self.folder / "homeserver.yaml")]
        with (
            tempfile.TemporaryDirectory() as place,  # whose path is short enough for a socket
            closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as notified,
            (self.folder / "output.txt").open("wb") as output,
        ):
            notified.bind(f"{place}/notify")
            notified.settimeout(0.5)
            environment = {**os.environ, "NOTIFY_SOCKET": f"{place}/notify"}
            popen = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=output, stderr=output)
            for _ in range(2 * STARTS_WITHIN_S):
                try:
                    if notified.recv(100).startswith(b"READY=1"):
                        return popen
                except TimeoutError:
                    if popen.poll() is not None:
                        break
        popen.kill()
        popen.wait()
        raise AssertionError(f"Synapse did not start: {(self.folder / 'output.txt').read_text()}")

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port: int = taken.getsockname()[1]
        return port


def _logging(path: Path) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"file": {"class": "logging.FileHandler", "filename": str(path)}},
        "root": {"level": "WARNING", "handlers": ["file"]},
    }
