"""Getting a password from whoever runs a command, without it showing anywhere."""

import getpass
import sys

from ostiary.api.secret import Secret
from ostiary.cli.output import fail


def ask_password(prompt: str = "Password", *, from_stdin: bool, twice: bool = False) -> Secret:
    """A password: the first line of standard input, or asked for on the terminal, twice where it is a new one."""
    if from_stdin:
        line = sys.stdin.readline()
        if not line:
            fail("standard input is empty: a password was expected on its first line")
        return Secret(line.rstrip("\r\n"))
    if not sys.stdin.isatty():
        fail("there is no terminal to ask for the password on; use --password-stdin")
    try:
        password = getpass.getpass(f"{prompt}: ")
        if twice and getpass.getpass(f"{prompt} again: ") != password:
            fail("the two passwords differ")
    except (EOFError, KeyboardInterrupt):
        fail("no password was given")
    return Secret(password)
