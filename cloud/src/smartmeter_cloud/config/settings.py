"""Settings from a TOML file; a mistake is one sentence: file, key and what is allowed."""

import os
import ssl
import tomllib
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cryptography import x509
from cryptography.x509.oid import NameOID
from smartmeter.wire.topics import is_id

from smartmeter_cloud.config.toml_reader import ConfigError, Table

LOOPBACK = ("127.0.0.1", "::1", "localhost")
CLIENT_ID = "smartmeter-cloud"
INGEST = "ingest"  # what `smartmeter-gateway broker-rules` calls ingest
HELP = "a TOML file; by default what `serve` uses without one"  # of --config
TABLES = ("broker", "store", "http", "oidc", "enrolment", "metrics")


@dataclass(frozen=True)
class BrokerSettings:
    """How ingest reaches the broker. `ca` None means the system's authorities."""

    host: str
    port: int
    client_id: str
    tls: bool = True
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    user: str | None = None
    password: bytes | None = field(default=None, repr=False)
    group: str | None = None  # of a shared subscription, for several ingest processes
    old: bool = False  # the broker is known to speak only MQTT 3.1.1

    def tls_context(self) -> ssl.SSLContext | None:
        """None without TLS. Raises OSError or ssl.SSLError if a file cannot be used."""
        if not self.tls:
            return None
        context = ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
        if self.certificate and self.key:
            context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass(frozen=True)
class Retention:
    """How many days the store keeps readings and slices; None means for ever.

    Slices of a day are always kept.
    """

    readings: int | None = 400
    quarters: int | None = None
    hours: int | None = None


@dataclass(frozen=True)
class OidcSettings:
    """An OpenID Connect issuer. `households` and `scopes` name the claims that list them.

    "*" in the claim `households` means all households.
    """

    issuer: str
    audience: str
    households: str = "households"
    scopes: str = "scope"


@dataclass(frozen=True)
class EnrolmentSettings:
    """How Concentrators get certificates.

    `elsewhere` says who issues certificates if the Cloud does not.
    No Concentrator may have one of the `reserved` names.
    """

    folder: Path
    days: int = 90
    elsewhere: str | None = None
    reserved: frozenset[str] = frozenset()
    page: Path | None = None  # the certificate that the page shows


@dataclass(frozen=True)
class HttpSettings:
    enrolment: EnrolmentSettings
    host: str = "127.0.0.1"
    port: int = 8080
    certificate: Path | None = None
    key: Path | None = None
    redirect_port: int | None = None  # where HTTP is sent to HTTPS
    names: tuple[str, ...] = ()  # further host names the page is called by
    access: str = "open"  # or "keys"
    oidc: OidcSettings | None = None

    @property
    def called(self) -> tuple[str, ...]:
        """The names that requests may call this server by."""
        return (*LOOPBACK, self.host, *self.names)

    @property
    def url(self) -> str:
        """What the outside calls the page by, as far as the settings tell."""
        scheme = "https" if self.certificate or self.names else "http"
        behind_proxy = self.names and not self.certificate
        port = "" if behind_proxy else f":{self.port}"
        return f"{scheme}://{self.names[0] if self.names else self.host}{port}"

    @property
    def is_open(self) -> bool:
        return self.access == "open"


@dataclass(frozen=True)
class OwnBroker:
    """The broker inside `serve`."""

    host: str
    port: int
    users: dict[str, str] = field(repr=False)
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None


@dataclass(frozen=True)
class StoreSettings:
    """path of a SQLite file, or url of a PostgreSQL database; zone: whose midnight begins a day."""

    path: Path
    url: str | None = None
    password: str | None = field(default=None, repr=False)
    zone: tzinfo = field(default_factory=lambda: own_zone())
    zone_said: bool = False  # else the one that the store was made with goes before `zone`
    retention: Retention = field(default_factory=Retention)


@dataclass(frozen=True)
class Config:
    source: str  # what the settings came from, for messages
    store: StoreSettings
    http: HttpSettings
    broker: BrokerSettings | None
    own_broker: OwnBroker | None = None
    metrics_port: int | None = None  # on the loopback, of `ingest`


def load(path: Path) -> Config:
    """The settings of `ingest` and `api`, and of `serve` with a file; ConfigError."""
    try:
        document = tomllib.loads(path.read_text())
    except OSError as e:
        raise ConfigError(f"{path} cannot be read: {e.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path} is not TOML: {e}") from None
    tables = {}
    for name in TABLES:
        content = document.pop(name, {})
        if not isinstance(content, dict):
            raise ConfigError(f"{path}: {name} must be a table, written as [{name}]")
        tables[name] = Table(path, name, content)
    known = ", ".join(f"[{name}]" for name in TABLES)
    for name in document:
        raise ConfigError(f"{path}: {name} is unknown; there are {known}")
    store = _store(tables["store"])
    embedded = tables["broker"].flag("embedded", False)
    own = _own_broker(tables["broker"]) if embedded else None
    broker = None if embedded else _broker(tables["broker"])
    http = _http(tables["http"], _oidc(tables["oidc"]), _enrolment(tables["enrolment"], broker))
    metrics = tables["metrics"].port(None, free=True)
    tables["metrics"].end()
    return Config(str(path), store, http, broker, own, metrics)


def own_zone() -> tzinfo:
    """The machine's time zone."""
    name = os.environ.get("TZ", "").lstrip(":")
    try:
        if name:
            return ZoneInfo(name)
        target = Path("/etc/localtime").resolve()
        return ZoneInfo(str(target).partition("zoneinfo/")[2])
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return ZoneInfo("UTC")


def _zone(table: Table) -> tzinfo | None:
    allowed = "the name of a time zone such as Europe/Vienna"
    name = table.text("time_zone", allowed)
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        raise table.error("time_zone", allowed) from None


def _store(table: Table) -> StoreSettings:
    text = table.text("path", "the path of the SQLite file", "smartmeter.sqlite")
    url = table.text("url", "postgresql://USER@HOST:PORT/DATABASE", None, _is_url)
    password = table.secret("password_file")
    zone = _zone(table)
    retention = Retention(
        table.days("keep_readings", Retention.readings),
        table.days("keep_quarters", Retention.quarters),
        table.days("keep_hours", Retention.hours),
    )
    table.end()
    path = table.source.parent / Path(str(text)).expanduser()
    if url is None and not path.parent.is_dir():
        raise ConfigError(f"{table.source}: store.path: there is no folder {path.parent}")
    return StoreSettings(path, url, password, zone or own_zone(), zone is not None, retention)


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    # A password in it would be one in a file that is shown around.
    return parts.scheme in ("postgresql", "postgres") and bool(parts.path) and not parts.password


def _oidc(table: Table) -> OidcSettings | None:
    issuer = table.text("issuer", "the https address of an issuer", None, _is_issuer)
    audience = table.text("audience", "what the issuer calls this server")
    households = table.text("households", "the name of a claim", "households")
    scopes = table.text("scopes", "the name of a claim", "scope")
    table.end()
    if issuer is None and audience is None:
        return None
    if issuer is None or audience is None:
        raise ConfigError(f"{table.source}: oidc.issuer and oidc.audience go together")
    return OidcSettings(issuer, audience, str(households), str(scopes))


def _enrolment(table: Table, broker: BrokerSettings | None) -> EnrolmentSettings:
    folder = str(table.text("folder", "a folder", "authority"))
    elsewhere = table.text("elsewhere", "a text that says who gives certificates")
    days = table.days("certificate_days", 90)
    table.end()
    # The broker knows ingest by one of these; a Concentrator of that name would read all others.
    names = {INGEST}
    if broker is not None:
        names.add(broker.user or INGEST)
        names.add((broker.certificate and _common_name(broker.certificate)) or INGEST)
    return EnrolmentSettings(
        table.source.parent / Path(folder).expanduser(),
        days or 36500,
        elsewhere,
        frozenset(names),
    )


def _common_name(path: Path) -> str | None:
    """The common name in a certificate file, or None if it cannot be read."""
    try:
        subject = x509.load_pem_x509_certificate(path.read_bytes()).subject
        names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (OSError, ValueError):
        return None
    return str(names[0].value) if names else None


def _is_issuer(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme == "https" or parts.hostname in LOOPBACK


def _http(table: Table, oidc: OidcSettings | None, enrolment: EnrolmentSettings) -> HttpSettings:
    host = str(table.text("host", "a host name or address", "127.0.0.1"))
    port = table.port(8080, free=True)
    certificate, key = table.pair()
    tls = table.flag("tls", True)
    redirect_port = table.port(80 if port == 443 else None, free=True, key="redirect_port")
    names = table.texts("names")
    inside = host in LOOPBACK and tls and certificate is None and not names
    access = table.text(
        "access", '"open" or "keys"', "open" if inside else "keys", ("open", "keys").__contains__
    )
    table.end()
    if access == "open" and not inside:
        raise ConfigError(
            f'{table.source}: http.access = "open" lets everybody do everything and is for the '
            "loopback alone"
        )
    if tls and certificate is None and host not in LOOPBACK:
        raise ConfigError(
            f"{table.source}: http.host {host} can be reached from outside: give http.certificate "
            "and http.key, or say http.tls = false where a proxy in front does TLS"
        )
    if not tls:
        certificate = key = None
    if certificate is None:
        redirect_port = None
    enrolment = replace(enrolment, page=certificate)
    return HttpSettings(
        enrolment, host, port, certificate, key, redirect_port, names, str(access), oidc
    )


def _broker(table: Table) -> BrokerSettings:
    host = str(table.text("host", "a host name or address", "localhost"))
    tls = table.flag("tls", True)
    port = table.port(8883 if tls else 1883)
    ca = table.file("ca")
    certificate, key = table.pair()
    user = table.text("user")
    password = table.secret("password_file")
    client_id = table.text("client_id", "1 to 64 of A-Z a-z 0-9 . _ -", CLIENT_ID, is_id)
    group = table.text("group", "1 to 64 of A-Z a-z 0-9 . _ -", None, is_id)
    table.end()
    if password is not None and user is None:
        raise ConfigError(f"{table.source}: broker.password_file needs broker.user")
    return BrokerSettings(
        host,
        port,
        str(client_id),
        tls,
        ca if tls else None,
        certificate if tls else None,
        key if tls else None,
        user,
        None if password is None else password.encode(),
        group,
    )


def _own_broker(table: Table) -> OwnBroker:
    host = str(table.text("host", "an address to listen on", "127.0.0.1"))
    certificate, key = table.pair()
    port = table.port(8883 if certificate else 1883, free=True)
    user = table.text("user", "the name Concentrators log in with", "concentrator")
    password = table.secret("password_file")
    client_ca = table.file("client_ca")
    table.end()
    if password is None:
        raise ConfigError(f"{table.source}: broker.embedded needs broker.password_file")
    if certificate is None and host not in LOOPBACK:
        raise ConfigError(
            f"{table.source}: broker.host {host} can be reached from outside: "
            "give broker.certificate and broker.key"
        )
    if client_ca is not None and certificate is None:
        raise ConfigError(
            f"{table.source}: broker.client_ca needs broker.certificate and broker.key"
        )
    return OwnBroker(host, port, {str(user): password}, certificate, key, client_ca)


def home_folder() -> Path:
    """Where `serve` keeps its data when nothing is said."""
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "smartmeter-cloud"


def home(password: str) -> Config:
    """What `serve` takes without a file: all on the loopback."""
    folder = home_folder()
    return Config(
        str(folder),
        StoreSettings(folder / "smartmeter.sqlite"),
        HttpSettings(EnrolmentSettings(folder / "authority")),
        None,
        OwnBroker("127.0.0.1", 1883, {"concentrator": password}),
    )


def load_or_home(path: Path | None) -> Config:
    """The settings in a file; without one those of the `serve` that needs none. ConfigError."""
    if path is not None:
        return load(path)
    try:
        return home((home_folder() / "concentrator.password").read_text().strip())
    except OSError:
        raise ConfigError(
            f"`smartmeter-cloud serve` has kept nothing in {home_folder()} yet; "
            "name other settings with --config FILE"
        ) from None
