"""Pages that come and go in crowds: the live stream goes on, and the process still ends."""

import asyncio
import contextlib
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest
from smartmeter_cloud.api import live as live_module
from smartmeter_cloud.api.live import STREAMS_MAX, STREAMS_OF_HOUSEHOLD_MAX, Live
from smartmeter_cloud.history.zone_check import ZoneChecks
from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_cloud.store.sqlite import SqliteStore
from smartmeter_service.unexpected_errors import UnexpectedErrors

from tests.cloud import hanging_store
from tests.cloud.api_process import Site
from tests.cloud.harness import encoded, eventually, reading

CROWD = 200
ROUNDS = 3
SPEED = 0.02  # s between two readings


def open_stream(site: Site, key: str = "") -> socket.socket:
    parts = urlsplit(site.api.address)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=60)
    login = f"Authorization: Bearer {key}\r\n" if key else ""
    connection.sendall(f"GET /v1/live HTTP/1.1\r\nHost: localhost\r\n{login}\r\n".encode())
    return connection


def read_until(connection: socket.socket, what: bytes) -> None:
    seen = b""
    while what not in seen:
        data = connection.recv(65536)
        assert data, seen
        seen = seen[-100:] + data


@contextlib.contextmanager
def arriving(site: Site) -> Iterator[None]:
    """A reading every 20 ms, stored as ingest would."""
    done = threading.Event()

    def work() -> None:
        count = 0
        while not done.wait(SPEED):
            count += 1
            site.add(f"m{count % 5}", reading(count))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    done.set()
    thread.join()


def test_crowds_that_leave_at_once_do_not_end_the_stream(own_site: Site) -> None:
    own_site.add("m1", reading(0))
    with arriving(own_site):
        for _ in range(ROUNDS):
            crowd = [open_stream(own_site) for _ in range(CROWD)]
            for connection in crowd:
                read_until(connection, b"event: meters")
            for connection in crowd:
                connection.close()
        with open_stream(own_site) as page:
            for _ in range(3):  # the newest state, and what comes after it
                read_until(page, b"event: meters")
            assert own_site.api.get("healthz") == {"status": "ok"}
            assert own_site.api.stop() == 0
    assert "Traceback" not in own_site.api.said


def test_a_page_that_leaves_while_others_are_told_takes_nobody_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled at every step of an event, as a server does it whose clients are gone."""
    monkeypatch.setattr(live_module, "ASK_SECONDS", 0.02)
    store = SqliteStore(tmp_path / "smartmeter.sqlite")
    count = 0

    def add() -> None:
        nonlocal count
        count += 1
        batch = MessageBatch()
        topic = f"concentrator/house-1/smartMeterMessage/m{count % 5}/reading"
        batch.add(topic, encoded(reading(count)), int(time.time() * 1000))
        store.write(batch)

    async def page(live: Live, scopes: list[anyio.CancelScope], told: asyncio.Event) -> None:
        with anyio.CancelScope() as scope, live.listening(None):
            scopes.append(scope)
            async with contextlib.aclosing(live.stream(None)) as events:
                async for event in events:
                    if event.startswith(b"event: meters"):
                        told.set()

    async def crowds() -> None:
        live = Live(store, ZoneChecks(), UnexpectedErrors())
        for steps in range(18):
            scopes: list[anyio.CancelScope] = []
            told = asyncio.Event()
            pages = [asyncio.create_task(page(live, scopes, told)) for _ in range(50)]
            add()
            await asyncio.wait_for(told.wait(), 60)
            told.clear()
            add()
            await asyncio.wait_for(told.wait(), 60)
            for _ in range(steps % 6):
                await asyncio.sleep(0)
            for scope in scopes:
                scope.cancel()
            await asyncio.wait_for(asyncio.gather(*pages), 60)
        told = asyncio.Event()
        last = asyncio.create_task(page(live, scopes, told))
        await asyncio.wait_for(told.wait(), 60)
        last.cancel()

    # In a thread of its own: Playwright's loop may run in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, crowds()).result()
    store.close()


def test_one_household_cannot_take_all_streams(guarded: Site) -> None:
    smith, jones = guarded.key("read", "smith"), guarded.key("read", "jones")
    with contextlib.ExitStack() as stack:
        for _ in range(STREAMS_OF_HOUSEHOLD_MAX):
            read_until(stack.enter_context(open_stream(guarded, smith)), b"200 OK")
        read_until(stack.enter_context(open_stream(guarded, smith)), b"too many pages are open")
        read_until(stack.enter_context(open_stream(guarded, jones)), b"event: meters")


def test_no_more_streams_than_allowed_however_many_come_at_once(own_site: Site) -> None:
    with contextlib.ExitStack() as stack:
        came = [stack.enter_context(open_stream(own_site)) for _ in range(STREAMS_MAX + 50)]
        answers = [connection.recv(12) for connection in came]
        assert answers.count(b"HTTP/1.1 200") == STREAMS_MAX
        assert answers.count(b"HTTP/1.1 503") == 50


def health(site: Site) -> int:
    try:
        with urllib.request.urlopen(site.api.address + "healthz", timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as e:
        return e.code


def test_health_knows_of_a_stream_that_hangs_and_the_process_still_ends(tmp_path: Path) -> None:
    """A query that never returns stands for whatever may hang."""
    trigger = tmp_path / "trigger"
    program = [hanging_store.__file__, str(trigger)]
    site = Site(tmp_path, program=program)
    try:
        with open_stream(site) as page:
            read_until(page, b"event: chain")
            assert health(site) == 200
            trigger.touch()
            eventually(lambda: health(site) == 503)
            assert site.api.stop() == 1  # by force, after 9 s
            assert "Timeout" in site.api.said  # where its threads are
    finally:
        site.end()
