"""The authority's folder: no key is lost, and the revocation list is signed only as needed."""

import datetime
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from smartmeter_cloud.pki import authority
from smartmeter_cloud.pki.authority import Authority, BadRequest
from smartmeter_cloud.store.rows import Certificate

from tests.cloud.harness import command


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cloud.toml"
    path.write_text("[http]\nport = 0\n")
    return path


def crl(folder: Path) -> bytes:
    return (folder / "crl.pem").read_bytes()


@pytest.mark.parametrize("name", ["ca", "crl", "lock"])
def test_no_certificate_takes_a_name_of_the_authority_itself(config: Path, name: str) -> None:
    folder = config.parent / "authority"
    Authority(folder, 90).chain()
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    told = command("certificate", name, "--host", "x.example", "--config", str(config))
    assert told.status == 1
    assert "a name of the authority's own files" in told.err
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_a_second_certificate_is_for_the_same_key(config: Path) -> None:
    wanted = ("certificate", "broker", "--host", "x.example", "--config", str(config))
    assert command(*wanted).status == 0
    folder = config.parent / "authority"
    key, first = (folder / "broker.key").read_bytes(), (folder / "broker.crt").read_bytes()
    assert command(*wanted).status == 0
    assert (folder / "broker.key").read_bytes() == key
    second = x509.load_pem_x509_certificate((folder / "broker.crt").read_bytes())
    assert second != x509.load_pem_x509_certificate(first)
    assert second.public_key() == x509.load_pem_x509_certificate(first).public_key()
    (folder / "page.key").write_text("somebody's notes\n")
    told = command("certificate", "page", "--host", "x.example", "--config", str(config))
    assert "is not an elliptic-curve key" in told.err
    assert (folder / "page.key").read_text() == "somebody's notes\n"


def test_every_certificate_names_its_key(tmp_path: Path) -> None:
    """RFC 5280, 4.2.1.2."""
    made = Authority(tmp_path, 90)
    key = ec.generate_private_key(ec.SECP256R1())
    one = x509.load_der_x509_certificate(made.issue("house-1", key.public_key()).der)
    found = one.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert found == x509.SubjectKeyIdentifier.from_public_key(key.public_key())


def test_an_rsa_key_with_a_small_exponent_is_refused() -> None:
    for exponent, fits in ((3, False), (65537, True)):
        key = rsa.generate_private_key(public_exponent=exponent, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "house-1")])
        made = x509.CertificateSigningRequestBuilder().subject_name(name)
        der = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        if fits:
            authority.request(der)
        else:
            with pytest.raises(BadRequest, match="exponent 65537"):
                authority.request(der)


def test_the_revocation_list_is_signed_again_after_a_change_or_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Authority(tmp_path, 90)
    made.chain()
    first = crl(tmp_path)
    assert made.revocations(list) == first == crl(tmp_path)
    now = int(time.time() * 1000)
    one = Certificate("ab", "house-1", b"", now, now + 10**9, now, b"")
    second = made.revocations(lambda: [one])
    assert x509.load_pem_x509_crl(second).get_revoked_certificate_by_serial_number(0xAB)
    assert made.revocations(lambda: [one]) == second == crl(tmp_path)
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=2)
    monkeypatch.setattr(authority, "_now", lambda: later)
    third = x509.load_pem_x509_crl(made.revocations(lambda: [one]))
    assert third.next_update_utc is not None
    assert third.next_update_utc - third.last_update_utc > datetime.timedelta(days=90)
    # A damaged list is replaced, too.
    (tmp_path / "crl.pem").write_bytes(b"")
    assert x509.load_pem_x509_crl(made.revocations(list)).issuer == third.issuer
