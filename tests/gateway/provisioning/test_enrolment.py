"""enroll: a key that stays here, a certificate from a small EST server, renewed in time."""

import base64
import contextlib
import datetime
import io
import stat
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID
from smartmeter_gateway.cli.main import main
from smartmeter_gateway.monitoring.registry import Registry
from smartmeter_gateway.provisioning.est_client import Identity, Renewal, renew

from tests.gateway.harness import eventually


class Est:
    """RFC 7030's simpleenroll and simplereenroll, in a thread."""

    def __init__(self) -> None:
        self.tokens = {"one-time-token"}
        self.life = datetime.timedelta(days=90)
        self.asked: list[str] = []
        self.name: str | None = None  # issue for this name instead of the one asked for
        self.garbage: bytes | None = None
        self.known: set[bytes] = set()  # public keys that were enrolled
        self.key = ec.generate_private_key(ec.SECP256R1())
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code, answer = owner.answer(self.path, self.headers.get("Authorization"), body)
                self.send_response(code)
                self.send_header("Content-Type", "application/pkcs7-mime; smime-type=certs-only")
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path: str, authorization: str | None, body: bytes) -> tuple[int, bytes]:
        self.asked.append(path)
        if self.garbage is not None:
            return 200, self.garbage
        csr = x509.load_der_x509_csr(base64.b64decode(body))
        assert csr.is_signature_valid
        public = csr.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        if path.endswith("/simpleenroll"):
            token = (authorization or "").removeprefix("Bearer ")
            if token not in self.tokens:
                return 401, b""
            self.tokens.discard(token)
            self.known.add(public)
        elif public not in self.known:
            return 403, b""
        now = datetime.datetime.now(datetime.UTC)
        subject = csr.subject
        if self.name:
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        issued = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "est")]))
            .public_key(csr.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - self.life)
            .not_valid_after(now + self.life)
            .sign(self.key, hashes.SHA256())
        )
        answer = pkcs7.serialize_certificates([issued], serialization.Encoding.DER)
        return 200, base64.encodebytes(answer)


@pytest.fixture
def est() -> Iterator[Est]:
    server = Est()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text('concentrator = "home-7"\n[lan]\nhost = "localhost"\n')
    return path


def enroll(config: Path, url: str, token: str = "one-time-token") -> str:
    """What the command said; it ends by itself, so it needs no process of its own."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("sys.stdin", io.StringIO(token + "\n"))
        status = main(["enroll", url, "-", "--config", str(config)])
    return out.getvalue() if status == 0 else f"{status}: {err.getvalue()}"


def test_a_certificate_by_a_one_time_token(est: Est, config: Path) -> None:
    said = enroll(config, est.url)
    assert 'certificate = "cloud.crt"' in said, said
    certificate = x509.load_pem_x509_certificate((config.parent / "cloud.crt").read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=home-7"
    key = config.parent / "cloud.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    assert "does not accept the token" in enroll(config, est.url)  # it was for one time
    est.tokens.add("another")
    assert 'enroll_url = "' in enroll(config, est.url, "another")
    assert key.read_bytes() == before


def test_what_goes_wrong_is_said_and_leaves_no_certificate(est: Est, config: Path) -> None:
    est.garbage = b"<html>"
    assert "does not answer with a certificate" in enroll(config, est.url)
    est.garbage = None
    est.name = "somebody-else"
    assert "a certificate for another name" in enroll(config, est.url)
    assert "must be https://HOST" in enroll(config, "http://cloud.example")
    est.server.shutdown()
    est.server.server_close()
    assert "cannot be reached: " in enroll(config, est.url)
    assert not (config.parent / "cloud.crt").exists()


def test_it_is_renewed_before_it_expires_with_the_same_key(est: Est, config: Path) -> None:
    enroll(config, est.url)
    folder = config.parent
    identity = Identity("home-7", est.url, folder / "cloud.crt", folder / "cloud.key", None)
    first = (folder / "cloud.crt").read_bytes()
    fresh = Renewal(identity, Registry())
    fresh.start()
    eventually(lambda: fresh._thread.is_alive())
    time.sleep(0.2)
    assert (folder / "cloud.crt").read_bytes() == first  # half of its life is left
    fresh.stop(1)
    est.life = datetime.timedelta(seconds=60)
    until = renew(identity)
    assert until - datetime.datetime.now(datetime.UTC) < est.life
    short = x509.load_pem_x509_certificate((folder / "cloud.crt").read_bytes())
    assert short.public_key() == x509.load_pem_x509_certificate(first).public_key()


def aged(est: Est, config: Path, days: int, left: int) -> Identity:
    """The identity of one that enrolled so many days ago, with so many days left."""
    enroll(config, est.url)
    folder = config.parent
    key = serialization.load_pem_private_key((folder / "cloud.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    now = datetime.datetime.now(datetime.UTC)
    old = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "home-7")]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "est")]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=days))
        .not_valid_after(now + datetime.timedelta(days=left))
        .sign(est.key, hashes.SHA256())
    )
    (folder / "cloud.crt").write_bytes(old.public_bytes(serialization.Encoding.PEM))
    return Identity("home-7", est.url, folder / "cloud.crt", folder / "cloud.key", None)


def test_a_running_concentrator_renews_an_old_certificate_by_itself(est: Est, config: Path) -> None:
    identity = aged(est, config, days=80, left=10)
    registry = Registry()
    renewal = Renewal(identity, registry)
    renewal.start()

    def renewed() -> bool:
        found = x509.load_pem_x509_certificate(identity.certificate.read_bytes())
        return found.serial_number != 1

    eventually(renewed)
    renewal.stop(1)
    assert est.asked[-1].endswith("/simplereenroll")
    assert registry.alarms == {}


def test_a_certificate_that_has_expired_is_an_alarm_that_says_what_to_do(
    est: Est, config: Path
) -> None:
    identity = aged(est, config, days=90, left=-1)
    est.server.shutdown()
    est.server.server_close()
    registry = Registry()
    renewal = Renewal(identity, registry)
    renewal.start()
    alarm = eventually(lambda: registry.alarms.get("renewal"))
    renewal.stop(1)
    assert "could not be renewed: " in alarm
    assert "it has expired: enroll again, with a new token" in alarm


def test_a_key_is_its_owner_s_alone_whatever_lay_there_before(est: Est, config: Path) -> None:
    left_over = config.parent / "cloud.key.new"
    left_over.touch(0o644)
    enroll(config, est.url)
    assert stat.S_IMODE((config.parent / "cloud.key").stat().st_mode) == 0o600
