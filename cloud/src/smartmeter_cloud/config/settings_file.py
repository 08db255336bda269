"""The settings file of the Cloud: the contents of each table, and their consequences."""

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from cryptography import x509
from cryptography.x509.oid import NameOID
from msgspec import Meta
from smartmeter.wire.topics import is_id
from smartmeter_service.file_settings import (
    FolderPath,
    PrivateFile,
    ReadableFile,
    Secret,
    check_pair,
)
from smartmeter_service.local_zone import own_zone
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

from smartmeter_cloud.config.settings import (
    CLIENT_ID,
    INGEST,
    Config,
    EnrolmentSettings,
    HttpSettings,
    IngestSettings,
    OidcSettings,
    OwnBroker,
    Retention,
    StoreSettings,
    home,
    home_folder,
)

DAYS_MIN = 2  # today and yesterday are always there
_DAYS_MAX = 36_500

Days = Annotated[
    int,
    Meta(ge=0, le=_DAYS_MAX, description=f"days from {DAYS_MIN} to {_DAYS_MAX}, or 0 for no limit"),
]
Host = Annotated[str, Meta(min_length=1, description="a host name or address in quotes")]
_ID = "must be 1 to 64 of A-Z a-z 0-9 . _ -"
_OUTSIDE = "is missing: {} can be reached from outside, so give certificate and key"


class BrokerTable(Table):
    """[broker]: the source of readings."""

    host: Host = "localhost"
    port: Port | None = None
    tls: bool = True
    ca: ReadableFile | None = None
    certificate: ReadableFile | None = None
    key: PrivateFile | None = None
    user: Text | None = None
    password: Secret | None = msgspec.field(default=None, name="password_file")
    client_id: str = CLIENT_ID
    group: str | None = None
    embedded: Literal[False] = False

    def __post_init__(self) -> None:
        check_pair(self.certificate, self.key)
        if self.password is not None and self.user is None:
            raise WrongKey("user", "is missing: it belongs to password_file")
        if not is_id(self.client_id):
            raise WrongKey("client_id", _ID)
        if self.group is not None and not is_id(self.group):
            raise WrongKey("group", _ID)

    def settings(self) -> IngestSettings:
        return IngestSettings(
            self.host,
            self.port or (8883 if self.tls else 1883),
            self.tls,
            self.ca if self.tls else None,
            self.certificate if self.tls else None,
            self.key if self.tls else None,
            self.user,
            self.password,
            client_id=self.client_id,
            group=self.group,
        )


class OwnBrokerTable(Table):
    """[broker] with embedded = true: the broker inside `serve`."""

    embedded: bool
    host: Host = "127.0.0.1"
    port: ListenPort | None = None
    tls: bool | None = None
    certificate: ReadableFile | None = None
    key: PrivateFile | None = None
    user: Text = "concentrator"
    password: Secret | None = msgspec.field(default=None, name="password_file")
    client_ca: ReadableFile | None = None

    def __post_init__(self) -> None:
        check_pair(self.certificate, self.key)
        if self.password is None:
            raise WrongKey("password_file", "is missing: Concentrators log in with a password")
        if self.uses_tls and self.certificate is None:
            raise WrongKey("certificate", _OUTSIDE.format(self.host) + ", or tls = false")
        if self.client_ca is not None and self.tls is False:
            raise WrongKey("tls", "is false, but client_ca needs TLS; drop one of them")
        if self.client_ca is not None and self.certificate is None:
            raise WrongKey("certificate", "is missing: client_ca needs certificate and key")

    @property
    def uses_tls(self) -> bool:
        """As the file says, or else with a certificate, and wherever others can connect."""
        if self.tls is not None:
            return self.tls
        return self.certificate is not None or not is_loopback(self.host)

    def settings(self) -> OwnBroker:
        port = self.port if self.port is not None else (8883 if self.uses_tls else 1883)
        users = {self.user: self.password or ""}
        files = (self.certificate, self.key) if self.uses_tls else (None, None)
        return OwnBroker(self.host, port, users, *files, self.client_ca)


class StoreTable(Table):
    path: FolderPath | None = None
    url: str | None = None
    password: Secret | None = msgspec.field(default=None, name="password_file")
    time_zone: str | None = None
    keep_readings: Days | None = Retention.readings
    keep_quarters: Days | None = Retention.quarters
    keep_hours: Days | None = Retention.hours

    def __post_init__(self) -> None:
        if self.url is not None and not _is_database(self.url):
            raise WrongKey("url", "must be postgresql://USER@HOST:PORT/DATABASE")
        if self.url is None and self.path is not None and not self.path.parent.is_dir():
            raise WrongKey("path", f"is in {self.path.parent}, which is not a folder; create it")
        try:
            ZoneInfo(self.time_zone or "UTC")
        except (OSError, ValueError, ZoneInfoNotFoundError):
            raise WrongKey(
                "time_zone", "must be the name of a time zone such as Europe/Vienna"
            ) from None
        for key in ("keep_readings", "keep_quarters", "keep_hours"):
            _check_days(key, getattr(self, key))

    def settings(self, folder: Path) -> StoreSettings:
        return StoreSettings(
            self.path or folder / "smartmeter.sqlite",
            self.url,
            self.password,
            ZoneInfo(self.time_zone) if self.time_zone else own_zone(),
            self.time_zone is not None,
            Retention(
                self.keep_readings or None, self.keep_quarters or None, self.keep_hours or None
            ),
        )


class HttpTable(Table):
    host: Host = "127.0.0.1"
    port: ListenPort = 8080
    certificate: ReadableFile | None = None
    key: PrivateFile | None = None
    tls: bool = True
    redirect_port: ListenPort | None = None
    names: tuple[Text, ...] = ()
    access: Literal["open", "keys"] = "keys"
    proxies: tuple[Text, ...] = HttpSettings.proxies

    def __post_init__(self) -> None:
        check_pair(self.certificate, self.key)
        for proxy in self.proxies:
            try:
                ip_network(proxy)
            except ValueError:
                raise WrongKey(
                    "proxies", f"must be addresses or networks such as 10.0.0.0/24, not {proxy}"
                ) from None
        if self.access == "open" and not self.is_inside:
            raise WrongKey(
                "access", 'must be "keys": with "open" anyone from outside could do everything'
            )
        if self.tls and self.certificate is None and not is_loopback(self.host):
            raise WrongKey(
                "certificate",
                _OUTSIDE.format(self.host) + ", or set tls = false if a proxy in front does TLS",
            )

    @property
    def is_inside(self) -> bool:
        """Whether only programs on this machine reach the page."""
        return is_loopback(self.host) and self.tls and not (self.certificate or self.names)

    def settings(self, oidc: OidcSettings | None, enrolment: EnrolmentSettings) -> HttpSettings:
        certificate, key = (self.certificate, self.key) if self.tls else (None, None)
        redirect_port = self.redirect_port
        if redirect_port is None and self.port == 443:
            redirect_port = 80
        return HttpSettings(
            replace(enrolment, page=certificate),
            self.host,
            self.port,
            certificate,
            key,
            redirect_port if certificate else None,
            self.names,
            self.access,
            oidc,
            self.proxies,
        )


class _Oidc(Table):
    issuer: Text
    audience: Text
    households: Text = OidcSettings.households
    scopes: Text = OidcSettings.scopes

    def __post_init__(self) -> None:
        parts = urlsplit(self.issuer)
        if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            raise WrongKey("issuer", "must be the https address of an issuer")

    def settings(self) -> OidcSettings:
        return OidcSettings(self.issuer, self.audience, self.households, self.scopes)


class _Enrolment(Table):
    folder: FolderPath | None = None
    elsewhere: Text | None = None
    certificate_days: Days = EnrolmentSettings.days
    broker: Text | None = None  # HOST:PORT as Concentrators reach it, if ingest takes another way

    def __post_init__(self) -> None:
        _check_days("certificate_days", self.certificate_days)
        if self.broker is not None and not _is_address(self.broker):
            raise WrongKey("broker", "must be HOST:PORT, such as mqtt.example:8883")

    def settings(self, folder: Path, broker: IngestSettings | None) -> EnrolmentSettings:
        # The broker knows ingest by one of these. A Concentrator of that name could read all.
        names = {INGEST}
        if broker is not None:
            names.add(broker.user or INGEST)
            names.add((broker.certificate and _common_name(broker.certificate)) or INGEST)
        return EnrolmentSettings(
            self.folder or folder / "authority",
            self.certificate_days or _DAYS_MAX,
            self.elsewhere,
            frozenset(names),
        )


class _Metrics(Table):
    port: ListenPort | None = None


class _File(Table):
    broker: dict[str, Any] = {}  # noqa: RUF012 (a BrokerTable or an OwnBrokerTable; msgspec copies it)
    store: StoreTable = msgspec.field(default_factory=StoreTable)
    http: HttpTable = msgspec.field(default_factory=HttpTable)
    oidc: _Oidc | None = None
    enrolment: _Enrolment = msgspec.field(default_factory=_Enrolment)
    metrics: _Metrics = msgspec.field(default_factory=_Metrics)


def load(path: Path) -> Config:
    """Read the settings of `ingest`, `api` and `serve`. Raises SettingsError, one sentence."""
    file = TomlFile(path, "`smartmeter-cloud init` writes one")
    tables = file.read(_File)
    folder = file.path.parent
    own = broker = None
    if tables.broker.get("embedded"):
        own = file.read(OwnBrokerTable, "broker").settings()
    else:
        broker = file.read(BrokerTable, "broker").settings()
    oidc = tables.oidc.settings() if tables.oidc else None
    http = tables.http.settings(oidc, tables.enrolment.settings(folder, broker))
    invited_to = tables.enrolment.broker or ""
    if not invited_to and own:
        invited_to = own.invited_to(urlsplit(http.url).hostname or http.host)
    elif not invited_to and broker:
        invited_to = f"{broker.host}:{broker.port}"
    http = replace(http, enrolment=replace(http.enrolment, broker=invited_to))
    return Config(str(path), tables.store.settings(folder), http, broker, own, tables.metrics.port)


def load_or_home(path: Path | None) -> Config:
    """Read the settings in a file; without one, those that `serve` takes without a file.

    Raises SettingsError.
    """
    if path is not None:
        return load(path)
    try:
        return home((home_folder() / "concentrator.password").read_text().strip())
    except OSError:
        raise SettingsError(
            f"`smartmeter-cloud serve` has stored nothing in {home_folder()} yet; "
            "choose other settings with --config FILE"
        ) from None


def _check_days(key: str, days: int | None) -> None:
    if days is not None and 0 < days < DAYS_MIN:
        raise WrongKey(key, f"must be days from {DAYS_MIN} to {_DAYS_MAX}, or 0 for no limit")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(f"//{text}")
        return bool(parts.hostname and parts.port) and parts.netloc == text
    except ValueError:
        return False


def _is_database(url: str) -> bool:
    """Whether url names a PostgreSQL database without a password, which anybody could read."""
    parts = urlsplit(url)
    return parts.scheme in ("postgresql", "postgres") and bool(parts.path) and not parts.password


def _common_name(path: Path) -> str | None:
    """The common name in a certificate file, or None if it cannot be read."""
    try:
        subject = x509.load_pem_x509_certificate(path.read_bytes()).subject
        names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (OSError, ValueError):
        return None
    return str(names[0].value) if names else None
