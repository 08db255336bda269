"""`enroll`: get a certificate from the Cloud, and write what follows from it into [cloud]."""

import datetime
from pathlib import Path

from smartmeter_service.atomic_file import write_file
from smartmeter_service.loopback import is_loopback
from smartmeter_service.settings_draft import replace_table
from smartmeter_service.toml_file import SettingsError

from ..config.settings_file import concentrator_id, load
from ..provisioning.est_client import Identity, enroll
from ..provisioning.invitation import Invitation

_CERTIFICATE, _KEY, _CA = "cloud.crt", "cloud.key", "cloud-ca.crt"
_LOGIN = "cloud.password"


def by_invitation(config: Path, invitation: Invitation, ca: Path | None) -> str:
    """Enroll, write [cloud], and return what a person should know. Raises SettingsError."""
    id = concentrator_id(config)
    if invitation.concentrator != id:
        raise SettingsError(
            f"the invitation is for {invitation.concentrator}, but {config} is of {id}; ask for "
            "one with that name, or change concentrator in the configuration"
        )
    lines = [
        "# the destination of readings",
        "[cloud]",
        f'host = "{invitation.broker_host}"',
        f"port = {invitation.broker_port}",
    ]
    if invitation.password:
        password = config.resolve().parent / _LOGIN
        write_file(password, f"{invitation.password}\n".encode(), 0o600)
        lines += [f'user = "{invitation.user}"', f'password_file = "{_LOGIN}"']
        replace_table(config, "cloud", lines, load)
        return f"{config} has the Cloud's broker in [cloud]"
    until, has_ca = _enroll(config, id, invitation.url, invitation.token, ca)
    lines += [
        f'certificate = "{_CERTIFICATE}"',
        f'key = "{_KEY}"',
        f'enroll_url = "{invitation.url}"',
    ]
    if has_ca:
        lines.append(f'ca = "{_CA}"')
    elif is_loopback(invitation.broker_host):
        lines.append("tls = true")
    replace_table(config, "cloud", lines, load)
    return f"the certificate of {id} is valid until {until:%Y-%m-%d}; {config} has it in [cloud]"


def by_token(config: Path, url: str, token: str, ca: Path | None) -> str:
    """Enroll, and return the lines for [cloud]. Raises SettingsError."""
    id = concentrator_id(config)
    until, has_ca = _enroll(config, id, url, token, ca)
    lines = [
        f"the certificate of {id} is valid until {until:%Y-%m-%d}; put this into [cloud]:",
        f'certificate = "{_CERTIFICATE}"\nkey = "{_KEY}"\nenroll_url = "{url}"',
    ]
    if has_ca:
        lines.append(f'ca = "{_CA}"  # if the broker\'s certificate is from the Cloud, too')
    return "\n".join(lines)


def _enroll(
    config: Path, id: str, url: str, token: str, ca: Path | None
) -> tuple[datetime.datetime, bool]:
    folder = config.resolve().parent
    identity = Identity(id, url, folder / _CERTIFICATE, folder / _KEY, ca)
    return enroll(identity, token, folder / _CA)
