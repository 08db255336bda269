"""`init`: asks for what a Concentrator needs, and writes a commented configuration."""

import contextlib
import getpass
import os
import re
import secrets
import sys
import tomllib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from smartmeter_service.toml_file import SettingsError

from ..config.settings import is_loopback, load

_YES = ("y", "yes", "true")
_PLAIN = "everybody on the network can read along"


@dataclass
class Answers:
    """What is asked and answered: by name where it was given before, else by a prompt."""

    given: dict[str, str]
    hidden: dict[str, str]
    ask: Callable[[str], str] | None  # None: nobody is there to be asked
    ask_hidden: Callable[[str], str] | None
    used: set[str] = field(default_factory=set)

    def text(self, name: str, question: str, default: str | None = None) -> str:
        """An answer; the default where none is given. SettingsError where there must be one."""
        self.used.add(name)
        if name in self.given:
            return self.given[name]
        if self.ask is None:
            if default is None:
                raise SettingsError(f"{name} is missing: {question}; give it as --set {name}=...")
            return default
        hint = f" [{default}]" if default else ""
        while True:
            answer = self.ask(f"{question}{hint}: ").strip() or (default or "")
            if answer or default is not None:
                return answer

    def yes(self, name: str, question: str, default: bool = False) -> bool:
        return self.text(name, question + " (yes/no)", "yes" if default else "no").lower() in _YES

    def secret(self, name: str, question: str) -> str:
        """A password or key: from --secrets or a prompt that does not show it; "" for none."""
        self.used.add(name)
        if name in self.given:
            raise SettingsError(f"{name} is a secret; give it by --secrets")
        if name in self.hidden:
            return self.hidden[name]
        return self.ask_hidden(f"{question}: ").strip() if self.ask_hidden else ""


def _quoted(text: str) -> str:
    if any(c in text for c in '"\\') or not text.isprintable():
        raise SettingsError(f"{text!r} cannot stand in the configuration; use plain characters")
    return f'"{text}"'


class Draft:
    """The configuration as it grows, and the files of secrets beside it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.secrets: dict[str, str] = {}

    def put(self, key: str, value: str, comment: str = "") -> None:
        if value:
            text = value if re.fullmatch(r"\d+|true|false", value) else _quoted(value)
            self.lines.append(f"{key} = {text}" + (f"  # {comment}" if comment else ""))

    def table(self, name: str, comment: str) -> None:
        self.lines += ["", f"# {comment}", name]

    def secret(self, key: str, name: str, value: str) -> None:
        if value:
            self.secrets[name] = value
            self.put(key, name)


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
    d = Draft()
    d.lines.append("# A Concentrator of smart meters; all settings: gateway/README.md")
    default = "home-" + secrets.token_hex(3)
    d.put("concentrator", a.text("concentrator", "Id of this Concentrator", default))
    d.table("[spool]", "what is not yet delivered rests here; the oldest goes first beyond this")
    d.put("path", a.text("spool.path", "File of the spool", "spool.db"))
    d.put("megabytes", a.text("spool.megabytes", "At most so many megabytes", "1000"))
    d.put("days", a.text("spool.days", "At most so many days", "30"))
    host = a.text("lan.host", "Host of the MQTT broker on the LAN (empty: there is none)", "")
    if host:
        d.table("[lan]", "where adapters publish")
        _broker(a, d, "lan", "the LAN broker", host)
    elif a.yes("lan.embedded", "Run a broker inside the Concentrator, for adapters?"):
        _embedded(a, d)
    number = 1
    while device := a.text(f"port{number}.device", "Serial port with a meter (empty: no more)", ""):
        _port(a, d, f"port{number}", device)
        number += 1
    if "[lan]" not in d.lines and "[[port]]" not in d.lines:
        raise SettingsError(
            "there is nothing to take in; give lan.host, lan.embedded or port1.device"
        )
    host = a.text("cloud.host", "Host of the Cloud's broker (empty: keep all at home)", "")
    if host:
        d.table("[cloud]", "where readings go")
        _broker(a, d, "cloud", "the Cloud's broker", host)
    _home(a, d)
    return d


def _home(a: Answers, d: Draft) -> None:
    if "[lan]" in d.lines and a.yes("homeassistant", "Announce the meters to Home Assistant?"):
        d.table(
            "[homeassistant]", "on the LAN broker; who listens there finds each meter by itself"
        )
        d.put("prefix", "homeassistant")
    if a.yes("http.open", "Show the local page to the home's network, too?"):
        d.table("[http]", "the local page; user home, and the password in the file")
        d.put("host", "0.0.0.0")  # noqa: S104 (asked for, and behind a password)
        password = a.secret("http.password", "Its password (empty: make one)")
        d.secret("password_file", "http.password", password or secrets.token_urlsafe(12))


def _embedded(a: Answers, d: Draft) -> None:
    d.table("[lan]", "a broker in this process; its users are in a file of their own")
    d.put("embedded", "true")
    reached = "Address it listens on (0.0.0.0: adapters on the network reach it)"
    host = a.text("lan.listen", reached, "127.0.0.1")
    d.put("host", host)
    if not is_loopback(host) and not a.yes("lan.tls", "TLS with the adapters?", True):
        d.put("tls", "false", _PLAIN)
    elif certificate := a.text("lan.certificate", "File of its certificate (empty: none)", ""):
        d.put("certificate", certificate)
        d.put("key", a.text("lan.key", "File of the certificate's key"))
    user = a.text("lan.user", "Name of the adapters' user", "adapter")
    password = a.secret("lan.password", "Its password (empty: make one)")
    d.secret("users_file", "lan.users", f"{user}:{password or secrets.token_urlsafe(12)}")


def _port(a: Answers, d: Draft, name: str, device: str) -> None:
    d.table("[[port]]", "a meter on a serial port")
    d.put("device", device)
    d.put(
        "meter", a.text(f"{name}.meter", "Id of that meter, as it is published", str(uuid.uuid4()))
    )
    baud = a.text(f"{name}.baud", "Baud rate (empty: found by trying)", "")
    if baud:
        d.put("baud", baud)
        d.put("parity", a.text(f"{name}.parity", "Parity: none, even, odd", "none"))
    d.secret("key_file", f"{name}.key", a.secret(f"{name}.key", "Key, 32 hex digits (empty: none)"))
    d.secret(
        "auth_key_file",
        f"{name}.auth",
        a.secret(f"{name}.auth", "Authentication key, 32 hex digits (empty: none)"),
    )


def given_by(settings: list[str], stream: Iterator[str] | None) -> tuple[dict[str, str], ...]:
    """(--set NAME=VALUE, NAME=VALUE lines of --secrets)."""
    found: list[dict[str, str]] = []
    for lines in (settings, stream or ()):
        answers: dict[str, str] = {}
        for line in lines:
            name, equals, value = line.strip().partition("=")
            if not name and not equals:
                continue
            if not equals:
                raise SettingsError("an answer is given as NAME=VALUE, a line each")
            answers[name.strip()] = value.strip()
        found.append(answers)
    return tuple(found)


def answers_in(path: Path) -> dict[str, str]:
    """The answers in a TOML file, by their names: [lan] host is lan.host, the first [[port]]'s
    device port1.device."""
    with _opened(str(path)) as file:
        try:
            document = tomllib.loads(file.read())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as why:
            raise SettingsError(f"{path} is not TOML: {why}") from None
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


def write(d: Draft, config: Path, force: bool) -> None:
    """Write all files, secrets readable by their owner alone; the configuration last, and only if
    it is a right one."""
    if config.exists() and not force:
        raise SettingsError(f"{config} is there already; use --force to replace it")
    written: list[Path] = []
    try:
        config.parent.mkdir(parents=True, exist_ok=True)
        for name, text in d.secrets.items():
            path = config.parent / name
            if path.exists() and not force:
                raise SettingsError(f"{path} is there already; use --force to replace it")
            _write(path, text + "\n", 0o600)
            written.append(path)
        new = config.with_name(config.name + ".new")
        _write(new, "\n".join(d.lines) + "\n", 0o644)
        written.append(new)
        try:
            load(new)
        except SettingsError as why:
            raise SettingsError(str(why).replace(str(new), str(config))) from None
        new.replace(config)
    except OSError as why:
        _undo(written)
        raise SettingsError(f"{why.filename}: {(why.strerror or str(why)).lower()}") from None
    except SettingsError:
        _undo(written)
        raise


def _write(path: Path, text: str, mode: int) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as f:
        os.fchmod(f.fileno(), mode)
        f.write(text)


def _undo(paths: list[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()


def init(
    config: Path,
    settings: list[str],
    answers_from: Path | None,
    secrets_from: str | None,
    force: bool,
) -> list[Path]:
    """Ask on a terminal for what was not given; without one, take the defaults.

    The files with secrets that were written beside the configuration.
    """
    if config.exists() and not force:
        raise SettingsError(f"{config} is there already; use --force to replace it")
    stream = None
    if secrets_from is not None:
        stream = sys.stdin if secrets_from == "-" else _opened(secrets_from)
    given, hidden = given_by(settings, iter(stream.read().splitlines()) if stream else None)
    given = (answers_in(answers_from) if answers_from else {}) | given
    asks = sys.stdin.isatty() and not given
    answers = Answers(given, hidden, input if asks else None, getpass.getpass if asks else None)
    made = draft(answers)
    unknown = sorted({*given, *hidden} - answers.used)
    if unknown:
        raise SettingsError(
            f"{unknown[0]} was not asked for; asked were {', '.join(sorted(answers.used))}"
        )
    write(made, config, force)
    return [config.parent / name for name in made.secrets]


def _opened(name: str) -> TextIO:
    try:
        return open(name, encoding="utf-8-sig")
    except OSError as why:
        raise SettingsError(f"{name}: {(why.strerror or str(why)).lower()}") from None
