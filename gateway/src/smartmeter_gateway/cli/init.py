"""`init`: asks for the settings of a Concentrator, and writes a commented configuration."""

import secrets
import uuid
from pathlib import Path

from smartmeter.meters import zone_names
from smartmeter_service.local_zone import own_zone
from smartmeter_service.loopback import is_loopback
from smartmeter_service.prompts import Answers, lines_of, named, prompting
from smartmeter_service.settings_draft import Draft
from smartmeter_service.toml_file import SettingsError, TomlFile

from ..config.settings_file import load

_PLAIN = "anyone on the network can read everything"


def _broker(a: Answers, d: Draft, table: str, what: str, host: str) -> None:
    d.put("host", host)
    a_port = a.text(f"{table}.port", f"Port of {what} (empty: the usual one)", "")
    d.put("port", a_port)
    if not is_loopback(host) and not a.yes(f"{table}.tls", f"TLS to {what}?", True):
        d.put("tls", "false", _PLAIN)
    d.put("ca", a.text(f"{table}.ca", "File of its CA (empty: the system's)", ""))
    if table == "cloud":
        certificate = a.text("cloud.certificate", "File of our certificate (empty: none)", "")
        if certificate:
            d.put("certificate", certificate)
            d.put("key", a.text("cloud.key", "File of its key"))
            return
    user = a.text(f"{table}.user", f"User at {what} (empty: none)", "")
    if user:
        d.put("user", user)
        d.secret("password_file", f"{table}.password", a.secret(f"{table}.password", "Password"))


def draft(a: Answers) -> Draft:
    """Ask, and compose."""
    d = Draft("A Concentrator of smart meters; all settings: gateway/README.md")
    default = "home-" + secrets.token_hex(3)
    d.put("concentrator", a.text("concentrator", "Id of this Concentrator", default))
    d.table("[spool]", "undelivered readings; above these limits the oldest are deleted")
    d.put("path", a.text("spool.path", "File of the spool", "spool.db"))
    d.put("megabytes", a.text("spool.megabytes", "Maximum size in megabytes", "1000"))
    d.put("days", a.text("spool.days", "Maximum age in days", "30"))
    host = a.text("lan.host", "Host of the MQTT broker on the LAN (empty: none)", "")
    if host:
        d.table("[lan]", "the broker that adapters publish to")
        _broker(a, d, "lan", "the LAN broker", host)
    elif a.yes("lan.embedded", "Run a broker inside the Concentrator, for adapters?"):
        _embedded(a, d)
    number = 1
    while device := a.text(f"port{number}.device", "Serial port with a meter (empty: no more)", ""):
        _port(a, d, f"port{number}", device)
        number += 1
    if "[lan]" not in d.lines and "[[port]]" not in d.lines:
        raise SettingsError(
            "there is no source of readings; give lan.host, lan.embedded or port1.device"
        )
    host = a.text("cloud.host", "Host of the Cloud's broker (empty: keep everything at home)", "")
    if host:
        d.table("[cloud]", "the destination of readings")
        _broker(a, d, "cloud", "the Cloud's broker", host)
    _home(a, d)
    return d


def _home(a: Answers, d: Draft) -> None:
    if "[lan]" in d.lines and a.yes("homeassistant", "Announce the meters to Home Assistant?"):
        d.table("[homeassistant]", "announces each meter on the LAN broker")
        d.put("prefix", "homeassistant")
    if a.yes("http.open", "Show the local page to the home's network, too?"):
        d.table("[http]", "the local page; user home, and the password in the file")
        d.put("host", "0.0.0.0")  # noqa: S104 (asked for, and behind a password)
        password = a.secret(
            "http.password", "Its password, 12 characters or more (empty: generate one)"
        )
        d.secret("password_file", "http.password", password or secrets.token_urlsafe(12))


def _embedded(a: Answers, d: Draft) -> None:
    d.table("[lan]", "a broker in this process; its users are in a separate file")
    d.put("embedded", "true")
    reached = "Address it listens on (0.0.0.0: adapters on the network reach it)"
    host = a.text("lan.listen", reached, "127.0.0.1")
    d.put("host", host)
    if not is_loopback(host) and not a.yes(
        "lan.tls", "TLS between adapters and this broker?", True
    ):
        d.put("tls", "false", _PLAIN)
    elif certificate := a.text("lan.certificate", "File of its certificate (empty: none)", ""):
        d.put("certificate", certificate)
        d.put("key", a.text("lan.key", "File of the certificate's key"))
    user = a.text("lan.user", "Name of the adapters' user", "adapter")
    password = a.secret("lan.password", "Its password (empty: generate one)")
    d.secret("users_file", "lan.users", f"{user}:{password or secrets.token_urlsafe(12)}")


def _port(a: Answers, d: Draft, name: str, device: str) -> None:
    d.table("[[port]]", "a meter on a serial port")
    d.put("device", device)
    d.put("meter", a.text(f"{name}.meter", "Id of this meter in all topics", str(uuid.uuid4())))
    baud = a.text(f"{name}.baud", "Baud rate (empty: detect it)", "")
    if baud:
        d.put("baud", baud)
        d.put("parity", a.text(f"{name}.parity", "Parity: none, even, odd", "none"))
    d.put("zone", a.text(f"{name}.zone", "Time zone of the meter's clock", _zone()))
    d.secret("key_file", f"{name}.key", a.secret(f"{name}.key", "Key, 32 hex digits (empty: none)"))
    d.secret(
        "auth_key_file",
        f"{name}.auth",
        a.secret(f"{name}.auth", "Authentication key, 32 hex digits (empty: none)"),
    )


def _zone() -> str:
    """This machine's zone, since the meter is near it; else that of most meters."""
    own = str(own_zone())
    return own if own in zone_names.names() else "Europe/Vienna"


def answers_in(path: Path) -> dict[str, str]:
    """The answers in a TOML file, by their names: [lan] host is lan.host, the first [[port]]'s
    device port1.device."""
    document = TomlFile(path).values
    answers: dict[str, str] = {}
    for name, value in document.items():
        tables = value if isinstance(value, list) else [value]
        for number, table in enumerate(tables, start=1):
            prefix = f"{name}{number}" if isinstance(value, list) else name
            entries = table.items() if isinstance(table, dict) else [("", table)]
            for key, answer in entries:
                text = str(answer).lower() if isinstance(answer, bool) else str(answer)
                answers[f"{prefix}.{key}" if key else prefix] = text
    return answers


def init(
    config: Path,
    settings: list[str],
    answers_from: Path | None,
    secrets_from: str | None,
    force: bool,
) -> list[Path]:
    """Ask on a terminal for missing answers; without one, take the defaults.

    The files with secrets that were written beside the configuration.
    """
    if config.exists() and not force:
        raise SettingsError(f"{config} exists already; use --force to replace it")
    given = named(settings)
    if answers_from:
        given = answers_in(answers_from) | given
    answers = prompting(given, named(lines_of(secrets_from)))
    made = draft(answers)
    answers.check_all_used()
    made.write(config, force, load)
    return [config.parent / name for name in made.secrets]
