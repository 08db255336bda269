"""Attacks on certificates: requests, tokens, renewals, and the authority's own files."""

import base64
import subprocess
import sys
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tools.attack.attacks import attack, held
from tools.attack.client import RawConcentrator, document, eventually
from tools.attack.site import EVIL, HONEST, Site

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def _request(name: str, key: _Key | None = None) -> bytes:
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return base64.encodebytes(made.public_bytes(serialization.Encoding.DER))


def _ask(site: Site, what: str, request: bytes, token: str | None = None) -> int:
    path = f".well-known/est/{what}"
    return site.call("POST", path, token, request, Content_Type="application/pkcs10")[0]


def _token(site: Site, name: str) -> str:
    path = f"v1/concentrators/{name}/invitations"
    text: str = site.call("POST", path, site.admin, {"household": "h2"})[1]["token"]
    return text.partition(".")[0]


@attack("asks for a certificate of another name, with a weak key, or twice by one token")
def requests(site: Site) -> None:
    token = _token(site, "house-d")
    weak = rsa.generate_private_key(public_exponent=3, key_size=2048)
    for what, request in {
        "another's name": _request(HONEST),
        "the name of ingest": _request("ingest"),
        "RSA with exponent 3": _request("house-d", weak),
        "garbage": b"AAAA",
    }.items():
        status = _ask(site, "simpleenroll", request, token)
        held(status in (400, 401, 403), f"a request with {what} is answered with {status}")
    answers: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(_ask(site, "simpleenroll", _request("house-d"), token))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held(answers.count(200) == 1, f"one token gave {answers.count(200)} certificates")


@attack("renews another's certificate, or one without its key")
def renewals(site: Site) -> None:
    for name in (HONEST, EVIL, "ingest", "nobody"):
        status = _ask(site, "simplereenroll", _request(name))
        held(status in (400, 403), f"a renewal of {name} by a new key is answered with {status}")


@attack("invites itself under the name of ingest")
def reserved(site: Site) -> None:
    status, _ = site.call(
        "POST", "v1/concentrators/ingest/invitations", site.admin, {"household": "h2"}
    )
    held(status == 403, f"the invitation is answered with {status}")


@attack("has the authority's key overwritten by a certificate named ca", "M6")
def overwritten_key(site: Site) -> None:
    folder = site.folder / "authority"
    before = {p.name: p.read_bytes() for p in folder.glob("*.key")}
    for name in ("ca", "crl", "lock", "broker"):
        subprocess.run(
            [sys.executable, "-m", "smartmeter_cloud", "certificate", name, "--host", "localhost"]
            + ["--config", str(site.folder / "cloud.toml")],
            capture_output=True,
        )
    after = {p.name: p.read_bytes() for p in folder.glob("*.key")}
    held(after == before, "a key was overwritten")
    held(site.call("GET", ".well-known/est/cacerts")[0] == 200, "the authority no longer works")


@attack("reads stores, spools and keys as another user of the machine", "M10")
def readable_files(site: Site) -> None:
    secret = {".key", ".sqlite", ".sqlite-wal", ".sqlite-shm", ".db", ".db-wal", ".db-shm"}
    found = [
        p.name
        for p in site.folder.rglob("*")
        if p.suffix in secret and p.parent.name != "other-authority" and p.stat().st_mode & 0o077
    ]
    held(not found, f"others can read {', '.join(sorted(found))}")


@attack("has the revocation list signed again at each request")
def costly_list(site: Site) -> None:
    first = site.call("GET", "v1/authority/crl")
    held(first[0] == 200, f"the list answers {first[0]}")
    held(all(site.call("GET", "v1/authority/crl") == first for _ in range(5)), "it differs")


@attack("goes on after its certificate was revoked", short=False)
def revoked(site: Site) -> None:
    login = site.enroll("house-e", "h2")
    with RawConcentrator("house-e", site.broker_port, login) as leaver:
        before = leaver.send("meter-of-e", document(1, time.time()))
        held(eventually(lambda: leaver.receipted(before)), "it was not accepted before")
        status, _ = site.call("DELETE", "v1/concentrators/house-e/certificates", site.admin)
        held(status == 200, f"the revocation is answered with {status}")
        time.sleep(11)  # ingest asks every 10 s
        after = leaver.send("meter-of-e", document(2, time.time()))
        eventually(lambda: leaver.answered(after), 5)
        held(not leaver.receipted(after), "it still gets receipts")
    held(2 not in site.stored("meter-of-e"), "its readings are still stored")
    if site.mosquitto:
        site.mosquitto.reread()
        time.sleep(1)
    with RawConcentrator("house-e", site.broker_port, login) as again:
        held(not eventually(again.connected.is_set, 5), "the broker still lets it in")
    renewal = _ask(site, "simplereenroll", _request("house-e", _key_of(site, "house-e")))
    held(renewal == 403, f"its renewal is answered with {renewal}")


def _key_of(site: Site, name: str) -> _Key:
    pem = (site.folder / f"{name}.key").read_bytes()
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key
