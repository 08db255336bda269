"""A PostgreSQL with a synchronous standby on localhost, to fail over from one to the other."""

import contextlib
import time

import psycopg

from tools.environment.postgresql import Postgres

_SECONDS = 60.0


class PostgresPair:
    """Two servers. A commit is done when both have it, so a failover loses nothing."""

    def __init__(self, database: str) -> None:
        """Starts both, with an empty database; Unavailable if there is no PostgreSQL."""
        self._database = database
        self._primary = Postgres()
        self._primary.start()
        self._primary.create(database)
        self._set("wal_keep_size", "1GB")  # a standby that begins may be that far behind
        self._set("synchronous_standby_names", "*")
        self._standby = self._new_standby()

    @property
    def url(self) -> str:
        """Names both; a client takes the one that can be written to."""
        ports = (self._primary.port, self._standby.port)
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        return f"postgresql://test@{hosts}/{self._database}?target_session_attrs=read-write"

    def fail_over(self) -> None:
        """The primary loses its power, and the standby takes over.

        The server that was lost comes back at its port, as the standby. Commits wait for it.
        """
        lost, self._primary = self._primary, self._standby
        lost.kill()
        with psycopg.connect(self._primary.url("postgres"), autocommit=True) as db:
            db.execute("SELECT pg_promote()")
        port = lost.port
        lost.remove()
        self._standby = self._new_standby(port)

    def _new_standby(self, port: int | None = None) -> Postgres:
        made = Postgres(self._primary)
        made.port = port or made.port
        made.start()
        until = time.monotonic() + _SECONDS
        with psycopg.connect(self._primary.url("postgres"), autocommit=True) as db:
            while (
                db.execute("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'").fetchone()
                is None
            ):
                assert time.monotonic() < until, made.log.read_text()
                time.sleep(0.1)
        return made

    def _set(self, name: str, value: str) -> None:
        with psycopg.connect(self._primary.url("postgres"), autocommit=True) as db:
            db.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
            db.execute("SELECT pg_reload_conf()")

    def remove(self) -> None:
        for server in (self._standby, self._primary):
            with contextlib.suppress(OSError):
                server.remove()
