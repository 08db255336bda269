"""Slow clients, hundreds of clients and guessed keys block nobody; cut answers are errors."""

import contextlib
import http.client
import json
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from smartmeter_cloud.api import body_limit, request_timeouts, server
from smartmeter_cloud.config.settings import EnrolmentSettings, HttpSettings
from smartmeter_cloud.store.sqlite import SqliteStore
from smartmeter_service.unexpected_errors import UnexpectedErrors

from tests.cloud.api_process import Site, call
from tests.cloud.harness import encoded, eventually, reading

Address = tuple[str, int]
KIND = {"Content-Type": "application/json"}


@pytest.fixture
def hasty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Address]:
    """An API that waits a fifth of a second where it waits half a minute, for nine at a time."""
    monkeypatch.setattr(request_timeouts, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(body_limit, "BODY_SECONDS", 0.2)
    monkeypatch.setattr(server, "CONNECTIONS_MAX", 10)
    store = SqliteStore(tmp_path / "smartmeter.sqlite")
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    made = server.Server(
        store,
        HttpSettings(EnrolmentSettings(tmp_path / "authority"), port=0, access="open"),
        UnexpectedErrors(),
    )
    for number, handler in before.items():
        signal.signal(number, handler)
    thread = threading.Thread(target=made.run)
    thread.start()
    parts = urlsplit(made.address)
    yield str(parts.hostname), int(parts.port or 0)
    made.stop()
    thread.join()
    store.close()


def is_well(address: Address) -> bool:
    client = http.client.HTTPConnection(*address, timeout=60)
    client.request("GET", "/healthz")
    status = client.getresponse().status
    client.close()
    return status == 200


def test_connections_without_a_request_are_ended(hasty: Address) -> None:
    idle = [socket.create_connection(hasty, timeout=60) for _ in range(30)]
    for i, one in enumerate(idle):
        with contextlib.suppress(OSError):  # those behind the ninth may be refused already
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "[: i * 2])
    for one in idle:
        with contextlib.suppress(ConnectionResetError):
            assert one.recv(100) == b""
        one.close()
    eventually(lambda: is_well(hasty))


def test_no_more_are_answered_than_there_are_files_for(hasty: Address) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(9):
            one = stack.enter_context(socket.create_connection(hasty, timeout=60))
            one.sendall(b"GET /v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert one.recv(100).startswith(b"HTTP/1.1 200")
        assert not is_well(hasty)
    eventually(lambda: is_well(hasty))


def test_a_body_that_drips_is_ended(hasty: Address) -> None:
    with socket.create_connection(hasty, timeout=60) as one:
        one.sendall(b"POST /v1/meterReadings HTTP/1.1\r\nHost: localhost\r\n")
        one.sendall(b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        assert one.recv(1000).startswith(b"HTTP/1.1 408")
    assert is_well(hasty)


def test_killed_while_it_answers_nobody_takes_a_part_for_the_whole(own_site: Site) -> None:
    readings = [reading(i, v1_7_0=i) for i in range(20_000)]
    for i in range(0, len(readings), 5000):
        own_site.add("m1", *readings[i : i + 5000])
    link = call(own_site, "POST", "v1/meterReadings", {"bulk": "csv"})[1]["linkToBulk"]
    parts = urlsplit(own_site.api.address)
    whole: list[Any] = []
    broken: list[Exception] = []

    def ask() -> None:
        while not broken:
            client = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
            try:
                client.request("POST", "/v1/meterReadings", encoded({"pageSize": 1000}), KIND)
                whole.append(len(json.loads(client.getresponse().read())["content"]) == 1000)
                client.request("GET", urlsplit(link).path)
                whole.append(client.getresponse().read().count(b"\r\n") == 20_001)
            except (OSError, http.client.HTTPException) as e:
                broken.append(e)
            client.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(whole) > 4)
    own_site.api.kill()
    for thread in threads:
        thread.join()
    assert all(whole)
    assert broken
