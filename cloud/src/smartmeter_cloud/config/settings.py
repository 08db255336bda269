"""The settings of the Cloud. settings_file.py reads them from a TOML file."""

import os
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from urllib.parse import quote

from smartmeter_mqtt.settings import BrokerSettings
from smartmeter_service.local_zone import own_zone
from smartmeter_service.loopback import is_loopback

LOOPBACK = ("127.0.0.1", "::1", "localhost")
CLIENT_ID = "smartmeter-cloud"
INGEST = "ingest"  # what `smartmeter-gateway broker-rules` calls ingest
HELP = "a TOML file; default: the settings of `serve` without one"  # of --config


@dataclass(frozen=True)
class IngestSettings(BrokerSettings):
    """How ingest reaches the broker."""

    client_id: str = CLIENT_ID
    group: str | None = None  # of a shared subscription, for several ingest processes


@dataclass(frozen=True)
class Retention:
    """How many days the store keeps readings and slices; None means forever.

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
    broker: str = field(default="", repr=False)  # as invitations name it: [USER:PASSWORD@]HOST:PORT


@dataclass(frozen=True)
class HttpSettings:
    enrolment: EnrolmentSettings
    host: str = "127.0.0.1"
    port: int = 8080
    certificate: Path | None = None
    key: Path | None = None
    redirect_port: int | None = None  # where HTTP is sent to HTTPS
    names: tuple[str, ...] = ()  # further host names the page is called by
    access: str = "keys"  # or "open"
    oidc: OidcSettings | None = None
    proxies: tuple[str, ...] = LOOPBACK[:2]  # whose X-Forwarded-* is believed

    @property
    def called(self) -> tuple[str, ...]:
        """The names of this server that requests may use."""
        return (*LOOPBACK, self.host, *self.names)

    @property
    def url(self) -> str:
        """The page's address as seen from outside, according to the settings."""
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

    def invited_to(self, page: str) -> str:
        """As invitations name it. page: the host of the page, if this listens everywhere.

        Without TLS, which only this machine reaches, a Concentrator logs in with the password.
        """
        host = page if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104
        login = ""
        if self.certificate is None and is_loopback(self.host):
            user, password = next(iter(self.users.items()))
            login = f"{quote(user, safe='')}:{quote(password, safe='')}@"
        return f"{login}{f'[{host}]' if ':' in host else host}:{self.port}"


@dataclass(frozen=True)
class StoreSettings:
    """path of a SQLite file, or url of a PostgreSQL database; zone: its midnight begins a day."""

    path: Path
    url: str | None = None
    password: str | None = field(default=None, repr=False)
    zone: tzinfo = field(default_factory=own_zone)
    zone_said: bool = False  # otherwise the store's own zone takes precedence over `zone`
    retention: Retention = field(default_factory=Retention)


@dataclass(frozen=True)
class Config:
    source: str  # what the settings came from, for messages
    store: StoreSettings
    http: HttpSettings
    broker: IngestSettings | None
    own_broker: OwnBroker | None = None
    metrics_port: int | None = None  # on the loopback, of `ingest`


def home_folder() -> Path:
    """The folder in which `serve` keeps its data without a settings file."""
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "smartmeter-cloud"


def home(password: str) -> Config:
    """The settings of `serve` without a file: all on localhost."""
    folder = home_folder()
    broker = OwnBroker("127.0.0.1", 1883, {"concentrator": password})
    enrolment = EnrolmentSettings(folder / "authority", broker=broker.invited_to("127.0.0.1"))
    return Config(
        str(folder),
        StoreSettings(folder / "smartmeter.sqlite"),
        HttpSettings(enrolment),
        None,
        broker,
    )
