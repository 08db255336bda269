"""A private PostgreSQL on localhost."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tools.environment.debian import Unavailable
from tools.environment.mosquitto import free_port
from tools.environment.prepare import program


class Postgres:
    """A server with fsync on; start() again after kill() recovers as after a power cut.

    PostgreSQL refuses to run as root: then it runs as nobody. Unavailable if there is none.
    """

    def __init__(self, primary: "Postgres | None" = None) -> None:
        """primary: another that runs, of which this is a standby."""
        initdb, self._postgres = program("postgresql", "initdb"), program("postgresql")
        self.folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
        self.port = free_port()
        self._user: dict[str, int] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid}
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        self.process: subprocess.Popen[bytes] | None = None
        self.log = self.folder / "log"
        if primary is not None:
            self._copy(primary)
            return
        try:
            subprocess.run(
                [initdb, "-D", str(self.folder / "data"), "-U", "test", "-A", "trust",
                 "-E", "UTF8", "--no-locale", "--no-instructions"],
                check=True, capture_output=True, cwd=self.folder, **self._user,
            )  # fmt: skip
        except (OSError, subprocess.CalledProcessError) as e:
            shutil.rmtree(self.folder)
            raise Unavailable(f"PostgreSQL does not start here: {e}") from None

    def _copy(self, primary: "Postgres") -> None:
        """A base backup, as PostgreSQL's manual describes it (26.3.3): Debian's server package
        does not hold pg_basebackup."""
        import psycopg

        data = self.folder / "data"
        with psycopg.connect(primary.url("postgres"), autocommit=True) as db:
            db.execute("SELECT pg_backup_start('standby', true)")
            for source in (primary.folder / "data").rglob("*"):
                target = data / source.relative_to(primary.folder / "data")
                if source.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                elif source.name != "postmaster.pid" and source.parent.name != "pg_wal":
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with contextlib.suppress(FileNotFoundError):  # it may go while this copies
                        shutil.copyfile(source, target)
            found = db.execute("SELECT labelfile FROM pg_backup_stop(false)").fetchone()
        assert found is not None
        (data / "backup_label").write_text(found[0])
        (data / "standby.signal").touch()
        with (data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"primary_conninfo = 'host=127.0.0.1 port={primary.port} user=test'\n")
        for path in (data, *data.rglob("*")):
            path.chmod(0o700 if path.is_dir() else 0o600)
            if self._user:
                os.chown(path, self._user["user"], self._user["group"])

    def url(self, database: str) -> str:
        return f"postgresql://test@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self._postgres, "-D", str(self.folder / "data"), "-p", str(self.port),
                 "-h", "127.0.0.1", "-k", str(self.folder)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, **self._user,
            )  # fmt: skip
        import psycopg

        until = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < until, self.log.read_text()
                time.sleep(0.05)

    def create(self, database: str) -> str:
        """A new, empty database's URL."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as db:
            db.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)'.encode())
            db.execute(f'CREATE DATABASE "{database}"'.encode())
        return self.url(database)

    def kill(self) -> None:
        """As a power cut ends it: all its processes at once."""
        if self.process and self.process.poll() is None:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            pids = [self.process.pid, *map(int, children.read_text().split())]
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            self.process.wait()

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # fast shutdown
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
