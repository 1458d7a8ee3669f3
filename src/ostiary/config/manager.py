"""What the process's manager (systemd) says in the environment, beside the configuration."""

import os


def notify_socket() -> str | None:
    """Where the manager wants to be told that the server is ready; None where nobody does."""
    return os.environ.get("NOTIFY_SOCKET") or None
