"""Makes what the containers of compose.yaml share: settings, CA, certificates, password.

    python setup.py HOST

It runs in the container "setup", as root and without a network, at each `compose up`. Settings are
written again each time. A certificate stays while it is for HOST and good for a year more, because
a Cloud that runs shows the one of its start. Keys, the password and what is revoked stay.

All files belong to the Cloud's user. Its group may read the broker's key. So mosquitto runs as
another user, and cannot read the CA's key.
"""

import ipaddress
import os
import re
import secrets
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from smartmeter_cloud.pki.authority import Authority, AuthorityError
from smartmeter_gateway.provisioning.broker_acl import mosquitto
from smartmeter_service.atomic_file import write_file

SETTINGS, DATABASE = Path("/etc/smartmeter-cloud"), Path("/run/password")
EXAMPLE = "meters.example"  # in cloud.toml
USER = 10001  # of cloud/Containerfile
_INGEST = "ingest"
_DAYS = 730  # of the certificates, as `smartmeter-cloud certificate` makes them
_LEFT = timedelta(days=365)


def is_host(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
        return True
    except ValueError:
        label = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
        return len(text) <= 253 and re.fullmatch(rf"{label}(\.{label})*", text) is not None


def make(host: str, template: Path, settings: Path, database: Path) -> None:
    """Fills two folders. Raises AuthorityError, OSError.

    template: cloud.toml with the name EXAMPLE. database: the folder that PostgreSQL sees.
    """
    authority = Authority(settings / "authority", 0)
    for name, hosts in (
        ("broker", (host, "broker")),
        ("page", (host, "cloud", "localhost", "127.0.0.1")),
        (_INGEST, ()),
    ):
        if not _is_current(authority.folder / f"{name}.crt", hosts):
            authority.issue_files(name, hosts, _DAYS)
    write_file(settings / "mosquitto.acl", mosquitto(_INGEST).encode(), 0o640)
    password = settings / "store.password"
    if not password.exists():
        write_file(password, f"{secrets.token_urlsafe(24)}\n".encode(), 0o600)
    # PostgreSQL's user differs between its images. Only its container has this folder.
    write_file(database / password.name, password.read_bytes(), 0o444)
    text = template.read_text(encoding="utf-8").replace(EXAMPLE, host)
    write_file(settings / "cloud.toml", text.encode(), 0o640)
    for path in (settings, authority.folder):
        path.chmod(0o750)
    (authority.folder / "broker.key").chmod(0o640)


def _is_current(certificate: Path, hosts: tuple[str, ...]) -> bool:
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    named: set[str] = set()
    if hosts:
        kind = x509.SubjectAlternativeName
        named = {str(name.value) for name in found.extensions.get_extension_for_class(kind).value}
    return named == set(hosts) and found.not_valid_after_utc - datetime.now(UTC) > _LEFT


def main(host: str) -> str | None:
    """Why it failed, or None."""
    if not is_host(host):
        return "setup: SMARTMETER_HOST must be a host name or an IPv4 address"
    try:
        make(host, Path(__file__).with_name("cloud.toml"), SETTINGS, DATABASE)
        for path in (SETTINGS, *SETTINGS.rglob("*")):
            os.chown(path, USER, USER)
    except (AuthorityError, OSError) as why:
        return f"setup: {why}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
