"""Asking whoever runs a command: for passwords, without them showing anywhere; for codes; for a yes.

Questions and progress go to standard error, so that standard output holds the result alone.
"""

import getpass
import sys

from ostiary.api.secret import Secret
from ostiary.api.visible import visible
from ostiary.cli.output import fail, tell


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
        password = getpass.getpass(f"{visible(prompt)}: ")
        if twice and getpass.getpass(f"{visible(prompt)} again: ") != password:
            fail("the two passwords differ")
    except (EOFError, KeyboardInterrupt):
        fail("no password was given")
    return Secret(password)


def ask_line(prompt: str, *, from_stdin: bool, instead: str = "--password-stdin") -> str:
    """A line that may be seen, such as a code: the next of standard input, or asked for on the terminal."""
    if not from_stdin and not sys.stdin.isatty():
        fail(f"there is no terminal to ask on ({prompt}); use {instead}")
    tell(f"{prompt}:")
    line = sys.stdin.readline()
    if not line:
        fail(f"standard input has ended: a line was expected ({prompt})")
    return line.strip()


def ask_yes(question: str, *, instead: str) -> bool:
    """Whether the person says yes. Without a terminal the command ends, and names the option to use ``instead``."""
    if not sys.stdin.isatty():
        fail(f"there is no terminal to ask on; use {instead}")
    tell(f"{question} [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
