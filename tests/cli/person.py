"""A person at a terminal, and a script: both run the command line as a process, with sessions of their own."""

import os
import pty
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ostiary.testing import Server
from tests.process import run_cli
from tests.starting import PIPE, AnyProcess, start

PASSWORD = "correct horse battery"


class Typing:
    """A command under way at a terminal: what it asks and tells is read here, and answered."""

    def __init__(self, process: AnyProcess, terminal: int) -> None:
        self._process = process
        self._terminal = terminal
        self.seen = ""
        self._unread = 0

    def until(self, text: str) -> str:
        """Read on until this text has come; everything new up to there."""
        while (found := self.seen.find(text, self._unread)) < 0:
            try:
                piece = os.read(self._terminal, 4096)
            except OSError:  # so Linux says that nobody has the other end any more
                piece = b""
            if not piece:
                raise AssertionError(f"{text!r} did not come: {self.seen[self._unread :]!r}")
            self.seen += piece.decode().replace("\r\n", "\n")
        begin, self._unread = self._unread, found + len(text)
        return self.seen[begin : self._unread]

    def line(self) -> str:
        """The rest of the line."""
        return self.until("\n").strip()

    def say(self, line: str) -> None:
        os.write(self._terminal, f"{line}\n".encode())

    def signal(self, number: signal.Signals) -> None:
        """Send the command a signal, and wait for its end."""
        self._process.send_signal(number)
        self._process.wait(timeout=60)

    def end(self, code: int = 0) -> str:
        """Wait for the end, and return what was printed on standard output."""
        assert self._process.stdout is not None
        printed = self._process.stdout.read()
        assert self._process.wait(timeout=60) == code, self.seen
        assert "Traceback" not in self.seen
        return printed


class Shell:
    """Runs commands against a test's server, with stored sessions of its own."""

    def __init__(self, server: Server, directory: Path) -> None:
        self.server = server
        self.directory = directory
        self._environment = {"OSTIARY_SESSIONS_FILE": str(directory / "sessions.json")}

    def run(self, *arguments: str, stdin: str = "", code: int = 0) -> str:
        """Run a command as a script does, without a terminal: what it prints, or its errors where it is to fail."""
        done = run_cli(self.directory, *arguments, stdin=stdin, environment=self._environment)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if code == 0 else done.stderr

    def there(self, *arguments: str, stdin: str = f"{PASSWORD}\n", code: int = 0) -> str:
        """The same at the test's server, with a password on standard input."""
        return self.run(*arguments, "--homeserver", self.server.url, "--password-stdin", stdin=stdin, code=code)

    def login(self, name: str, **account: Any) -> str:
        """Make an account, log in to it, and return its user ID."""
        made = self.server.account(name, password=PASSWORD, **account)
        self.there("login", name)
        return made.user_id

    @contextmanager
    def typing(self, *arguments: str) -> Iterator[Typing]:
        """Run a command at a terminal, for a person who reads and types."""
        ours, theirs = pty.openpty()
        process = start(
            *arguments, folder=self.directory, environment=self._environment,
            stdin=theirs, stdout=PIPE, stderr=theirs, session=True,
        )  # fmt: skip
        os.close(theirs)
        try:
            yield Typing(process, ours)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
            os.close(ours)
