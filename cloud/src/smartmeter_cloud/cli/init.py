"""`init`: asks for what a Cloud needs, and writes a commented configuration."""

import secrets
from pathlib import Path

from smartmeter_service.local_zone import own_zone
from smartmeter_service.loopback import is_loopback
from smartmeter_service.prompts import Answers, lines_of, named, prompting
from smartmeter_service.settings_draft import Draft
from smartmeter_service.toml_file import SettingsError

from smartmeter_cloud.config.settings import CLIENT_ID, Retention
from smartmeter_cloud.config.settings_file import load


def draft(a: Answers, folder: Path) -> Draft:
    """Ask, and compose."""
    d = Draft("A Cloud of smart meters; all settings: cloud/README.md", folder)
    host = a.text("broker.host", "Host of the MQTT broker (empty: run one inside `serve`)", "")
    if host:
        _broker(a, d, host)
    else:
        _own_broker(a, d)
    d.table("[store]", "the database, and how many days it keeps readings (0: forever)")
    url = a.text("store.url", "URL of a PostgreSQL database (empty: an SQLite file)", "")
    if url:
        d.put("url", url)
        d.secret(
            "password_file",
            "store.password",
            a.secret("store.password", "Its password (empty: none)"),
        )
    else:
        d.put("path", a.text("store.path", "File of the store", "smartmeter.sqlite"))
    zone = a.text("store.time_zone", "Time zone (a day begins at its midnight)", str(own_zone()))
    d.put("time_zone", zone)
    d.put("keep_readings", a.text("store.keep_readings", "Days to keep readings",
                                  str(Retention.readings)))  # fmt: skip
    d.put("keep_quarters", "0", "slices of 15 minutes; daily slices are always kept")
    d.put("keep_hours", "0")
    _http(a, d)
    return d


def _broker(a: Answers, d: Draft, host: str) -> None:
    d.table("[broker]", "the broker that Concentrators publish to")
    d.put("host", host)
    d.put("port", a.text("broker.port", "Its port (empty: the usual one)", ""))
    if not a.yes("broker.tls", "TLS to the broker?", not is_loopback(host)):
        d.put("tls", "false", "anyone on the network can read everything")
    d.put("ca", a.text("broker.ca", "File of its CA (empty: the system's)", ""))
    certificate = a.text("broker.certificate", "File of our certificate (empty: none)", "")
    if certificate:
        d.put("certificate", certificate)
        d.put("key", a.text("broker.key", "File of its key"))
    user = a.text("broker.user", "Our user there (empty: none)", "")
    if user:
        d.put("user", user)
        d.secret("password_file", "broker.password", a.secret("broker.password", "Its password"))
    d.put("client_id", a.text("broker.client_id", "Client id, different for each ingest",
                              CLIENT_ID))  # fmt: skip
    d.put("group", a.text("broker.group", "Group of several ingest processes (empty: none)", ""))


def _own_broker(a: Answers, d: Draft) -> None:
    d.table("[broker]", "a broker inside `smartmeter-cloud serve`")
    d.put("embedded", "true")
    host = a.text("broker.listen", "Address it listens on", "127.0.0.1")
    d.put("host", host)
    d.put("port", a.text("broker.port", "Its port (empty: the usual one)", ""))
    if not is_loopback(host):
        d.put("certificate", a.text("broker.certificate", "File of its certificate"))
        d.put("key", a.text("broker.key", "File of the certificate's key"))
    d.put("user", a.text("broker.user", "User that Concentrators log in as", "concentrator"))
    given = a.secret("broker.password", "Their password (empty: generate one)")
    d.secret("password_file", "broker.password", given or secrets.token_urlsafe(18))


def _http(a: Answers, d: Draft) -> None:
    d.table("[http]", "the API and the page")
    host = a.text("http.host", "Address of the page", "127.0.0.1")
    d.put("host", host)
    d.put("port", a.text("http.port", "Its port", "8080"))
    if not is_loopback(host):
        certificate = a.text(
            "http.certificate", "File of its certificate (empty: a proxy has it)", ""
        )
        if certificate:
            d.put("certificate", certificate)
            d.put("key", a.text("http.key", "File of the certificate's key"))
        else:
            d.put("tls", "false", "a proxy in front does TLS")
        name = a.text("http.name", "Host name of the page (empty: only its address)", "")
        if name:
            d.lines.append(f'names = ["{name}"]')
        d.put("access", "keys", "the first start prints a link to log in with")


def init(path: Path, settings: list[str], secrets_from: str | None, force: bool) -> None:
    """Asks on a terminal for missing answers; without one, takes the defaults. SettingsError."""
    if path.exists() and not force:
        raise SettingsError(f"{path} exists already; use --force to replace it")
    answers = prompting(named(settings), named(lines_of(secrets_from)))
    made = draft(answers, path.parent)
    answers.check_all_used()
    made.write(path, force, load)
