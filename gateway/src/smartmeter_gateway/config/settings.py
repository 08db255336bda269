"""The settings of a Concentrator: one TOML file, secrets only in files beside it."""

import ipaddress
from dataclasses import dataclass, field, replace
from pathlib import Path

from smartmeter.dialog.polling import Poller
from smartmeter.dialog.signon import SignOn
from smartmeter.meters import profile_settings
from smartmeter.receiver import LINKS
from smartmeter.wire import topics
from smartmeter.wire.texts import is_code

from .toml_reader import SettingsError, SettingsFile, Table

_TABLES = ("lan", "cloud", "spool", "port", "meter", "http", "homeassistant")
# poll: how a meter is asked that tells only then
ASKS: dict[str, type[SignOn] | type[Poller]] = {"sign-on": SignOn, "m-bus": Poller}
_PARITIES = {"none": "N", "even": "E", "odd": "O"}

__all__ = ["BrokerSettings", "Config", "EmbeddedSettings", "PortSettings", "SettingsError", "load"]


@dataclass(frozen=True)
class BrokerSettings:
    """How to reach a broker. tls False only off a loopback where the file says so by name."""

    host: str
    port: int
    tls: bool = False
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    five: bool = True  # whether MQTT 5 is worth a try
    enroll_url: str | None = None  # who renews the certificate
    resend_after: int = 10  # seconds without the Cloud's receipt until a message is sent again


@dataclass(frozen=True)
class EmbeddedSettings:
    """A broker inside this process. users: name -> password."""

    host: str
    port: int
    users: dict[str, str] = field(repr=False)
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True)
class PortSettings:
    """A serial port with a meter on it. baud None: find baud rate and parity by trying."""

    device: str
    meter: str
    baud: int | None = None
    bits: int = 8
    parity: str = "N"
    stop: int = 1
    key: bytes | None = field(default=None, repr=False)
    auth_key: bytes | None = field(default=None, repr=False)
    link: str | None = None
    profile: str | None = None
    values: tuple[str, ...] | None = None
    asks: str = ""  # for a meter that tells only when asked: one of ASKS
    interval: int = 10  # seconds between two readouts that are asked for
    address: str = ""


@dataclass(frozen=True)
class MeterSettings:
    """A meter whose adapter hands on telegrams unopened."""

    id: str
    key: bytes | None = field(default=None, repr=False)
    auth_key: bytes | None = field(default=None, repr=False)
    link: str | None = None
    profile: str | None = None
    values: tuple[str, ...] | None = None


@dataclass(frozen=True)
class HomeAssistantSettings:
    """prefix: of discovery topics. expire_after: seconds without a reading until "unavailable"."""

    prefix: str
    expire_after: int


@dataclass(frozen=True)
class SpoolSettings:
    """Where undelivered readings rest, and how many: the first bound reached drops the oldest."""

    path: Path
    megabytes: int
    days: int


@dataclass(frozen=True)
class HttpSettings:
    """Where the local page is. asked_for: the file names the port, so it must be had."""

    host: str
    port: int
    asked_for: bool
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Config:
    """All settings of a Concentrator."""

    id: str
    spool: SpoolSettings
    lan: BrokerSettings | EmbeddedSettings | None
    cloud: BrokerSettings | None
    ports: tuple[PortSettings, ...]
    http: HttpSettings | None
    meters: tuple[MeterSettings, ...] = ()
    home: HomeAssistantSettings | None = None


def load(path: Path) -> Config:
    """The settings in a TOML file; SettingsError with one sentence where something is wrong."""
    file = SettingsFile(path)
    top = file.top(_TABLES)
    concentrator = _id(top, "concentrator")
    top.done()
    lan = file.table("lan")
    cloud = file.table("cloud")
    ports = tuple(_port(table) for table in file.tables("port"))
    if lan is None and not ports:
        raise SettingsError(
            f"{path}: nothing to take in; add [lan] for adapters or [[port]] for a serial port"
        )
    for i, port in enumerate(ports):
        if any(port.device == other.device for other in ports[:i]):
            raise SettingsError(f"{path}: two [[port]] name {port.device}")
    return Config(
        id=concentrator,
        spool=_spool(file),
        lan=None if lan is None else _lan(lan),
        cloud=None if cloud is None else _cloud(cloud),
        ports=ports,
        http=_http(file),
        meters=tuple(_meter(table) for table in file.tables("meter")),
        home=_home(file, lan is not None),
    )


def _home(file: SettingsFile, has_lan: bool) -> HomeAssistantSettings | None:
    table = file.table("homeassistant")
    if table is None:
        return None
    prefix = table.text("prefix", "homeassistant")
    if not all(topics.is_id(level) for level in prefix.split("/")):
        raise table.wrong("prefix", "must be a topic such as homeassistant")
    settings = HomeAssistantSettings(prefix, table.whole("expire_after", 180, 1, 86_400) or 180)
    table.done()
    if not has_lan:
        raise table.wrong("prefix", "has no use without [lan]: it is there that Home Assistant is")
    return settings


def _meter(table: Table) -> MeterSettings:
    settings = MeterSettings(
        id=_id(table, "id"),
        key=table.meter_key("key_file"),
        auth_key=table.meter_key("auth_key_file"),
        link=table.optional("link", choices=LINKS),
        profile=_profile(table),
        values=_values(table),
    )
    table.done()
    return settings


def _values(table: Table) -> tuple[str, ...] | None:
    values = table.texts("values")
    for code in values or ():
        if not is_code(code) or ":" in code:
            raise table.wrong("values", f"must be OBIS codes such as 1.8.0, and {code} is none")
    return None if values is None else tuple(values)


def _http(file: SettingsFile) -> HttpSettings | None:
    table = file.table("http") or Table(file, "http", 0, {})
    wanted = table.flag("enabled", True)
    host = table.text("host", "127.0.0.1")
    settings = HttpSettings(
        host,
        table.whole("port", 8710, 0, 65535) or 0,
        table.has("port"),
        table.secret("password_file"),
    )
    table.done()
    if settings.password is None and not is_loopback(host):
        raise table.wrong("password_file", f"is missing: what listens on {host} needs a password")
    return settings if wanted else None


def concentrator_id(path: Path) -> str:
    """The id alone, of a file that need not be complete yet."""
    return _id(SettingsFile(path).top(_TABLES), "concentrator")


def _id(table: Table, key: str) -> str:
    text = table.text(key)
    if not topics.is_id(text):
        raise table.wrong(key, f"must be 1 to {topics.ID_MAX} of A-Z a-z 0-9 . _ -")
    return text


def _spool(file: SettingsFile) -> SpoolSettings:
    table = file.table("spool") or Table(file, "spool", 0, {})
    settings = SpoolSettings(
        path=table.path("path", "spool.db") or Path(),
        megabytes=table.whole("megabytes", 1000, 1, 1_000_000) or 0,
        days=table.whole("days", 30, 1, 36_500) or 0,
    )
    table.done()
    if not settings.path.parent.is_dir():
        raise table.wrong("path", f"is in {settings.path.parent}, which is no folder; make it")
    return settings


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _lan(table: Table) -> BrokerSettings | EmbeddedSettings:
    if not table.flag("embedded", False):
        return _broker(table)
    host = table.text("host", "127.0.0.1")
    certificate, key = _certificate(table)
    tls = table.flag("tls", certificate is not None or not is_loopback(host))
    if tls and certificate is None:
        raise table.wrong(
            "certificate",
            f"is missing: what listens on {host} needs certificate and key, or says tls = false",
        )
    port = table.whole("port", 8883 if tls else 1883, 0, 65535) or 0
    users = _users(table)
    table.done()
    return EmbeddedSettings(host, port, users, certificate if tls else None, key if tls else None)


def _users(table: Table) -> dict[str, str]:
    text = table.secret("users_file")
    if text is None:
        raise table.wrong(
            "users_file", "is missing: a file (chmod 600) with one name:password a line"
        )
    users: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, password = line.strip().partition(":")
        if not name and not colon:
            continue
        if not name or not password:
            raise table.wrong("users_file", "names a file that must hold one name:password a line")
        users[name] = password
    return users


def _certificate(table: Table) -> tuple[Path | None, Path | None]:
    certificate, key = table.file("certificate"), table.secret_file("key")
    if (certificate is None) != (key is None):
        missing, given = ("key", "certificate") if key is None else ("certificate", "key")
        raise table.wrong(missing, f"is missing: it belongs to {given}")
    return certificate, key


def _cloud(table: Table) -> BrokerSettings:
    resend_after = table.whole("resend_after", 10, 1, 3600) or 10
    return replace(_broker(table), resend_after=resend_after)


def _broker(table: Table) -> BrokerSettings:
    host = table.text("host")
    if "/" in host or host.count(":") == 1:  # an IPv6 address has more of them
        raise table.wrong("host", "must be a name or an address alone; give its port as port")
    tls = table.flag("tls", not is_loopback(host) or table.has("ca"))
    port = table.whole("port", 8883 if tls else 1883, 1, 65535) or 0
    ca = table.file("ca")
    certificate, key = _certificate(table)
    user, password = table.optional("user"), table.secret("password_file")
    if password is not None and user is None:
        raise table.wrong("user", "is missing: it belongs to password_file")
    if not tls and (ca or certificate):
        raise table.wrong("tls", "is false, so ca, certificate and key have no use; drop them")
    enroll_url = table.optional("enroll_url")
    if enroll_url and not certificate:
        raise table.wrong("enroll_url", "has no use without certificate and key")
    table.done()
    return BrokerSettings(
        host, port, tls, ca, certificate, key, user, password, enroll_url=enroll_url
    )


def _profile(table: Table) -> str | None:
    text = table.optional("profile")
    try:
        if text:
            profile_settings.parse(text)
    except ValueError as why:
        raise table.wrong("profile", f"is not one: {why}") from None
    return text


def _address(table: Table, asks: str) -> str:
    text = table.optional("address") or ""
    try:
        ASKS.get(asks, SignOn)(address=text)
    except ValueError as why:
        raise table.wrong("address", f"is none: {why}") from None
    return text


def _port(table: Table) -> PortSettings:
    device, meter = table.text("device"), _id(table, "meter")
    baud = table.whole("baud", None, 50, 4_000_000)
    if baud is None and (table.has("parity") or table.has("bits") or table.has("stop")):
        raise table.wrong("baud", "is missing: give it with parity, bits and stop, or none of them")
    asks = table.text("poll", "no", choices=("no", *ASKS))
    asks = asks if asks in ASKS else ""
    settings = PortSettings(
        device=device,
        meter=meter,
        baud=baud,
        bits=table.whole("bits", 8, 7, 8) or 8,
        parity=_PARITIES[table.text("parity", "none", choices=tuple(_PARITIES))],
        stop=table.whole("stop", 1, 1, 2) or 1,
        key=table.meter_key("key_file"),
        auth_key=table.meter_key("auth_key_file"),
        link=table.optional("link", choices=LINKS),
        profile=_profile(table),
        values=_values(table),
        asks=asks,
        interval=table.whole("interval", 10, 1, 86_400) or 10,
        address=_address(table, asks),
    )
    table.done()
    return settings
