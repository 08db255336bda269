"""Invitations of Concentrators, and their certificates."""

import time
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

from smartmeter_cloud.store.rows import Certificate, Invitation
from smartmeter_cloud.store.session import Session

_COLUMNS = "serial, concentrator, key_digest, issued, expires, revoked, der"


KNOWN_SECONDS = 10.0  # the cache expires then, because an API process may have revoked one


class Revoked:
    """Caches which Concentrators had a certificate and no longer have a valid one.

    A broker may keep an existing connection; messages on it are not accepted.
    """

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._until = 0.0

    def names(self, db: Session) -> set[str]:
        now = time.monotonic()
        if self._until <= now:
            rows = db.all(
                "SELECT concentrator FROM certificate GROUP BY concentrator "
                "HAVING count(*) = count(revoked)"
            )
            self._names = {row[0] for row in rows}
            self._until = now + KNOWN_SECONDS
        return self._names


class SqlCertificates(ABC):
    @abstractmethod
    def _reading(self) -> AbstractContextManager[Session]:
        """A transaction that only reads; StoreUnavailable."""

    @abstractmethod
    def _writing(self) -> AbstractContextManager[Session]:
        """A transaction: all of it or nothing; StoreUnavailable."""

    @abstractmethod
    def _alone(self, db: Session, what: str, wait: bool = False) -> bool:
        """Whether no other transaction does this now, until the end of this one."""

    def invite(self, invitation: Invitation, now: int) -> None:
        with self._writing() as db:
            db.run("DELETE FROM invitation WHERE expires <= ?", (now,))
            db.run("INSERT INTO invitation VALUES (?, ?, ?, ?)", invitation)

    def invitations(self, now: int) -> list[Invitation]:
        with self._reading() as db:
            rows = db.all(
                "SELECT digest, concentrator, expires, enrolled FROM invitation "
                "WHERE expires > ? ORDER BY concentrator, expires",
                (now,),
            )
        return [Invitation(*row) for row in rows]

    def invitation(self, digest: bytes, now: int) -> Invitation | None:
        with self._reading() as db:
            row = db.one(
                "SELECT digest, concentrator, expires, enrolled FROM invitation "
                "WHERE digest = ? AND expires > ?",
                (digest, now),
            )
        return Invitation(*row) if row else None

    def enrol(self, digest: bytes, certificate: Certificate) -> bool:
        with self._writing() as db:
            # Of two that use it at the same time, one wins.
            if not db.run(
                "UPDATE invitation SET enrolled = ? WHERE digest = ? AND enrolled IS NULL",
                (certificate.key_digest, digest),
            ):
                return False
            self._keep(db, certificate)
        return True

    def renew(self, certificate: Certificate, now: int) -> bool:
        with self._writing() as db:
            self._alone(db, "certificates", wait=True)  # nobody revokes it meanwhile
            if not db.one(
                "SELECT 1 FROM certificate "
                "WHERE concentrator = ? AND key_digest = ? AND revoked IS NULL AND expires > ?",
                (certificate.concentrator, certificate.key_digest, now),
            ):
                return False
            self._keep(db, certificate)
        return True

    def _keep(self, db: Session, certificate: Certificate) -> None:
        db.run(
            f"INSERT INTO certificate ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            certificate,
        )
        # An expired certificate is refused by its date, so the revocation list does not need it.
        db.run(
            "DELETE FROM certificate WHERE concentrator = ? AND expires < ?",
            (certificate.concentrator, certificate.issued),
        )

    def certificates(self, concentrator: str | None = None) -> list[Certificate]:
        with self._reading() as db:
            rows = db.all(
                f"SELECT {_COLUMNS} FROM certificate "  # noqa: S608
                "WHERE concentrator = coalesce(?, concentrator) ORDER BY concentrator, issued",
                (concentrator,),
            )
        return [Certificate(*row) for row in rows]

    def revoked(self, now: int) -> list[Certificate]:
        with self._reading() as db:
            rows = db.all(
                f"SELECT {_COLUMNS} FROM certificate "  # noqa: S608
                "WHERE revoked IS NOT NULL AND expires > ? ORDER BY revoked",
                (now,),
            )
        return [Certificate(*row) for row in rows]

    def revoke(self, concentrator: str, now: int) -> int:
        with self._writing() as db:
            self._alone(db, "certificates", wait=True)  # nobody renews one meanwhile
            db.run("DELETE FROM invitation WHERE concentrator = ?", (concentrator,))
            return db.run(
                "UPDATE certificate SET revoked = ? WHERE concentrator = ? AND revoked IS NULL",
                (now, concentrator),
            )
