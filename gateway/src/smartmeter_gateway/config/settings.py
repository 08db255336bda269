"""The settings of a Concentrator: one TOML file, secrets only in files beside it."""

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import msgspec
from msgspec import Meta
from smartmeter.dialog.polling import Poller
from smartmeter.dialog.signon import SignOn
from smartmeter.meters import profile_settings, zone_names
from smartmeter.reading import RATIO_MAX
from smartmeter.receiver import LINKS
from smartmeter.texts import is_code
from smartmeter.wire import topics
from smartmeter_mqtt.settings import BrokerSettings
from smartmeter_service.file_settings import (
    FolderPath,
    PrivateFile,
    ReadableFile,
    Secret,
    check_pair,
)
from smartmeter_service.toml_file import (
    ListenPort,
    Port,
    SettingsError,
    Table,
    Text,
    TomlFile,
    WrongKey,
)

# poll: how the adapter asks a meter that sends nothing by itself
ASKS: dict[str, type[SignOn] | type[Poller]] = {"sign-on": SignOn, "m-bus": Poller}
_PARITIES = {"none": "N", "even": "E", "odd": "O"}
_ID = f"must be 1 to {topics.ID_MAX} of A-Z a-z 0-9 . _ -"

Seconds = Annotated[int, Meta(ge=1, le=86_400)]


class MeterKey(bytes):
    """The 16 bytes of a meter's key: 32 hex digits in a private file, white space is ignored."""

    allowed: ClassVar[str] = "the path of a file in quotes"

    @classmethod
    def from_setting(cls, text: str, folder: Path) -> Self:
        digits = "".join(Secret.from_setting(text, folder).split())
        if not re.fullmatch(r"[0-9A-Fa-f]{32}", digits):
            raise ValueError(
                f"names a file that must contain 32 hex digits, but has {len(digits)} characters"
            )
        return cls.fromhex(digits)

    def __repr__(self) -> str:
        return "MeterKey(...)"


class MeterZone(str):
    """A meter's time zone as the core takes it, given by name or by offset and rule."""

    allowed: ClassVar[str] = "text in quotes such as Europe/Vilnius"

    @classmethod
    def from_setting(cls, text: str, folder: Path) -> Self:
        try:
            return cls(zone_names.setting(text))
        except ValueError as why:
            raise ValueError(f"does not name a zone: {why}") from None


@dataclass(frozen=True)
class CloudSettings(BrokerSettings):
    """The Cloud's broker, and what belongs to the Cloud beside it."""

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


class _Telegrams(Table, kw_only=True):
    """How the telegrams of one meter are read."""

    key: MeterKey | None = msgspec.field(default=None, name="key_file")
    auth_key: MeterKey | None = msgspec.field(default=None, name="auth_key_file")
    link: str | None = None
    profile: str | None = None
    zone: MeterZone | None = None
    ratio: Annotated[int, Meta(ge=1, le=RATIO_MAX)] = 1  # of the meter's transformers
    unencrypted: bool = False  # read telegrams that are not encrypted although a key is set
    values: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.link is not None and self.link not in LINKS:
            raise WrongKey("link", f"must be one of {', '.join(LINKS)}")
        for code in self.values or ():
            if not is_code(code) or ":" in code:
                raise WrongKey("values", f"must be OBIS codes such as 1.8.0, and {code} is not one")
        if self.unencrypted and self.auth_key:
            raise WrongKey("unencrypted", "has no effect with auth_key_file; drop one of them")
        try:
            if self.profile is not None:
                profile_settings.parse(self.profile)
        except ValueError as why:
            raise WrongKey("profile", f"is not a profile: {why}") from None


class PortSettings(_Telegrams):
    """[[port]]: a serial port with a meter. baud None: find baud rate and parity by trying."""

    device: Text
    meter: str
    baud: Annotated[int, Meta(ge=50, le=4_000_000)] | None = None
    bits: Annotated[int, Meta(ge=7, le=8)] | None = None
    parity: Literal["none", "even", "odd"] | None = None
    stop: Annotated[int, Meta(ge=1, le=2)] | None = None
    poll: Literal["no", "sign-on", "m-bus"] = "no"  # how to ask a meter that waits to be asked
    interval: Seconds = 10  # between two readouts that are asked for
    address: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not topics.is_id(self.meter):
            raise WrongKey("meter", _ID)
        if self.baud is None and (self.parity or self.bits or self.stop):
            raise WrongKey("baud", "is missing: give it with parity, bits and stop")
        try:
            ASKS.get(self.poll, SignOn)(address=self.address)
        except ValueError as why:
            raise WrongKey("address", f"is not an address: {why}") from None

    @property
    def setting(self) -> tuple[int, int, str, int] | None:
        """(baud, bits, parity as in pyserial, stop bits), or None if baud is not given."""
        if self.baud is None:
            return None
        return self.baud, self.bits or 8, _PARITIES[self.parity or "none"], self.stop or 1


class MeterSettings(_Telegrams):
    """[[meter]]: a meter whose adapter hands on telegrams unopened."""

    id: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if not topics.is_id(self.id):
            raise WrongKey("id", _ID)


class HomeAssistantSettings(Table):
    """[homeassistant]: prefix of discovery topics; seconds of silence until "unavailable"."""

    prefix: str = "homeassistant"
    expire_after: Seconds = 180

    def __post_init__(self) -> None:
        if not all(topics.is_id(level) for level in self.prefix.split("/")):
            raise WrongKey("prefix", "must be a topic such as homeassistant")


@dataclass(frozen=True)
class SpoolSettings:
    """The spool of undelivered readings. At either limit it drops the oldest."""

    path: Path
    megabytes: int
    days: int


@dataclass(frozen=True)
class HttpSettings:
    """The address of the local page. asked_for: the file names the port, so only that will do."""

    host: str
    port: int
    asked_for: bool
    password: str | None = field(default=None, repr=False)

    @property
    def tls(self) -> bool:
        """Whether other machines reach the page, so that the password must not be readable."""
        return not is_loopback(self.host)


class SntpSettings(Table):
    """[sntp]: the address at which adapters get the time. Without it there is none."""

    host: Text  # of this machine on the LAN, or 0.0.0.0 for all of its networks
    port: ListenPort = 123


@dataclass(frozen=True)
class Config:
    """All settings of a Concentrator."""

    id: str
    spool: SpoolSettings
    lan: BrokerSettings | EmbeddedSettings | None
    cloud: CloudSettings | None
    ports: tuple[PortSettings, ...]
    http: HttpSettings | None
    meters: tuple[MeterSettings, ...] = ()
    home: HomeAssistantSettings | None = None
    sntp: SntpSettings | None = None


class _Broker(Table):
    """[lan] or [cloud]: a broker to connect to."""

    host: Text
    port: Port | None = None
    tls: bool | None = None
    ca: ReadableFile | None = None
    certificate: ReadableFile | None = None
    key: PrivateFile | None = None
    user: Text | None = None
    password: Secret | None = msgspec.field(default=None, name="password_file")
    embedded: Literal[False] = False

    def __post_init__(self) -> None:
        if "/" in self.host or self.host.count(":") == 1:  # an IPv6 address has more of them
            raise WrongKey("host", "must be only a name or an address; set the port with port")
        check_pair(self.certificate, self.key)
        if self.password is not None and self.user is None:
            raise WrongKey("user", "is missing: it belongs to password_file")
        if not self.uses_tls and (self.ca or self.certificate):
            raise WrongKey("tls", "is false, so ca, certificate and key have no use; drop them")

    @property
    def uses_tls(self) -> bool:
        """As the file says, or else wherever the traffic leaves this machine."""
        return self.tls if self.tls is not None else not is_loopback(self.host) or bool(self.ca)

    def settings(self) -> BrokerSettings:
        return BrokerSettings(
            self.host,
            self.port or (8883 if self.uses_tls else 1883),
            self.uses_tls,
            self.ca,
            self.certificate,
            self.key,
            self.user,
            self.password,
        )


class _Cloud(_Broker):
    enroll_url: Text | None = None
    resend_after: Annotated[int, Meta(ge=1, le=3600)] = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.enroll_url and not self.certificate:
            raise WrongKey("enroll_url", "has no use without certificate and key")

    def settings(self) -> CloudSettings:
        broker = vars(super().settings())
        return CloudSettings(**broker, enroll_url=self.enroll_url, resend_after=self.resend_after)


class _Embedded(Table):
    """[lan] with embedded = true."""

    embedded: bool
    host: Text = "127.0.0.1"
    port: ListenPort | None = None
    tls: bool | None = None
    certificate: ReadableFile | None = None
    key: PrivateFile | None = None
    users: Secret | None = msgspec.field(default=None, name="users_file")

    def __post_init__(self) -> None:
        check_pair(self.certificate, self.key)
        if self.uses_tls and self.certificate is None:
            raise WrongKey(
                "certificate",
                f"is missing: what listens on {self.host} needs certificate and key, "
                "or tls = false",
            )
        if self.users is None:
            raise WrongKey(
                "users_file", "is missing: a file (chmod 600) with one name:password a line"
            )
        if not all(all(pair) for pair in self.pairs):
            raise WrongKey("users_file", "names a file that must contain one name:password a line")

    @property
    def uses_tls(self) -> bool:
        """As the file says, or else with a certificate, and wherever others can connect."""
        if self.tls is not None:
            return self.tls
        return self.certificate is not None or not is_loopback(self.host)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Names and passwords, "" if one is missing in its line."""
        lines = [line.strip() for line in (self.users or "").splitlines()]
        return [(name, rest) for name, _, rest in (li.partition(":") for li in lines if li)]

    def settings(self) -> EmbeddedSettings:
        port = self.port if self.port is not None else (8883 if self.uses_tls else 1883)
        files = (self.certificate, self.key) if self.uses_tls else (None, None)
        return EmbeddedSettings(self.host, port, dict(self.pairs), *files)


class _Spool(Table):
    path: FolderPath | None = None
    megabytes: Annotated[int, Meta(ge=1, le=1_000_000)] = 1000
    days: Annotated[int, Meta(ge=1, le=36_500)] = 30

    def __post_init__(self) -> None:
        if self.path is not None and not self.path.parent.is_dir():
            raise WrongKey("path", f"is in {self.path.parent}, which is not a folder; create it")


PASSWORD_MIN = 12  # characters, of the local page


class _Http(Table):
    enabled: bool = True
    host: Text = "127.0.0.1"
    port: ListenPort | None = None
    password: Secret | None = msgspec.field(default=None, name="password_file")

    def __post_init__(self) -> None:
        if self.password is None and not is_loopback(self.host):
            raise WrongKey(
                "password_file", f"is missing: what listens on {self.host} needs a password"
            )
        if self.password is not None and len(self.password) < PASSWORD_MIN:
            raise WrongKey(
                "password_file", f"must contain a password of at least {PASSWORD_MIN} characters"
            )


class _File(Table):
    concentrator: str
    lan: dict[str, Any] | None = None  # a _Broker, or an _Embedded
    cloud: _Cloud | None = None
    spool: _Spool = msgspec.field(default_factory=_Spool)
    port: tuple[PortSettings, ...] | PortSettings = ()
    meter: tuple[MeterSettings, ...] | MeterSettings = ()
    http: _Http = msgspec.field(default_factory=_Http)
    homeassistant: HomeAssistantSettings | None = None
    sntp: SntpSettings | None = None

    def __post_init__(self) -> None:
        if not topics.is_id(self.concentrator):
            raise WrongKey("concentrator", _ID)


class _Name(msgspec.Struct):
    concentrator: str


def load(path: Path) -> Config:
    """Read the settings in a TOML file. Raises SettingsError, one sentence."""
    file = _opened(path)
    tables = file.read(_File)
    ports = tables.port if isinstance(tables.port, tuple) else (tables.port,)
    meters = tables.meter if isinstance(tables.meter, tuple) else (tables.meter,)
    if tables.lan is None and not ports:
        raise SettingsError(
            f"{path}: no source of readings; add [lan] for adapters or [[port]] for a serial port"
        )
    for i, port in enumerate(ports):
        if any(port.device == other.device for other in ports[:i]):
            raise file.wrong(f"port[{i}].device", "is already the device of another [[port]]")
    if tables.homeassistant and tables.lan is None:
        raise file.wrong(
            "homeassistant", "has no effect without [lan], the broker of Home Assistant"
        )
    lan = None
    if tables.lan is not None:
        kind: type[_Embedded | _Broker] = _Embedded if tables.lan.get("embedded") else _Broker
        lan = file.read(kind, "lan").settings()
    spool, http = tables.spool, tables.http
    page = HttpSettings(
        http.host, 8710 if http.port is None else http.port, http.port is not None, http.password
    )
    return Config(
        id=tables.concentrator,
        spool=SpoolSettings(
            spool.path or file.path.parent / "spool.db", spool.megabytes, spool.days
        ),
        lan=lan,
        cloud=tables.cloud.settings() if tables.cloud else None,
        ports=ports,
        http=page if http.enabled else None,
        meters=meters,
        home=tables.homeassistant,
        sntp=tables.sntp,
    )


def concentrator_id(path: Path) -> str:
    """The id alone, of a file that need not be complete yet."""
    file = _opened(path)
    name = file.read(_Name).concentrator
    if not topics.is_id(name):
        raise file.wrong("concentrator", _ID)
    return name


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _opened(path: Path) -> TomlFile:
    return TomlFile(path, if_missing="`smartmeter-gateway init` writes one")
