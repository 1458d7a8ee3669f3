"""``make audit``: real pip-audit, asking a PyPI whose answers a test holds."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

AUDIT: Final = Path(__file__).parent.parent / ".ci" / "audit.py"

FAKE: Final = """
import io, json, os
import requests
from requests.adapters import HTTPAdapter

ANSWERS = json.loads(os.environ["AUDIT_ANSWERS"])

def send(self, request, *_, **__):
    if not ANSWERS:
        raise requests.ConnectionError("no route to pypi.org")
    path = request.url.removeprefix("https://pypi.org/pypi/")
    response = requests.Response()
    response.request, response.url = request, request.url
    response.status_code = 200 if path in ANSWERS else 404
    response.raw = io.BytesIO(json.dumps(ANSWERS.get(path)).encode())
    return response

HTTPAdapter.send = send
"""
"""Put in front of pip-audit's way to the network."""

KNOWN: Final = {
    "id": "PYSEC-1", "aliases": ["CVE-1"], "summary": "", "details": "Bad.", "fixed_in": ["1.1"], "withdrawn": None,
}  # fmt: skip


def release(*vulnerabilities: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"releases": {"1.0": []}, "vulnerabilities": vulnerabilities}


def audit(folder: Path, answers: Mapping[str, Any]) -> tuple[int, str]:
    (folder / "sitecustomize.py").write_text(FAKE, encoding="utf-8")
    file = folder / "requirements.txt"
    file.write_text("good==1.0\nbad==1.0\nunknown==1.0\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(folder), "AUDIT_ANSWERS": json.dumps(answers)}
    done = subprocess.run(
        [sys.executable, AUDIT, file], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


def test_vulnerable_version_fails_it(tmp_path: Path) -> None:
    code, told = audit(tmp_path, {"good/1.0/json": release(), "bad/1.0/json": release(KNOWN)})
    assert code == 1
    assert "bad 1.0: PYSEC-1, CVE-1; mended in 1.1\n" in told
    assert "NOT DONE for 1 packages, of which PyPI knew nothing: unknown\n" in told
    assert "2 packages looked at, 1 vulnerabilities\n" in told


def test_what_cannot_be_asked_is_told_and_fails_nothing(tmp_path: Path) -> None:
    code, told = audit(tmp_path, {})
    assert code == 0
    assert "NOT DONE, since PyPI could not be asked" in told
