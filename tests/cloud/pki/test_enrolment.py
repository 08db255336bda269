"""Concentrators get certificates from an api process over TLS, and a broker goes by them."""

import base64
import datetime
import json
import ssl
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from smartmeter_cloud.api.keys import new_key
from smartmeter_cloud.pki.authority import Authority
from smartmeter_cloud.store.sqlite import SqliteStore
from smartmeter_gateway.provisioning import broker_acl, est_client, invitation
from smartmeter_mqtt import client_ids
from smartmeter_service.toml_file import SettingsError

from tests.cloud.harness import Concentrator, Process, command, encoded, eventually, reading
from tools.environment.mosquitto import Mosquitto

Answer = tuple[int, Any]


class Site:
    """An api process with TLS, by a certificate of its own authority."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder / "authority", 90)
        self.authority.issue_files("page", ("localhost", "127.0.0.1"), 30)
        self.ca = folder / "authority" / "ca.crt"
        self.config = folder / "cloud.toml"
        self.write("")
        self.store = SqliteStore(folder / "smartmeter.sqlite")
        self.api = Process("api", self.config)
        key, self.admin = new_key("test", "admin", None, None)
        self.store.add_key(key)

    def write(self, more: str) -> None:
        self.config.write_text(
            '[http]\nport = 0\ncertificate = "authority/page.crt"\nkey = "authority/page.key"\n'
            + more
        )

    def call(
        self, method: str, path: str, body: bytes | None = None, token: str = "", kind: str = ""
    ) -> Answer:
        """(status, document or bytes)."""
        headers = {"Content-Type": kind or "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(
            self.api.address + path, data=body, headers=headers, method=method
        )
        context = ssl.create_default_context(cafile=self.ca)
        try:
            with urllib.request.urlopen(request, timeout=60, context=context) as answer:
                said = answer.read()
                kind = answer.headers["Content-Type"]
                return answer.status, json.loads(said) if "json" in kind else said
        except urllib.error.HTTPError as e:
            return e.code, json.loads(e.read())

    def invite(self, name: str, **more: Any) -> str:
        path = f"v1/concentrators/{name}/invitations"
        status, answer = self.call(
            "POST", path, json.dumps({"household": "smith"} | more).encode(), self.admin
        )
        assert status == 200, answer
        token: str = answer["token"]
        return token

    def est(self, what: str, der: bytes, token: str = "") -> Answer:
        body = base64.encodebytes(der)
        path = f".well-known/est/{what}"
        return self.call("POST", path, body, token, "application/pkcs10")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("enrolment"))
    yield made
    made.api.kill()
    made.store.close()


def csr(name: str | None, key: Any = None) -> tuple[bytes, Any]:
    key = key or ec.generate_private_key(ec.SECP256R1())
    names = [] if name is None else [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    hashed = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, hashed).public_bytes(serialization.Encoding.DER), key


def certificates(answer: Answer) -> list[x509.Certificate]:
    """The Concentrator's, and then the authority's."""
    status, body = answer
    assert status == 200, body
    found = pkcs7.load_der_pkcs7_certificates(base64.b64decode(body))
    return sorted(found, key=lambda c: c.issuer == c.subject)  # DER sorts a set by its bytes


def identity(site: Site, folder: Path, name: str) -> est_client.Identity:
    folder.mkdir(exist_ok=True)
    url = site.api.address.rstrip("/")
    return est_client.Identity(name, url, folder / "cloud.crt", folder / "cloud.key", None)


def enroll(site: Site, folder: Path, name: str) -> est_client.Identity:
    made = identity(site, folder, name)
    est_client.enroll(made, site.invite(name), folder / "cloud-ca.crt")
    return made


def test_the_whole_way(site: Site, tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> None:
    """Two commands, and a Concentrator publishes by its certificate; revoked, it no longer does."""
    gateway = tmp_path / "gateway.toml"
    gateway.write_text('concentrator = "house-7"\n[lan]\nhost = "localhost"\n')
    told = command("invite", "house-7", "--household", "smith", "--config", str(site.config))
    assert told.status == 0, told.err
    token = invitation.parse(told.out.split()[-1]).token
    done = subprocess.run(
        [sys.executable, "-m", "smartmeter_gateway", "enroll", site.api.address, "-"]
        + ["--config", str(gateway)],
        input=token,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert 'ca = "cloud-ca.crt"' in done.stdout, done.stderr
    assert (tmp_path / "cloud-ca.crt").read_bytes() == site.ca.read_bytes()
    own = str(tmp_path / "cloud.crt"), str(tmp_path / "cloud.key")

    folder = site.ca.parent
    for name, hosts in (("broker", ["--host", "localhost"]), ("ingest", [])):
        assert command("certificate", name, *hosts, "--config", str(site.config)).status == 0
    broker = mosquitto(
        tls=(site.ca, folder / "broker.crt", folder / "broker.key"),
        client_certificates=True,
        rules=broker_acl.mosquitto("ingest").splitlines(),
        settings=[f"crlfile {folder / 'crl.pem'}"],
    )
    config = site.folder / "ingest.toml"
    config.write_text(
        f'[broker]\nhost = "localhost"\nport = {broker.port}\nca = "authority/ca.crt"\n'
        'certificate = "authority/ingest.crt"\nkey = "authority/ingest.key"\n'
    )
    ingest = Process("ingest", config)
    login = {"ca": tmp_path / "cloud-ca.crt", "certificate": own}
    house = Concentrator("house-7", broker.port, **login)
    try:
        ingest.says("connected to the broker")
        house.send("m7", reading(1))
        house.all_receipted()
        # With its certificate it can neither write as another nor hear another's receipts.
        forged = "concentrator/house-8/smartMeterMessage/m8/reading"
        house.send_raw(forged, encoded(reading(1)))
        house.send("m7", reading(2))
        eventually(lambda: [topic for topic, _ in house.waiting.values()] == [forged])
        (meter,) = site.store.meters()
        assert (meter.name, meter.household) == ("m7", "smith")

        told = command("revoke", "house-7", "--config", str(site.config))
        assert told.out.startswith("revoked: 1\n")
        broker.reread()
        house.stop()
        again = Concentrator("house-7", broker.port, **login)
        eventually(lambda: "certificate verify failed" in broker.log.read_text())
        assert not again.connected.is_set()
        again.stop()
        assert [m.name for m in site.store.meters()] == ["m7"]  # nothing of house-8
    finally:
        house.stop()
        ingest.kill()


def test_a_concentrator_sends_nothing_to_a_cloud_it_does_not_know(
    site: Site, tmp_path: Path
) -> None:
    made = identity(site, tmp_path, "house-1")
    token = site.invite("house-1")
    secret = token.partition(".")[0]
    ca = tmp_path / "cloud-ca.crt"
    with pytest.raises(SettingsError, match=r"cannot be trusted: .*; give --ca"):
        est_client.enroll(made, secret, ca)
    with pytest.raises(SettingsError, match="another certificate than the token names"):
        est_client.enroll(made, secret + "." + "A" * 43, ca)
    assert not ca.exists()
    by_file = est_client.Identity(made.id, made.url, made.certificate, made.key, site.ca)
    est_client.enroll(by_file, secret, ca)  # the token was not used up
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    (certificate,) = x509.load_pem_x509_certificates(made.certificate.read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=house-1"
    assert certificate.issuer == site.authority.chain()[0].subject


def test_a_token_is_for_one_concentrator_and_one_key(site: Site) -> None:
    request, key = csr("house-2")
    token = site.invite("house-2").partition(".")[0]
    status, problem = site.est("simpleenroll", csr("house-3")[0], token)
    assert (status, problem["detail"]) == (
        403,
        'this token is for the Concentrator "house-2" and no other',
    )
    assert site.est("simpleenroll", b"no request", token)[0] == 400
    first = certificates(site.est("simpleenroll", request, token))
    assert [c.subject.rfc4514_string() for c in first[:1]] == ["CN=house-2"]
    assert first[1:] == site.authority.chain()
    # The answer was lost: the same key has it again; another key is too late.
    assert certificates(site.est("simpleenroll", csr("house-2", key)[0], token)) == first
    status, problem = site.est("simpleenroll", csr("house-2")[0], token)
    assert (status, problem["detail"]) == (401, "this token was already used")
    for wrong in ("smt_guess", "", token[:-1], "x" * 5000):
        assert site.est("simpleenroll", request, wrong)[0] == 401
    late = site.invite("house-2", hours=1e-7).partition(".")[0]
    time.sleep(0.001)
    assert site.est("simpleenroll", csr("house-2")[0], late)[0] == 401
    assert token.encode() not in site.store.path.read_bytes()
    whats = [line["what"] for line in site.call("GET", "v1/audit", token=site.admin)[1]]
    assert {"invited Concentrator house-2", "enrolled"} <= set(whats)


def test_what_a_certificate_is_good_for(site: Site) -> None:
    """A request without a name, and one that asks to be an authority."""
    token = site.invite("house-4").partition(".")[0]
    key = ec.generate_private_key(ec.SECP384R1())
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("ingest")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    der = request.public_bytes(serialization.Encoding.DER)
    made, authority = certificates(site.est("simpleenroll", der, token))
    assert made.subject.rfc4514_string() == "CN=house-4"
    made.verify_directly_issued_by(authority)
    get = made.extensions.get_extension_for_class
    assert get(x509.BasicConstraints).value.ca is False
    assert list(get(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    with pytest.raises(x509.ExtensionNotFound):
        get(x509.SubjectAlternativeName)
    life = made.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    assert life < datetime.timedelta(days=91)
    assert certificates(site.call("GET", ".well-known/est/cacerts")) == [authority]


def test_hostile_requests(site: Site) -> None:
    token = site.invite("house-5").partition(".")[0]
    good, key = csr("house-5")
    cut = bytearray(good)
    cut[-1] ^= 1  # in the signature
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    two = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, n) for n in ("house-5", "ingest")])
    several = x509.CertificateSigningRequestBuilder().subject_name(two).sign(key, hashes.SHA256())
    hostile = {
        "nothing": b"",
        "no DER": b"\x30\x82\xff\xff" + b"x" * 100,
        "cut short": good[:-10],
        "a bit flipped": bytes(cut),
        "too long": good + bytes(9000),
        "a small key": csr("house-5", small)[0],
        "another kind of key": csr("house-5", ed25519.Ed25519PrivateKey.generate())[0],
        "another curve": csr("house-5", ec.generate_private_key(ec.SECP256K1()))[0],
        "two names": several.public_bytes(serialization.Encoding.DER),
        "a certificate": site.authority.chain()[0].public_bytes(serialization.Encoding.DER),
    }
    for why, der in hostile.items():
        for what in ("simpleenroll", "simplereenroll"):
            status, problem = site.est(what, der, token)
            assert (status, problem["status"]) == (400, 400), (why, problem)
    assert site.call("POST", ".well-known/est/simpleenroll", b"\xff\x00=", token)[0] == 400
    for name in ("../x", "house 5", "#", "+", "x" * 65, ""):
        path = f"v1/concentrators/{urllib.request.quote(name, safe='')}/invitations"
        assert site.call("POST", path, b"{}", site.admin)[0] in (404, 405, 422), name
    for name in ("ingest",):  # this name reads all Concentrators at the broker
        path = f"v1/concentrators/{name}/invitations"
        assert site.call("POST", path, b"{}", site.admin)[0] == 403
    assert site.est("simpleenroll", good, token)[0] == 200  # none of this used it up


def test_it_is_for_administrators(site: Site) -> None:
    key, text = new_key("test", "read delete aggregate", None, None)
    site.store.add_key(key)
    for method, path, body in (
        ("GET", "v1/concentrators", None),
        ("POST", "v1/concentrators/x/invitations", b"{}"),
        ("DELETE", "v1/concentrators/x/certificates", None),
    ):
        assert site.call(method, path, body)[0] == 401
        assert site.call(method, path, body, text)[0] == 403


def test_renewal_goes_by_the_key_until_it_is_revoked(site: Site, tmp_path: Path) -> None:
    made = enroll(site, tmp_path, "house-6")
    trusting = est_client.Identity(
        made.id, made.url, made.certificate, made.key, tmp_path / "cloud-ca.crt"
    )
    first = made.certificate.read_bytes()
    est_client.renew(trusting)
    assert made.certificate.read_bytes() == first  # more than half of its life is left
    age(site, "house-6", days=60)
    est_client.renew(trusting)
    second = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    assert second.public_bytes(serialization.Encoding.PEM) != first
    key = serialization.load_pem_private_key(made.key.read_bytes(), None)

    for name, request_key in (("house-6", None), ("house-1", key), (None, key)):
        assert site.est("simplereenroll", csr(name, request_key)[0])[0] == 403
    age(site, "house-6", days=91)
    assert site.est("simplereenroll", csr("house-6", key)[0])[0] == 403  # expired
    est_client.enroll(trusting, site.invite("house-6"), tmp_path / "cloud-ca.crt")

    path = "v1/concentrators/house-6/certificates"
    pending = site.invite("house-6").partition(".")[0]
    status, answer = site.call("DELETE", path, token=site.admin)
    assert (status, answer["revoked"] >= 1) == (200, True)
    with pytest.raises(SettingsError, match=r"does not allow it: this name and key have no valid"):
        est_client.renew(trusting)
    assert site.est("simpleenroll", csr("house-6")[0], pending)[0] == 401
    with pytest.raises(SettingsError, match=r"revoked: enroll with a new key"):
        est_client.enroll(trusting, site.invite("house-6"), tmp_path / "cloud-ca.crt")
    (told,) = [
        c for c in site.call("GET", "v1/concentrators", token=site.admin)[1] if c["id"] == "house-6"
    ]
    serial = told["certificates"][-1]["serial"]
    for pem in (site.call("GET", "v1/authority/crl")[1], (site.ca.parent / "crl.pem").read_bytes()):
        crl = x509.load_pem_x509_crl(pem)
        assert crl.is_signature_valid(site.authority.chain()[0].public_key())
        assert crl.get_revoked_certificate_by_serial_number(int(serial, 16))


def age(site: Site, name: str, days: int) -> None:
    """Makes a Concentrator's certificates older than they are."""
    with site.store._writing() as db:
        ms = days * 86_400_000
        db.run(
            "UPDATE certificate SET issued = issued - ?, expires = expires - ? "
            "WHERE concentrator = ?",
            (ms, ms, name),
        )


def test_certificates_from_elsewhere(tmp_path: Path) -> None:
    config = tmp_path / "cloud.toml"
    config.write_text('[http]\nport = 0\n[enrolment]\nelsewhere = "https://est.example"\n')
    told = command("invite", "house-1", "--config", str(config))
    assert (told.status, told.err) == (
        1,
        "smartmeter-cloud: certificates are not issued here, but by https://est.example\n",
    )
    api = Process("api", config)
    try:
        status, _, problem = api.refusal(".well-known/est/cacerts")
        assert (status, problem["detail"]) == (
            403,
            "certificates are not issued here, but by https://est.example",
        )
    finally:
        api.kill()
    assert not (tmp_path / "authority").exists()


def test_mistakes_on_the_command_line_are_one_sentence(tmp_path: Path) -> None:
    config = tmp_path / "cloud.toml"
    config.write_text("[http]\nport = 0\n")
    folder = tmp_path / "authority"
    Authority(folder, 90).chain()
    (folder / "ca.key").chmod(0o644)
    for arguments, sentence in (
        (("invite", "a/b"), "a/b must be 1 to 64 of A-Z"),
        (("invite", "x", "--hours", "-1"), "--hours must be more than 0"),
        (("invite", "x"), "can be read by others; type: chmod 600"),
        (("certificate", "x"), "would be a Concentrator at the broker"),
    ):
        told = command(*arguments, "--config", str(config))
        assert (told.status, told.err.count("\n")) == (1, 1), told.err
        assert sentence in told.err


def test_the_embedded_broker_takes_certificates_too(site: Site, tmp_path: Path) -> None:
    own = enroll(site, tmp_path / "own", "house-11")
    other = enroll(site, tmp_path / "other", "house-12")
    folder = site.ca.parent
    wanted = ("certificate", "own-broker", "--host", "localhost")
    assert command(*wanted, "--config", str(site.config)).status == 0
    (tmp_path / "password").write_text("of-the-tests\n")
    (tmp_path / "password").chmod(0o600)
    config = tmp_path / "cloud.toml"
    config.write_text(
        '[broker]\nembedded = true\nport = 0\npassword_file = "password"\n'
        f'certificate = "{folder}/own-broker.crt"\nkey = "{folder}/own-broker.key"\n'
        f'client_ca = "{site.ca}"\n[http]\nport = 0\naccess = "open"\n'
    )
    serve = Process("serve", config)
    try:
        serve.says("the page is at ")
        serve.says("connected to the broker")
        port = int(serve.said.split("the broker is at 127.0.0.1:")[1].split()[0])

        def joined(name: str, who: est_client.Identity) -> Concentrator:
            files = str(who.certificate), str(who.key)
            own_id = client_ids.of_concentrator(who.id)
            return Concentrator(name, port, ca=site.ca, certificate=files, client_id=own_id)

        house, stranger = joined("house-11", own), joined("stranger", other)
        forged = "concentrator/house-11/smartMeterMessage/forged/reading"
        stranger.send_raw(forged, encoded(reading(1)))
        stranger.client.subscribe([("cloud/#", 1), ("concentrator/#", 1)])
        house.send("m11", reading(1))
        house.all_receipted()
        with_password = Concentrator(
            "house-13", port, ca=site.ca, user="concentrator", password="of-the-tests"
        )
        with_password.send("m13", reading(1))
        with_password.all_receipted()
        assert sorted(m["id"] for m in serve.get("v1/meters")) == ["m11", "m13"]
        assert not stranger.receipts

        # Its last will would be another's word; its client id would throw another out.
        answers: list[str] = []
        for client_id, will in (
            (client_ids.of_check("house-12"), "concentrator/house-11/status"),
            (client_ids.of_concentrator("house-11"), "concentrator/house-12/status"),
        ):
            liar = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=client_id)
            liar.tls_set(str(site.ca), str(other.certificate), str(other.key))
            liar.will_set(will, b'{"state":"offline"}', qos=1)
            liar.on_connect = lambda c, u, f, code, p: answers.append(str(code))
            liar.connect("localhost", port)
            liar.loop_start()
            eventually(lambda: answers)
            assert answers.pop() == "Not authorized"
            liar.loop_stop()
        assert house.client.is_connected()

        # A connection that is open ends with the certificate.
        ended = threading.Event()
        stranger.client.on_disconnect = lambda *_: ended.set()
        site.call("DELETE", "v1/concentrators/house-12/certificates", token=site.admin)
        assert ended.wait(60)
        assert house.client.is_connected()

        site.call("DELETE", "v1/concentrators/house-11/certificates", token=site.admin)
        house.stop()
        again = joined("house-11", own)
        again.client.on_connect = lambda c, u, f, code, p: answers.append(f"again {code}")
        eventually(lambda: "again Not authorized" in answers)
        for one in (again, stranger, with_password):
            one.stop()
        assert "Traceback" not in serve.said
    finally:
        serve.kill()
