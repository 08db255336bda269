"""`init`: asks for the settings of a Concentrator, and writes a commented configuration."""

import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path

from smartmeter.meters import zone_names
from smartmeter_service.local_zone import own_zone
from smartmeter_service.loopback import is_loopback
from smartmeter_service.prompts import Answers, kept, lines_of, named, prompting
from smartmeter_service.settings_draft import Draft
from smartmeter_service.toml_file import SettingsError, TomlFile

from ..config.settings import MeterKey, PortSettings
from ..config.settings_file import (
    PASSWORD_MIN,
    BrokerTable,
    CloudTable,
    EmbeddedTable,
    IdTable,
    SpoolTable,
    load,
)
from ..provisioning import invitation
from ..provisioning.lan_authority import LanAuthority
from . import enroll, first_questions, serial_scan
from .first_questions import INVITATION

_PLAIN = "anyone on the network can read everything"


def _broker(a: Answers, d: Draft, table: str, what: str, host: str) -> None:
    kind = CloudTable if table == "cloud" else BrokerTable
    d.put("host", host)
    question = f"Port of {what} (empty: the usual one)"
    d.put("port", a.text(f"{table}.port", question, "", d.check(kind, "port")))
    if not is_loopback(host) and not a.yes(f"{table}.tls", f"TLS to {what}?", True):
        d.put("tls", "false", _PLAIN)
    question = "File of its CA (empty: the system's)"
    d.put("ca", a.text(f"{table}.ca", question, "", d.check(kind, "ca")))
    if table == "cloud":
        question = "File of our certificate (empty: none)"
        check = d.check(kind, "certificate")
        certificate = a.text("cloud.certificate", question, "", check)
        if certificate:
            d.put("certificate", certificate)
            d.put("key", a.text("cloud.key", "File of its key", None, d.check(kind, "key")))
            return
    user = a.text(f"{table}.user", f"User at {what} (empty: none)", "", d.check(kind, "user"))
    if user:
        d.put("user", user)
        d.secret("password_file", f"{table}.password", a.secret(f"{table}.password", "Password"))


def draft(a: Answers, folder: Path) -> Draft:
    """Ask, and compose. folder: of the configuration."""
    d = Draft("A Concentrator of smart meters; all settings: gateway/README.md", folder)
    default = "home-" + secrets.token_hex(3)
    check = d.check(IdTable, "concentrator")
    d.put("concentrator", a.text("concentrator", "Id of this Concentrator", default, check))
    d.table("[spool]", "undelivered readings; above these limits the oldest are deleted")
    for key, question, default in (
        ("path", "File of the spool", "spool.db"),
        ("megabytes", "Maximum size in megabytes", "1000"),
        ("days", "Maximum age in days", "30"),
    ):
        d.put(key, a.text(f"spool.{key}", question, default, d.check(SpoolTable, key)))
    question = "Host of the MQTT broker on the LAN (empty: none)"
    host = a.text("lan.host", question, "", d.check_first(BrokerTable, "host"))
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
    if not a.proposed_secrets.get(INVITATION):
        question = "Host of the Cloud's broker (empty: keep everything at home)"
        host = a.text("cloud.host", question, "", d.check_first(CloudTable, "host"))
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
            "http.password",
            f"Its password, {PASSWORD_MIN} characters or more (empty: generate one)",
            _check_page_password,
        )
        d.secret("password_file", "http.password", password or secrets.token_urlsafe(12))


def _check_page_password(text: str) -> None:
    if len(text) < PASSWORD_MIN:
        raise ValueError(f"a password has at least {PASSWORD_MIN} characters")


def _embedded(a: Answers, d: Draft) -> None:
    d.table("[lan]", "a broker in this process; its users are in a separate file")
    d.put("embedded", "true")
    reached = "Address it listens on (0.0.0.0: adapters on the network reach it)"
    check = d.check(EmbeddedTable, "host")
    host = a.text("lan.listen", reached, "127.0.0.1", check)
    d.put("host", host)
    if not is_loopback(host) and not a.yes(
        "lan.tls", "TLS between adapters and this broker?", True
    ):
        d.put("tls", "false", _PLAIN)
    else:
        question = "File of its certificate (empty: make a CA and a certificate)"
        check = d.check(EmbeddedTable, "certificate")
        certificate = a.text("lan.certificate", question, "", check)
        if certificate:
            d.put("certificate", certificate)
            question = "File of the certificate's key"
            d.put("key", a.text("lan.key", question, None, d.check(EmbeddedTable, "key")))
        elif not is_loopback(host):
            authority = LanAuthority(d.folder)
            d.put("certificate", authority.certificate.name)
            d.put("key", authority.key.name, "both from our own CA, lan-ca.crt")
            d.needs_authority = True
    user = a.text("lan.user", "Name of the adapters' user", "adapter", _check_user)
    password = a.secret("lan.password", "Its password (empty: generate one)")
    d.secret("users_file", "lan.users", f"{user}:{password or secrets.token_urlsafe(12)}")


def _check_user(text: str) -> None:
    if ":" in text:
        raise ValueError("a name has no colon")


def _port(a: Answers, d: Draft, name: str, device: str) -> None:
    def text(key: str, question: str, default: str) -> str:
        answer = a.text(f"{name}.{key}", question, default, d.check(PortSettings, key))
        d.put(key, answer)
        return answer

    d.table("[[port]]", "a meter on a serial port")
    d.put("device", device)
    text("meter", "Id of this meter in all topics", str(uuid.uuid4()))
    if text("baud", "Baud rate (empty: detect it)", ""):
        text("parity", "Parity: none, even, odd", "none")
    text("poll", "How to ask a meter that sends nothing by itself: no, sign-on, m-bus", "no")
    text("zone", "Time zone of the meter's clock", _zone())
    key = a.secret(f"{name}.key", "Key, 32 hex digits (empty: none)", MeterKey.from_text)
    d.secret("key_file", f"{name}.key", key)
    key = a.secret(
        f"{name}.auth", "Authentication key, 32 hex digits (empty: none)", MeterKey.from_text
    )
    d.secret("auth_key_file", f"{name}.auth", key)


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


@dataclass(frozen=True)
class Made:
    """What init() has written beside the configuration, and what to say about it."""

    secrets: list[Path]
    says: list[str]
    pairs: bool  # whether adapters can be paired


def init(
    config: Path,
    settings: list[str],
    answers_from: Path | None,
    secrets_from: str | None,
    force: bool,
    advanced: bool,
) -> Made:
    """Ask on a terminal for missing answers; without one, take the defaults.

    advanced: ask for everything, not only the three questions.

    Raises SettingsError. If a person cancels, the answers are kept for the next time, and
    KeyboardInterrupt or EOFError goes on.
    """
    if config.exists() and not force:
        raise SettingsError(f"{config} exists already; use --force to replace it")
    given = named(settings)
    if answers_from:
        given = answers_in(answers_from) | given
    answers = prompting(given, named(lines_of(secrets_from)))
    with kept(answers, config):
        return _init(config, answers, force, advanced)


def _init(config: Path, answers: Answers, force: bool, advanced: bool) -> Made:
    person = answers.person
    if person:
        first_questions.ask(answers, serial_scan.heard)
        if not advanced:
            answers.person = None
    made = draft(answers, config.parent)
    answers.person = person
    answers.check_all_used()
    if made.needs_authority:
        _prepare(LanAuthority(config.parent))
    made.write(config, force, load)
    says = []
    if line := answers.proposed_secrets.get(INVITATION):
        try:
            says.append(enroll.by_invitation(config, invitation.parse(line), None))
        except SettingsError as why:
            says.append(f"The Cloud is not in the settings yet: {why}")
            says.append(f"Then type: smartmeter-gateway enroll --config {config}")
    return Made([config.parent / name for name in made.secrets], says, made.needs_authority)


def _prepare(authority: LanAuthority) -> None:
    try:
        authority.folder.mkdir(parents=True, exist_ok=True)
        authority.prepare()
    except (OSError, ValueError) as why:
        raise SettingsError(f"the LAN broker's certificate cannot be made: {why}") from None
