"""`init`: asks for what a Cloud needs, and writes a commented configuration."""

import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

from smartmeter_service.local_zone import own_zone
from smartmeter_service.loopback import is_loopback
from smartmeter_service.own_addresses import own_addresses
from smartmeter_service.prompts import Answers, kept, lines_of, named, prompting
from smartmeter_service.settings_draft import Draft
from smartmeter_service.toml_file import SettingsError

from smartmeter_cloud.config.settings import CLIENT_ID, Retention
from smartmeter_cloud.config.settings_file import (
    BrokerTable,
    HttpTable,
    OwnBrokerTable,
    StoreTable,
    load,
)
from smartmeter_cloud.pki.authority import Authority, AuthorityError

_AUTHORITY = "authority"
_DAYS = 730  # of the certificates that init makes; `certificate` makes them again
_EVERYWHERE = "0.0.0.0"  # noqa: S104 (asked for; TLS and keys are on)
_HERE, _NETWORK = "here", "network"


def _first_questions(a: Answers) -> None:
    """Asks a person. The answers become proposals for the questions that "advanced" asks."""
    assert a.person is not None
    a.person.say("1. Who may reach this Cloud?")
    options = [
        (_HERE, "only programs on this machine"),
        (_NETWORK, "Concentrators and browsers on the network"),
    ]
    if a.choice("reach", "Number", options, _NETWORK) == _NETWORK:
        default = next(iter(own_addresses()), socket.gethostname())
        question = "2. Name or address by which others reach this machine"
        name = a.text("reach.name", question, default)
        a.proposed |= {
            "broker.listen": _EVERYWHERE,
            "http.host": _EVERYWHERE,
            "http.port": "8443",
            "http.name": name,
        }
    question = "3. Time zone of the households (a day begins at its midnight)"
    a.text("store.time_zone", question, str(own_zone()), _check_zone)


def _check_zone(text: str) -> None:
    try:
        ZoneInfo(text)
    except (OSError, ValueError, LookupError):
        raise ValueError("that is not the name of a time zone such as Europe/Vienna") from None


def draft(a: Answers, folder: Path) -> Draft:
    """Ask, and compose."""
    d = Draft("A Cloud of smart meters; all settings: cloud/README.md", folder)
    question = "Host of the MQTT broker (empty: run one inside `serve`)"
    host = a.text("broker.host", question, "", d.check_first(BrokerTable, "host"))
    if host:
        _broker(a, d, host)
    else:
        _own_broker(a, d)
    d.table("[store]", "the database, and how many days it keeps readings (0: forever)")
    question = "URL of a PostgreSQL database (empty: an SQLite file)"
    url = a.text("store.url", question, "", d.check(StoreTable, "url"))
    if url:
        d.put("url", url)
        d.secret(
            "password_file",
            "store.password",
            a.secret("store.password", "Its password (empty: none)"),
        )
    else:
        check = d.check(StoreTable, "path")
        d.put("path", a.text("store.path", "File of the store", "smartmeter.sqlite", check))
    question = "Time zone (a day begins at its midnight)"
    d.put("time_zone", a.text("store.time_zone", question, str(own_zone()), _check_zone))
    check = d.check(StoreTable, "keep_readings")
    days = a.text("store.keep_readings", "Days to keep readings", str(Retention.readings), check)
    d.put("keep_readings", days)
    d.put("keep_quarters", "0", "slices of 15 minutes; daily slices are always kept")
    d.put("keep_hours", "0")
    _http(a, d)
    return d


def _broker(a: Answers, d: Draft, host: str) -> None:
    d.table("[broker]", "the broker that Concentrators publish to")
    d.put("host", host)
    check = d.check(BrokerTable, "port")
    d.put("port", a.text("broker.port", "Its port (empty: the usual one)", "", check))
    if not a.yes("broker.tls", "TLS to the broker?", not is_loopback(host)):
        d.put("tls", "false", "anyone on the network can read everything")
    check = d.check(BrokerTable, "ca")
    d.put("ca", a.text("broker.ca", "File of its CA (empty: the system's)", "", check))
    check = d.check(BrokerTable, "certificate")
    certificate = a.text("broker.certificate", "File of our certificate (empty: none)", "", check)
    if certificate:
        d.put("certificate", certificate)
        d.put("key", a.text("broker.key", "File of its key", None, d.check(BrokerTable, "key")))
    user = a.text("broker.user", "Our user there (empty: none)", "")
    if user:
        d.put("user", user)
        d.secret("password_file", "broker.password", a.secret("broker.password", "Its password"))
    question = "Client id, different for each ingest"
    check = d.check(BrokerTable, "client_id")
    d.put("client_id", a.text("broker.client_id", question, CLIENT_ID, check))
    question = "Group of several ingest processes (empty: none)"
    d.put("group", a.text("broker.group", question, "", d.check(BrokerTable, "group")))


def _own_broker(a: Answers, d: Draft) -> None:
    d.table("[broker]", "a broker inside `smartmeter-cloud serve`")
    d.put("embedded", "true")
    check = d.check(OwnBrokerTable, "host")
    host = a.text("broker.listen", "Address it listens on", "127.0.0.1", check)
    d.put("host", host)
    check = d.check(OwnBrokerTable, "port")
    d.put("port", a.text("broker.port", "Its port (empty: the usual one)", "", check))
    if not is_loopback(host):
        question = "File of its certificate (empty: make one)"
        check = d.check(OwnBrokerTable, "certificate")
        certificate = a.text("broker.certificate", question, "", check)
        if certificate:
            d.put("certificate", certificate)
            question = "File of the certificate's key"
            d.put("key", a.text("broker.key", question, None, d.check(OwnBrokerTable, "key")))
        else:
            d.needs_authority = True
            d.put("certificate", f"{_AUTHORITY}/broker.crt")
            d.put("key", f"{_AUTHORITY}/broker.key")
            d.put("client_ca", f"{_AUTHORITY}/ca.crt", "Concentrators log in by certificate")
    d.put("user", a.text("broker.user", "User that Concentrators log in as", "concentrator"))
    given = a.secret("broker.password", "Their password (empty: generate one)")
    d.secret("password_file", "broker.password", given or secrets.token_urlsafe(18))


def _http(a: Answers, d: Draft) -> None:
    d.table("[http]", "the API and the page")
    host = a.text("http.host", "Address of the page", "127.0.0.1", d.check(HttpTable, "host"))
    d.put("host", host)
    d.put("port", a.text("http.port", "Its port", "8080", d.check(HttpTable, "port")))
    if not is_loopback(host):
        question = "File of its certificate (empty: make one; none: a proxy has it)"
        certificate = a.text("http.certificate", question, "", _check_certificate(d))
        if certificate == "none":
            d.put("tls", "false", "a proxy in front does TLS")
        elif certificate:
            d.put("certificate", certificate)
            question = "File of the certificate's key"
            d.put("key", a.text("http.key", question, None, d.check(HttpTable, "key")))
        else:
            d.needs_authority = True
            d.put("certificate", f"{_AUTHORITY}/page.crt")
            d.put("key", f"{_AUTHORITY}/page.key")
        name = a.text("http.name", "Host name of the page (empty: only its address)", "")
        if name:
            d.lines.append(f'names = ["{name}"]')
        d.put("access", "keys", "the first start prints a link to log in with")


def _check_certificate(d: Draft) -> Callable[[str], None]:
    check = d.check(HttpTable, "certificate")
    return lambda text: None if text == "none" else check(text)


def _make_certificates(d: Draft, answers: Answers) -> None:
    """The CA, and certificates of broker and page where the settings name them."""
    name = answers.given.get("http.name") or answers.proposed.get("http.name") or ""
    machine = socket.gethostname()
    hosts = dict.fromkeys(
        filter(
            None, (name, machine, f"{machine}.local", "localhost", "127.0.0.1", *own_addresses())
        )
    )
    authority = Authority(d.folder / _AUTHORITY, 0)
    text = "\n".join(d.lines)
    try:
        for part in ("broker", "page"):
            if f"{_AUTHORITY}/{part}.crt" in text:
                authority.issue_files(part, tuple(hosts), _DAYS)
    except (AuthorityError, OSError) as why:
        raise SettingsError(f"the certificates cannot be made: {why}") from None


def init(
    path: Path, settings: list[str], secrets_from: str | None, force: bool, advanced: bool
) -> None:
    """Asks on a terminal for missing answers; without one, takes the defaults.

    advanced: asks for everything, not only the three questions.

    Raises SettingsError. If a person cancels, the answers are kept for the next time, and
    KeyboardInterrupt or EOFError goes on.
    """
    if path.exists() and not force:
        raise SettingsError(f"{path} exists already; use --force to replace it")
    answers = prompting(named(settings), named(lines_of(secrets_from)))
    with kept(answers, path):
        _init(path, answers, force, advanced)


def _init(path: Path, answers: Answers, force: bool, advanced: bool) -> None:
    person = answers.person
    if person:
        _first_questions(answers)
        if not advanced:
            answers.person = None
    made = draft(answers, path.parent)
    answers.person = person
    answers.check_all_used()
    if made.needs_authority:
        _make_certificates(made, answers)
    made.write(path, force, load)
