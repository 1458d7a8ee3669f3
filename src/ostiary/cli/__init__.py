"""The command line: ``ostiary``. Starts quickly: what a command needs is imported when it runs."""

import sys


def main() -> None:
    """Run the command that the arguments name."""
    try:
        import click  # noqa: F401 - only whether it is there
    except ImportError:
        sys.stderr.write(
            "ostiary: the command line is not installed: pip install 'ostiary[cli]' or 'ostiary[server]'\n"
        )
        sys.exit(2)
    from ostiary.cli.app import app

    app(prog_name="ostiary")
