"""What a store knows beside readings: whose a meter is, keys, links and who did what."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any

from smartmeter_cloud.store.rows import Key, Meter
from smartmeter_cloud.store.session import Session

AUDIT_MAX = 10_000  # lines; the newest are kept


class SqlAccounts(ABC):
    @abstractmethod
    def _reading(self) -> AbstractContextManager[Session]:
        """A transaction that only reads; StoreUnavailable."""

    @abstractmethod
    def _writing(self) -> AbstractContextManager[Session]:
        """A transaction: all of it or nothing; StoreUnavailable."""

    def meters(self) -> list[Meter]:
        with self._reading() as db:
            rows = db.all("SELECT name, household, label, family FROM meter ORDER BY name")
        return [Meter(*row) for row in rows]

    def add_meter(self, meter: Meter) -> None:
        with self._writing() as db:
            db.run(
                "INSERT INTO meter (name, concentrator, household, label, family) "
                "VALUES (?, '', ?, ?, ?)",
                meter,
            )

    def name_meter(self, meter: str, label: str | None, household: str | None) -> None:
        with self._writing() as db:
            db.run(
                "UPDATE meter SET label = coalesce(?, label), household = coalesce(?, household) "
                "WHERE name = ?",
                (label, household, meter),
            )

    def place_concentrator(self, concentrator: str, household: str) -> None:
        with self._writing() as db:
            db.run(
                "INSERT INTO concentrator VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET household = excluded.household",
                (concentrator, household),
            )
            db.run(
                "UPDATE meter SET household = ? WHERE concentrator = ?", (household, concentrator)
            )

    def concentrators(self) -> dict[str, str]:
        with self._reading() as db:
            return dict(db.all("SELECT name, household FROM concentrator"))

    def add_key(self, key: Key) -> None:
        with self._writing() as db:
            db.run(
                "INSERT INTO access_key (digest, name, scopes, household, created, expires, once) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*key[:6], int(key.once)),
            )

    def key(self, digest: bytes, now: int) -> Key | None:
        with self._reading() as db:
            row = db.one(
                _KEYS + "WHERE digest = ? AND (expires IS NULL OR expires > ?)", (digest, now)
            )
        if row is None:
            return None
        key = _key(row)
        if key.once:
            with self._writing() as db:
                # Of two that come with it at the same time, one has it.
                if not db.run("DELETE FROM access_key WHERE digest = ?", (digest,)):
                    return None
        return key

    def access_keys(self) -> list[Key]:
        with self._reading() as db:
            return [_key(row) for row in db.all(_KEYS + "ORDER BY name, created")]

    def remove_key(self, digest: bytes) -> None:
        with self._writing() as db:
            db.run("DELETE FROM access_key WHERE digest = ?", (digest,))

    def keep_download(self, digest: bytes, query: str, until: int) -> None:
        with self._writing() as db:
            db.run("INSERT INTO download VALUES (?, ?, ?)", (digest, query, until))

    def download(self, digest: bytes, now: int) -> str | None:
        with self._reading() as db:
            row = db.one("SELECT query FROM download WHERE digest = ? AND until > ?", (digest, now))
        return row[0] if row else None

    def note(self, at: int, who: str, what: str) -> None:
        with self._writing() as db:
            db.run("INSERT INTO audit (at, who, what) VALUES (?, ?, ?)", (at, who, what))
            db.run("DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?", (AUDIT_MAX,))

    def notes(self, limit: int) -> list[tuple[int, str, str]]:
        with self._reading() as db:
            rows = db.all("SELECT at, who, what FROM audit ORDER BY id DESC LIMIT ?", (limit,))
        return [(at, who, what) for at, who, what in rows]


def _key(row: tuple[Any, ...]) -> Key:
    return Key._make((*row[:6], bool(row[6])))


_KEYS = "SELECT digest, name, scopes, household, created, expires, once FROM access_key "
