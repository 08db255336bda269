"""Opens the store that the settings name."""

from smartmeter_cloud.config.settings import StoreSettings
from smartmeter_cloud.store.interface import Store, StoreUnavailable
from smartmeter_cloud.store.sqlite import SqliteStore


class DriverMissing(StoreUnavailable):
    """Which package must be installed; one sentence."""


def open_store(settings: StoreSettings) -> Store:
    """Open the store; create or update its tables. StoreUnavailable."""
    if settings.url is None:
        return SqliteStore(settings.path, settings.zone, not settings.zone_said)
    try:
        from smartmeter_cloud.store.postgresql import PostgresStore
    except ImportError:
        raise _missing() from None
    return PostgresStore(settings.url, settings.password, settings.zone, not settings.zone_said)


def version_of(settings: StoreSettings) -> int:
    """The store's schema version, 0 if it is empty or missing. Changes nothing.

    StoreUnavailable.
    """
    if settings.url is None:
        return SqliteStore.version_of(settings.path)
    try:
        from smartmeter_cloud.store.postgresql import PostgresStore
    except ImportError:
        raise _missing() from None
    return PostgresStore.version_of(settings.url, settings.password)


def _missing() -> DriverMissing:
    return DriverMissing("store.url needs a driver; type: pip install 'psycopg[binary]'")
