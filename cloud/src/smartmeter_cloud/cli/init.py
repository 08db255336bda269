"""`init`: asks for what a Cloud needs, and writes a commented configuration."""

import contextlib
import getpass
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from smartmeter_service.toml_file import SettingsError

from smartmeter_cloud.config.settings import CLIENT_ID, LOOPBACK, Retention, own_zone
from smartmeter_cloud.config.settings_file import load

_YES = ("y", "yes", "true")


@dataclass
class Answers:
    """What was given by name; the rest is asked for, or taken as by default where nobody is."""

    given: dict[str, str]
    hidden: dict[str, str]
    ask: Callable[[str], str] | None = None  # None: nobody is there to be asked
    ask_hidden: Callable[[str], str] | None = None
    used: set[str] = field(default_factory=set)

    def text(self, name: str, question: str, default: str = "") -> str:
        self.used.add(name)
        if name in self.given:
            return self.given[name]
        if self.ask is None:
            return default
        hint = f" [{default}]" if default else ""
        return self.ask(f"{question}{hint}: ").strip() or default

    def yes(self, name: str, question: str, default: bool) -> bool:
        answer = self.text(name, question + " (yes/no)", "yes" if default else "no")
        return answer.lower() in _YES

    def secret(self, name: str, question: str) -> str:
        """From --secrets or a prompt that does not show it; "" for none."""
        self.used.add(name)
        if name in self.hidden:
            return self.hidden[name]
        return self.ask_hidden(f"{question}: ").strip() if self.ask_hidden else ""


class Draft:
    """The configuration as it grows, and the files of secrets beside it."""

    def __init__(self) -> None:
        self.lines = ["# A Cloud of smart meters; all settings: cloud/README.md"]
        self.secrets: dict[str, str] = {}

    def table(self, name: str, comment: str) -> None:
        self.lines += ["", f"# {comment}", f"[{name}]"]

    def put(self, key: str, value: str, comment: str = "") -> None:
        """Nothing where the value is empty."""
        if not value:
            return
        plain = re.fullmatch(r"\d+|true|false", value)
        if not plain and (not value.isprintable() or '"' in value or "\\" in value):
            raise SettingsError(
                f"{value!r} cannot stand in the configuration; use plain characters"
            )
        text = value if plain else f'"{value}"'
        self.lines.append(f"{key} = {text}" + (f"  # {comment}" if comment else ""))

    def password(self, file: str, value: str) -> None:
        if value:
            self.secrets[file] = value
            self.put("password_file", file)


def draft(a: Answers) -> Draft:
    """Ask, and compose."""
    d = Draft()
    host = a.text("broker.host", "Host of the MQTT broker (empty: run one inside `serve`)")
    if host:
        _broker(a, d, host)
    else:
        _own_broker(a, d)
    d.table("store", "where readings are kept, and for how many days (0: for ever)")
    url = a.text("store.url", "URL of a PostgreSQL database (empty: a file of its own)")
    if url:
        d.put("url", url)
        d.password("store.password", a.secret("store.password", "Its password (empty: none)"))
    else:
        d.put("path", a.text("store.path", "File of the store", "smartmeter.sqlite"))
    zone = a.text("store.time_zone", "Time zone whose midnight begins a day", str(own_zone()))
    d.put("time_zone", zone)
    d.put("keep_readings", a.text("store.keep_readings", "Days to keep readings",
                                  str(Retention.readings)))  # fmt: skip
    d.put("keep_quarters", "0", "slices of 15 minutes; those of days are always kept")
    d.put("keep_hours", "0")
    _http(a, d)
    return d


def _broker(a: Answers, d: Draft, host: str) -> None:
    d.table("broker", "where Concentrators publish")
    d.put("host", host)
    d.put("port", a.text("broker.port", "Its port (empty: the usual one)"))
    if not a.yes("broker.tls", "TLS to the broker?", host not in LOOPBACK):
        d.put("tls", "false", "everybody on the network can read along")
    d.put("ca", a.text("broker.ca", "File of its CA (empty: the system's)"))
    certificate = a.text("broker.certificate", "File of our certificate (empty: none)")
    if certificate:
        d.put("certificate", certificate)
        d.put("key", a.text("broker.key", "File of its key"))
    user = a.text("broker.user", "Our user there (empty: none)")
    if user:
        d.put("user", user)
        d.password("broker.password", a.secret("broker.password", "Its password"))
    d.put("client_id", a.text("broker.client_id", "Client id, of its own for each ingest",
                              CLIENT_ID))  # fmt: skip
    d.put("group", a.text("broker.group", "Group, where several ingests share (empty: none)"))


def _own_broker(a: Answers, d: Draft) -> None:
    d.table("broker", "a broker inside `smartmeter-cloud serve`")
    d.put("embedded", "true")
    host = a.text("broker.listen", "Address it listens on", "127.0.0.1")
    d.put("host", host)
    d.put("port", a.text("broker.port", "Its port (empty: the usual one)"))
    if host not in LOOPBACK:
        d.put("certificate", a.text("broker.certificate", "File of its certificate"))
        d.put("key", a.text("broker.key", "File of the certificate's key"))
    d.put("user", a.text("broker.user", "User that Concentrators log in as", "concentrator"))
    given = a.secret("broker.password", "Their password (empty: make one)")
    d.password("broker.password", given or secrets.token_urlsafe(18))


def _http(a: Answers, d: Draft) -> None:
    d.table("http", "the API and the page")
    host = a.text("http.host", "Address of the page", "127.0.0.1")
    d.put("host", host)
    d.put("port", a.text("http.port", "Its port", "8080"))
    if host not in LOOPBACK:
        certificate = a.text("http.certificate", "File of its certificate (empty: a proxy has it)")
        if certificate:
            d.put("certificate", certificate)
            d.put("key", a.text("http.key", "File of the certificate's key"))
        else:
            d.put("tls", "false", "a proxy in front does TLS")
        name = a.text("http.name", "Host name the page is called by (empty: only its address)")
        if name:
            d.lines.append(f'names = ["{name}"]')
        d.put("access", "keys", "the first start prints a link to log in with")


def init(path: Path, settings: list[str], secrets_from: str | None, force: bool) -> None:
    """Asks on a terminal for what was not given; without one, takes the defaults. SettingsError."""
    if path.exists() and not force:
        raise SettingsError(f"{path} is there already; use --force to replace it")
    given, hidden = _pairs(settings), _pairs(_lines(secrets_from))
    asks = sys.stdin.isatty() and not given and not hidden
    answers = Answers(given, hidden, input if asks else None, getpass.getpass if asks else None)
    made = draft(answers)
    for name in sorted({*given, *hidden} - answers.used):
        raise SettingsError(
            f"{name} is not one of the questions, which are {', '.join(sorted(answers.used))}"
        )
    _write_all(made, path, force)


def _lines(name: str | None) -> list[str]:
    if name is None:
        return []
    try:
        return (sys.stdin.read() if name == "-" else Path(name).read_text()).splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise SettingsError(f"--secrets: {name} cannot be read: {e}") from None


def _pairs(lines: Iterable[str]) -> dict[str, str]:
    found = {}
    for line in filter(None, map(str.strip, lines)):
        name, equals, value = line.partition("=")
        if not equals:
            raise SettingsError("an answer is given as NAME=VALUE, one a line")
        found[name.strip()] = value.strip()
    return found


def _write_all(d: Draft, path: Path, force: bool) -> None:
    """All files or none; the configuration last, and only if it is a right one."""
    folder = path.resolve().parent
    new = path.with_name(path.name + ".new")
    for name in d.secrets:
        if (folder / name).exists() and not force:
            raise SettingsError(f"{folder / name} is there already; use --force to replace it")
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in d.secrets.items():
            written.append(folder / name)
            _write(folder / name, text + "\n", 0o600)
        written.append(new)
        _write(new, "\n".join(d.lines) + "\n", 0o644)
        try:
            load(new)
        except SettingsError as e:
            raise SettingsError(e.reason) from None
        new.replace(path)
    except (OSError, SettingsError) as e:
        for one in written:
            with contextlib.suppress(OSError):
                one.unlink()
        if isinstance(e, OSError):
            raise SettingsError(f"{e.filename} cannot be written: {e.strerror}") from None
        raise


def _write(path: Path, text: str, mode: int) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as f:
        os.fchmod(f.fileno(), mode)
        f.write(text)
