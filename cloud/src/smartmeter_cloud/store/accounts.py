"""Accounts: households of meters, keys, links and the audit log."""

# ruff: noqa: S608 (SQL is put together from this file's own constants, never from what came in)

import time
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from smartmeter_cloud.store.households import of_households, submeters
from smartmeter_cloud.store.rows import ELECTRICITY, Key, Medium, Meter
from smartmeter_cloud.store.session import Session

_units = msgspec.json.Decoder(dict[str, str]).decode
AUDIT_MAX = 10_000  # lines; the newest are kept


class SqlAccounts(ABC):
    @abstractmethod
    def _reading(self) -> AbstractContextManager[Session]:
        """A transaction that only reads; StoreUnavailable."""

    @abstractmethod
    def _writing(self) -> AbstractContextManager[Session]:
        """A transaction: all of it or nothing; StoreUnavailable."""

    def meters(self, households: frozenset[str] | None = None) -> list[Meter]:
        where, names = of_households(households)
        with self._reading() as db:
            rows = db.all(
                "SELECT name, household, label, family, medium, units FROM meter "
                f"WHERE {where} ORDER BY name",
                names,
            )
        return [
            Meter(name, household, label, family, medium_of(medium, units))
            for name, household, label, family, medium, units in rows
        ]

    def add_meter(self, meter: Meter) -> None:
        with self._writing() as db:
            db.run(
                "INSERT INTO meter (name, concentrator, household, label, family, added) "
                "VALUES (?, '', ?, ?, ?, ?)",
                (*meter[:4], int(time.time() * 1000)),
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

    def move_meter(self, meter: str, household: str) -> bool:
        with self._writing() as db:
            moved = False
            for name in (meter, *submeters(db, meter)):
                if db.run("UPDATE meter SET household = ? WHERE name = ?", (household, name)):
                    moved = True
                    # The adapter's status was sent by a Concentrator of the other household.
                    db.run("DELETE FROM box WHERE kind = 'adapter' AND name = ?", (name,))
        return moved

    def households(self) -> list[str]:
        with self._reading() as db:
            rows = db.all(
                "SELECT household FROM meter UNION SELECT household FROM concentrator "
                "UNION SELECT household FROM access_key WHERE household IS NOT NULL"
            )
        return sorted(row[0] for row in rows)

    def concentrators(self) -> dict[str, str]:
        with self._reading() as db:
            return dict(db.all("SELECT name, household FROM concentrator"))

    def add_key(self, key: Key) -> bool:
        with self._writing() as db:
            if not _holds(db, key.parent):
                return False
            db.run(
                "INSERT INTO access_key (digest, name, scopes, household, created, expires, once, "
                "session, parent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*key[:6], int(key.once), int(key.session), key.parent),
            )
        return True

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
                # Of two that use it at the same time, one wins.
                if not db.run("DELETE FROM access_key WHERE digest = ?", (digest,)):
                    return None
        return key

    def access_keys(self) -> list[Key]:
        with self._reading() as db:
            return [_key(row) for row in db.all(_KEYS + "ORDER BY name, created")]

    def remove_key(self, digest: bytes) -> None:
        with self._writing() as db:
            db.run("DELETE FROM access_key WHERE digest = ?", (digest,))

    def remove_links(self, name: str) -> None:
        with self._writing() as db:
            db.run("DELETE FROM access_key WHERE name = ? AND once = 1", (name,))

    def keep_download(self, digest: bytes, query: str, until: int, parent: bytes | None) -> None:
        with self._writing() as db:
            if _holds(db, parent):
                db.run(
                    "INSERT INTO download (digest, query, until, parent) VALUES (?, ?, ?, ?)",
                    (digest, query, until, parent),
                )

    def download(self, digest: bytes, now: int) -> str | None:
        with self._reading() as db:
            row = db.one("SELECT query FROM download WHERE digest = ? AND until > ?", (digest, now))
        return row[0] if row else None

    def note(self, at: int, who: str, what: str, household: str | None = None) -> None:
        with self._writing() as db:
            db.run(
                "INSERT INTO audit (at, who, what, household) VALUES (?, ?, ?, ?)",
                (at, who, what, household),
            )
            db.run("DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?", (AUDIT_MAX,))

    def notes(
        self, limit: int, households: frozenset[str] | None = None
    ) -> list[tuple[int, str, str]]:
        where, names = "", sorted(households or ())
        if households is not None:
            where = f"WHERE household IN ({', '.join('?' * len(names)) or 'NULL'}) "
        with self._reading() as db:
            rows = db.all(
                f"SELECT at, who, what FROM audit {where}ORDER BY id DESC LIMIT ?",
                (*names, limit),
            )
        return [(at, who, what) for at, who, what in rows]


def _holds(db: Session, digest: bytes | None) -> bool:
    """Whether a parent is there, and stays so until this transaction ends; None always is.

    An update locks the row, so nobody removes the parent between the question and the insert.
    """
    same = "UPDATE access_key SET created = created WHERE digest = ?"
    return digest is None or db.run(same, (digest,)) == 1


def _key(row: tuple[Any, ...]) -> Key:
    return Key._make((*row[:6], bool(row[6]), bool(row[7]), row[8]))


_KEYS = (
    "SELECT digest, name, scopes, household, created, expires, once, session, parent "
    "FROM access_key "
)


def medium_of(medium: object, units: object) -> Medium:
    """The medium in a row of `meter`; that of a main meter if nothing else can be read there."""
    if not isinstance(medium, str) or not medium:
        return ELECTRICITY
    try:
        return Medium(medium, _units(units) if isinstance(units, str) else {})
    except (msgspec.MsgspecError, UnicodeError):
        return Medium(medium, {})
