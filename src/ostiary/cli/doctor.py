"""``ostiary doctor``: looks an installation over, and says what to do."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ostiary.cli.options import as_json, server_options
from ostiary.cli.output import FAILED, fail, say, say_json
from ostiary.config import Config, ConfigError, load

if TYPE_CHECKING:
    from ostiary.server.doctor import Finding
    from ostiary.server.doctor_outside import Ask

TIMEOUT_MS = 10_000


@click.command()
@click.option("--url", metavar="URL", help="A running server to ask, besides its public URL.")
@as_json
@server_options
def doctor(url: str | None, as_json: bool, **options: Any) -> None:
    """Look an installation over: configuration, database, machine, and how clients reach it.

    Changes nothing. Run it as the user that the server runs as. Ends with 1 where there is a problem.
    """
    try:
        from ostiary.server.doctor import Verdict
    except ImportError as error:
        fail(f"the server is not installed ({error.name} is missing): pip install 'ostiary[server]'")
    findings = asyncio.run(_all(url, options, quiet=as_json))
    if as_json:
        say_json([asdict(finding) for finding in findings])
    if any(finding.verdict is Verdict.PROBLEM for finding in findings):
        raise click.exceptions.Exit(FAILED)


async def _all(url: str | None, options: dict[str, Any], *, quiet: bool) -> "list[Finding]":
    """Every finding; each is printed as soon as it is there, since some take a while."""
    findings = []
    async for finding in _examine(url, options):
        findings.append(finding)
        if not quiet:
            _say(finding)
    return findings


async def _examine(url: str | None, options: dict[str, Any]) -> "AsyncIterator[Finding]":
    from ostiary.server.doctor import examine, ok, problem
    from ostiary.server.doctor_outside import examine_outside
    from ostiary.server.environment import SystemClock

    config = _load(options)
    if isinstance(config, ConfigError):
        for told in config.problems:
            yield problem("configuration", told, "docs/reference/configuration.md lists every key")
        return
    yield ok("configuration", "can be used")
    async for finding in examine(config):
        yield finding
    async for finding in examine_outside(config, _asker(), SystemClock(), url):
        yield finding


def _load(options: dict[str, Any]) -> Config | ConfigError:
    named = {name.replace("__", "."): value for name, value in options.items() if name != "file"}
    try:
        return load(file=options["file"], options=named).config
    except ConfigError as error:
        return error


def _asker() -> "Ask":
    from ostiary.api.http import HttpRequest, HttpResponse
    from ostiary.client import AsyncHttpTransport, ClientError
    from ostiary.server.doctor_outside import NoAnswer

    async def ask(base_url: str, path: str) -> HttpResponse:
        transport = AsyncHttpTransport(timeout_ms=TIMEOUT_MS)
        try:
            return await transport.exchange(base_url, HttpRequest(method="GET", path=path))
        except ClientError as error:
            raise NoAnswer(str(error)) from error
        finally:
            await transport.close()

    return ask


def _say(finding: "Finding") -> None:
    say(f"{finding.verdict.value:<8} {finding.check}: {finding.told}")
    if finding.advice:
        say(f"         {finding.advice}.")
