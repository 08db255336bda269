"""The settings of a Concentrator. settings_file.py reads them from a TOML file."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import msgspec
from msgspec import Meta
from smartmeter.dialog.kmp import Kmp
from smartmeter.dialog.polling import Poller
from smartmeter.dialog.signon import SignOn
from smartmeter.meters import profile_settings, zone_names
from smartmeter.obis import key_of
from smartmeter.reading import RATIO_MAX
from smartmeter.receiver import LINKS
from smartmeter.texts import is_code
from smartmeter.wire import topics
from smartmeter_mqtt.settings import BrokerSettings
from smartmeter_service.file_settings import Secret
from smartmeter_service.loopback import is_loopback
from smartmeter_service.toml_file import (
    ListenPort,
    Table,
    Text,
    WrongKey,
)

# poll: how the adapter asks a meter that sends nothing by itself
ASKS: dict[str, type[SignOn] | type[Poller] | type[Kmp]] = {
    "sign-on": SignOn,
    "m-bus": Poller,
    "kmp": Kmp,
}
_PARITIES = {"none": "N", "even": "E", "odd": "O"}
NOT_AN_ID = f"must be 1 to {topics.ID_MAX} of A-Z a-z 0-9 . _ -"

Seconds = Annotated[int, Meta(ge=1, le=86_400)]


class _NotAKey(ValueError):
    pass


class MeterKey(bytes):
    """The 16 bytes of a meter's key: 32 hex digits in a private file, white space is ignored."""

    allowed: ClassVar[str] = "the path of a file in quotes"

    @classmethod
    def from_setting(cls, text: str, folder: Path) -> Self:
        try:
            return cls.from_text(Secret.from_setting(text, folder))
        except _NotAKey as why:
            raise ValueError(f"names a file that {why}") from None

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The key as an operator writes it. Raises ValueError."""
        digits = "".join(text.split())
        if not re.fullmatch(r"[0-9A-Fa-f]{32}", digits):
            raise _NotAKey(f"must contain 32 hex digits, but has {len(digits)} characters")
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
    """A broker inside this process. users: name -> password; paired: smartMeterId -> password.

    folder: of the settings file, where pairing keeps its files.
    """

    host: str
    port: int
    folder: Path
    users: dict[str, str] = field(repr=False)
    certificate: Path | None = None
    key: Path | None = None
    paired: dict[str, str] = field(default_factory=dict, repr=False)


class _Telegrams(Table, kw_only=True):
    """How the telegrams of one meter are read. name: for people."""

    name: Text | None = None
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
            if not is_code(code):
                raise WrongKey(
                    "values",
                    f"must be OBIS codes such as 1.8.0 or 0-2:24.2.1, and {code} is not one",
                )
        if self.values is not None:  # 1-0:1.8.0 is 1.8.0
            self.values = tuple(dict.fromkeys(map(key_of, self.values)))
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
    poll: Literal["no", "sign-on", "m-bus", "kmp"] = (
        "no"  # how to ask a meter that waits to be asked
    )
    interval: Seconds = 10  # between two readouts that are asked for
    address: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not topics.is_id(self.meter):
            raise WrongKey("meter", NOT_AN_ID)
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
            raise WrongKey("id", NOT_AN_ID)


class HomeAssistantSettings(Table):
    """[homeassistant]: prefix of discovery topics.

    discovery: "device" is one message for each meter; "single" is one for each sensor, for openHAB,
    Domoticz and ioBroker.
    """

    prefix: str = "homeassistant"
    discovery: Literal["device", "single"] = "device"

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


class EmulationSettings(Table):
    """[[emulate]]: a device that reads like another maker's meter, without TLS or password.

    Anyone on the LAN can read the meter there. port: of HTTP; udp_port: of Shelly's RPC.
    """

    device: Literal["shelly-pro-3em", "homewizard-p1"]
    meter: str
    host: Text  # of this machine on the LAN, or 0.0.0.0 for all of its networks
    port: ListenPort | None = None
    udp_port: ListenPort | None = None
    mdns: bool = False

    def __post_init__(self) -> None:
        if not topics.is_id(self.meter):
            raise WrongKey("meter", NOT_AN_ID)
        if self.port is None and self.udp_port is None:
            raise WrongKey("port", "is missing: the device has to listen somewhere")
        if self.device == "homewizard-p1" and self.udp_port is not None:
            raise WrongKey("udp_port", "is only for shelly-pro-3em; drop it")
        if self.mdns and (self.port is None or self.host in ("0.0.0.0", "::")):  # noqa: S104
            raise WrongKey("mdns", "needs port, and in host this machine's address on the LAN")

    @property
    def label(self) -> str:
        """How it is called in logs, the status and metrics."""
        port = self.udp_port if self.port is None else self.port
        return f"{self.device} at {self.host}:{port}"


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
    emulations: tuple[EmulationSettings, ...] = ()
    name: str | None = None  # for people

    @property
    def names(self) -> dict[str, str]:
        """meter -> its name, for those that have one."""
        named = [(port.meter, port.name) for port in self.ports]
        named += [(meter.id, meter.name) for meter in self.meters]
        return {meter: name for meter, name in named if name}
