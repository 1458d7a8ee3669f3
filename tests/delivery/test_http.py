"""Requests to other servers: what they carry, and how they end when there is no good answer."""

import gzip
import logging
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ostiary.delivery.http import CannotReach, Outgoing, json_object
from tests.delivery.doubles import Reply, closed_port, make_outgoing, serving, silent_server

SECRET = "sms-api-key"


async def test_a_json_object_is_sent_and_read(outgoing: Outgoing) -> None:
    with serving(Reply({"yes": True}, headers={"Set-Cookie": "a=b"})) as double:
        answer = await outgoing.post_json(f"{double.url}/path?q=1", {"name": "Ä"}, headers=[("X-Own", "1")])
        await outgoing.post_json(double.url, {})
    first, second = double.asked
    assert (answer.status, json_object(answer)) == (200, {"yes": True})
    assert (first.method, first.path, first.json) == ("POST", "/path?q=1", {"name": "Ä"})
    assert first.headers["content-type"] == "application/json"
    assert first.headers["x-own"] == "1"
    assert first.headers["user-agent"].startswith("ostiary/")
    assert "cookie" not in second.headers


async def test_a_form_is_sent(outgoing: Outgoing) -> None:
    with serving(Reply({})) as double:
        await outgoing.post_form(double.url, {"a": "1&2", "b": "ö +"})
    assert double.asked[0].form == {"a": "1&2", "b": "ö +"}
    assert double.asked[0].headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize("body", [b"", b"no", b"[1]", b"\xff", b"[" * 100_000])
async def test_what_is_no_json_object_is_none(body: bytes) -> None:
    outgoing = make_outgoing(max_answer_bytes=200_000)
    with serving(Reply(body=body)) as double:
        assert json_object(await outgoing.exchange("GET", double.url)) is None
    await outgoing.aclose()


async def test_a_redirect_is_not_followed(outgoing: Outgoing) -> None:
    with serving(Reply({})) as other, serving(Reply({}, status=302, headers={"Location": other.url})) as double:
        answer = await outgoing.exchange("GET", double.url)
    assert answer.status == 302
    assert other.asked == []


async def test_an_answer_of_the_greatest_size_is_taken_and_a_greater_one_refused() -> None:
    outgoing = make_outgoing(max_answer_bytes=1000)
    with serving(Reply(body=b" " * 1000)) as double:
        assert len((await outgoing.exchange("GET", double.url)).body) == 1000
    with serving(Reply(body=b" " * 1001)) as double, pytest.raises(CannotReach, match="over 1000 bytes"):
        await outgoing.exchange("GET", double.url)
    await outgoing.aclose()


async def test_a_compressed_answer_is_refused(outgoing: Outgoing) -> None:
    bomb = Reply(body=gzip.compress(b" " * 1_000_000), headers={"Content-Encoding": "gzip"})
    with serving(bomb) as double, pytest.raises(CannotReach, match="compression"):
        await outgoing.exchange("GET", double.url)
    assert double.asked[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("guarded", [False, True])
async def test_silence_ends_in_a_timeout(guarded: bool) -> None:
    outgoing = make_outgoing(timeout_ms=50, allow_private=True)
    with silent_server() as url, pytest.raises(CannotReach, match="did not answer in time") as caught:
        await outgoing.exchange("GET", url, guarded=guarded)
    assert caught.value.timed_out
    await outgoing.aclose()


async def test_an_answer_that_drips_for_ever_ends_in_a_timeout() -> None:
    """Each byte comes in time; only the request as a whole does not."""
    outgoing = make_outgoing(timeout_ms=600)  # a busy machine has to have connected in half of it
    with serving(Reply(drips=True)) as double, pytest.raises(CannotReach, match="did not answer in time"):
        await outgoing.exchange("GET", double.url)
    assert len(double.asked) == 1
    await outgoing.aclose()


@pytest.mark.parametrize("guarded", [False, True])
async def test_a_closed_port_is_no_timeout(guarded: bool) -> None:
    outgoing = make_outgoing(allow_private=True)
    with pytest.raises(CannotReach, match="cannot be connected to") as caught:
        await outgoing.exchange("GET", f"http://127.0.0.1:{closed_port()}/?key={SECRET}", guarded=guarded)
    assert not caught.value.timed_out
    assert SECRET not in str(caught.value)
    await outgoing.aclose()


@pytest.mark.parametrize("url", ["", "example.org", "ftp://example.org/", "http://", "http://[::", "http://a:x/", "\n"])
async def test_what_is_no_url_is_refused(outgoing: Outgoing, url: str) -> None:
    with pytest.raises(CannotReach, match="The URL is"):
        await outgoing.exchange("GET", url)


@pytest.mark.parametrize("value", [f"Bearer {SECRET}\r\nX: y", f"Bearer {SECRET}é", f" {SECRET}"])
async def test_a_header_that_cannot_be_is_refused_without_its_value(outgoing: Outgoing, value: str) -> None:
    with serving(Reply({})) as double, pytest.raises(CannotReach, match="Authorization") as caught:
        await outgoing.exchange("GET", double.url, headers=[("Authorization", value)])
    assert SECRET not in str(caught.value)
    assert double.asked == []


async def test_nothing_secret_is_logged(outgoing: Outgoing, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(Reply({})) as double:
        headers = [("Authorization", f"Bearer {SECRET}")]
        await outgoing.exchange("POST", f"{double.url}/?key={SECRET}", headers=headers, body=SECRET.encode())
    assert len(double.asked) == 1
    assert SECRET not in caplog.text


async def test_connections_are_let_go_of_and_made_again(outgoing: Outgoing) -> None:
    with serving(Reply({})) as double:
        await outgoing.exchange("GET", double.url)
        await outgoing.aclose()
        await outgoing.exchange("GET", double.url)
        await outgoing.aclose()
    assert len(double.asked) == 2


def test_the_library_is_not_imported_before_a_request_is_sent() -> None:
    program = (
        "import sys; from ostiary.delivery.http import Outgoing; Outgoing(timeout_ms=1, max_answer_bytes=1);"
        "sys.exit('httpx2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# --- TLS -------------------------------------------------------------------------------------------------------------


class Certificate:
    """A certificate of its own making, for localhost by name."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.file = folder / "cert.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private = folder / "key.pem"
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.file, private)
        self.names: list[str | None] = []
        self.context.sni_callback = lambda _socket, name, _context: self.names.append(name)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(tmp_path)


@pytest.mark.parametrize("guarded", [False, True])
async def test_the_certificate_is_held_against_the_name(certificate: Certificate, guarded: bool) -> None:
    outgoing = make_outgoing(cafile=str(certificate.file), allow_private=True)
    with serving(Reply({"yes": True}), certificate.context) as double:
        port = double.server_port
        answer = await outgoing.exchange("GET", f"https://localhost:{port}/", guarded=guarded)
        with pytest.raises(CannotReach, match="cannot be connected to"):
            await outgoing.exchange("GET", f"https://127.0.0.1:{port}/", guarded=guarded)  # not in the certificate
    assert json_object(answer) == {"yes": True}
    assert certificate.names[0] == "localhost"
    assert [asked.headers["host"] for asked in double.asked] == [f"localhost:{port}"]
    await outgoing.aclose()


async def test_a_certificate_that_nobody_trusts_is_refused(certificate: Certificate, outgoing: Outgoing) -> None:
    with serving(Reply({}), certificate.context) as double, pytest.raises(CannotReach, match="cannot be connected to"):
        await outgoing.exchange("GET", f"https://localhost:{double.server_port}/")
    assert double.asked == []


async def test_a_missing_file_of_certificates_is_told(tmp_path: Path) -> None:
    outgoing = make_outgoing(cafile=str(tmp_path / "none.pem"))
    with pytest.raises(CannotReach, match=r"none.pem cannot be read: No such file"):
        await outgoing.exchange("GET", "https://127.0.0.1/")
