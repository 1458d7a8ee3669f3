"""Logging out: ending one session, or all. Spec: logout.yaml."""

from ostiary.api.auth import AccessToken
from ostiary.api.endpoint import Empty, Endpoint, Meta, client_paths


class Logout(Endpoint[Empty], frozen=True, kw_only=True):
    """End the session and delete its device. Spec: logout.yaml, logout (since r0.1.0)."""

    meta = Meta(
        method="POST",
        history=client_paths("logout", "r0", "v3"),
        authentication=AccessToken(guests=True, locked=True),
        operation=("logout", "logout"),
        since="r0.1.0",
        bodyless=True,
    )


class LogoutAll(Endpoint[Empty], frozen=True, kw_only=True):
    """End all sessions of the account and delete all its devices. Spec: logout.yaml, logout_all (since r0.4.0)."""

    meta = Meta(
        method="POST",
        history=client_paths("logout/all", "r0", "v3"),
        authentication=AccessToken(guests=True, locked=True),
        operation=("logout", "logout_all"),
        since="r0.4.0",
        bodyless=True,
    )
