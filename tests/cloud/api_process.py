"""api processes over stores that the tests fill: shared by a worker's tests, empty for each."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from smartmeter_cloud.api.keys import new_key
from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_cloud.store.sqlite import SqliteStore

from tests.cloud.harness import Process, encoded, eventually, reading

KEPT = ("schema_version", "setting")  # tables that are not emptied


class Site:
    """An api process and its store. more: further settings; guarded: it asks for keys."""

    def __init__(
        self,
        folder: Path,
        more: str = "",
        guarded: bool = False,
        program: list[str] | None = None,
    ) -> None:
        self.config = folder / "cloud.toml"
        access = "" if guarded else 'access = "open"\n'
        self.config.write_text(f"[http]\nport = 0\n{access}{more}")
        self.guarded = guarded
        self.store = SqliteStore(folder / "smartmeter.sqlite")
        if guarded:
            # Nobody logs in for the first time where there is a key.
            self.store.add_key(new_key("nobody", "read", "none", None)[0])
        self.api = Process("api", self.config, program=program)

    def empty(self) -> None:
        """As it was at the start: nothing stored, nobody listening."""
        assert self.api.process is not None
        if self.api.process.poll() is not None:
            self.api.log.unlink()
            self.api.start()
        eventually(lambda: "smartmeter_cloud_live_streams 0.0\n" in self.metrics())
        self.store.close()
        self.store = SqliteStore(self.store.path)
        with self.store._writing() as db:
            db.run("PRAGMA defer_foreign_keys = ON")
            for (table,) in db.all("SELECT name FROM sqlite_master WHERE type = 'table'"):
                if table not in KEPT and not table.startswith("sqlite_"):
                    db.run(f"DELETE FROM {table}")

    def metrics(self) -> str:
        headers = {"Authorization": f"Bearer {self.key('metrics')}"} if self.guarded else {}
        request = urllib.request.Request(self.api.address + "metrics", headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text: str = answer.read().decode()
            return text

    def end(self) -> None:
        self.api.kill()
        self.store.close()

    def add(self, meter: str, *readings: dict[str, Any], received: int | None = None) -> None:
        topic = f"concentrator/house-1/smartMeterMessage/{meter}/readings"
        self.take(topic, list(readings), received)

    def status(self, topic: str, document: Any, received: int | None = None) -> None:
        self.take(topic, document, received)

    def take(self, topic: str, document: Any, received: int | None = None) -> None:
        """Stores a message as ingest would."""
        batch = MessageBatch()
        batch.add(topic, encoded(document), received or int(time.time() * 1000))
        assert not batch.dead
        self.store.write(batch)

    def key(self, scopes: str, household: str | None = None, days: float | None = None) -> str:
        key, text = new_key("test", scopes, household, days)
        self.store.add_key(key)
        return text

    def two_households(self) -> None:
        """m1 of smith behind house-1, and m2 of jones behind house-2."""
        self.store.place_concentrator("house-1", "smith")
        self.store.place_concentrator("house-2", "jones")
        for meter, concentrator in (("m1", "house-1"), ("m2", "house-2")):
            topic = f"concentrator/{concentrator}/smartMeterMessage/{meter}/reading"
            self.status(f"concentrator/{concentrator}/status", {"state": "online"})
            self.take(topic, reading(1, "2026-09-22T10:00:00Z", v1_8_0=1000, v1_7_0=5))


def call(
    site: Site, method: str, path: str, body: Any = None, key: str | None = None, **headers: str
) -> tuple[int, Any, Any]:
    """(status, document, headers)."""
    if key:
        headers["Authorization"] = f"Bearer {key}"
    data = None if body is None else encoded(body)
    if data is not None:
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(
        site.api.address + path, data=data, headers=headers, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read()), answer.headers
    except urllib.error.HTTPError as e:
        return e.code, json.loads(e.read()), e.headers
