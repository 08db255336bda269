"""The settings file of a Concentrator: the contents of each table, and their consequences."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from smartmeter.wire import topics
from smartmeter_mqtt.settings import BrokerSettings
from smartmeter_service.file_settings import (
    FolderPath,
    PrivateFile,
    ReadableFile,
    Secret,
    check_pair,
)
from smartmeter_service.loopback import is_loopback
from smartmeter_service.toml_file import (
    ListenPort,
    Port,
    SettingsError,
    Table,
    Text,
    TomlFile,
    WrongKey,
)

from .paired_users import PairedUsers
from .settings import (
    NOT_AN_ID,
    CloudSettings,
    Config,
    EmbeddedSettings,
    EmulationSettings,
    HomeAssistantSettings,
    HttpSettings,
    MeterSettings,
    PortSettings,
    SntpSettings,
    SpoolSettings,
)

PASSWORD_MIN = 12  # characters, of the local page


class BrokerTable(Table):
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


class CloudTable(BrokerTable):
    enroll_url: Text | None = None
    resend_after: Annotated[int, Meta(ge=1, le=3600)] = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.enroll_url and not self.certificate:
            raise WrongKey("enroll_url", "has no use without certificate and key")

    def settings(self) -> CloudSettings:
        broker = vars(super().settings())
        return CloudSettings(**broker, enroll_url=self.enroll_url, resend_after=self.resend_after)


class EmbeddedTable(Table):
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

    def settings(self, folder: Path) -> EmbeddedSettings:
        port = self.port if self.port is not None else (8883 if self.uses_tls else 1883)
        files = (self.certificate, self.key) if self.uses_tls else (None, None)
        paired = PairedUsers(folder).load()
        return EmbeddedSettings(self.host, port, folder, dict(self.pairs), *files, paired)


class SpoolTable(Table):
    path: FolderPath | None = None
    megabytes: Annotated[int, Meta(ge=1, le=1_000_000)] = 1000
    days: Annotated[int, Meta(ge=1, le=36_500)] = 30

    def __post_init__(self) -> None:
        if self.path is not None and not self.path.parent.is_dir():
            raise WrongKey("path", f"is in {self.path.parent}, which is not a folder; create it")


class HttpTable(Table):
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
    name: Text | None = None
    lan: dict[str, Any] | None = None  # a BrokerTable, or an EmbeddedTable
    cloud: CloudTable | None = None
    spool: SpoolTable = msgspec.field(default_factory=SpoolTable)
    port: tuple[PortSettings, ...] | PortSettings = ()
    meter: tuple[MeterSettings, ...] | MeterSettings = ()
    http: HttpTable = msgspec.field(default_factory=HttpTable)
    homeassistant: HomeAssistantSettings | None = None
    sntp: SntpSettings | None = None
    emulate: tuple[EmulationSettings, ...] | EmulationSettings = ()

    def __post_init__(self) -> None:
        _check_id(self.concentrator)


class IdTable(msgspec.Struct):
    """The id alone, of a file that need not be complete yet."""

    concentrator: str

    def __post_init__(self) -> None:
        _check_id(self.concentrator)


def _check_id(id: str) -> None:
    if not topics.is_id(id):
        raise WrongKey("concentrator", NOT_AN_ID)


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
    emulations = tables.emulate if isinstance(tables.emulate, tuple) else (tables.emulate,)
    for i, one in enumerate(emulations):
        for key in ("port", "udp_port"):
            if any(_same_port(one, other, key) for other in emulations[:i]):
                raise file.wrong(f"emulate[{i}].{key}", "is already that of another [[emulate]]")
    if tables.homeassistant and tables.lan is None:
        raise file.wrong(
            "homeassistant", "has no effect without [lan], the broker of Home Assistant"
        )
    lan: BrokerSettings | EmbeddedSettings | None = None
    if tables.lan is not None:
        if tables.lan.get("embedded"):
            lan = file.read(EmbeddedTable, "lan").settings(file.path.parent)
        else:
            lan = file.read(BrokerTable, "lan").settings()
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
        emulations=emulations,
        name=tables.name,
    )


def _same_port(one: EmulationSettings, other: EmulationSettings, key: str) -> bool:
    port = getattr(one, key)
    return one.host == other.host and bool(port) and port == getattr(other, key)


def concentrator_id(path: Path) -> str:
    """The id alone, of a file that need not be complete yet."""
    return _opened(path).read(IdTable).concentrator


def _opened(path: Path) -> TomlFile:
    return TomlFile(path, if_missing="`smartmeter-gateway init` writes one")
