"""Queries that take too long: they end, and other callers do not notice them."""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from smartmeter_cloud.api.concurrency_limit import AT_A_TIME, WAITING_MAX
from smartmeter_cloud.store import query_budget
from smartmeter_cloud.store.interface import QueryStopped
from smartmeter_cloud.store.query_budget import QueryBudget
from smartmeter_cloud.store.rows import ABOVE, BELOW, EQUAL, Condition
from smartmeter_cloud.store.sql import SqlStore

from tests.cloud import endless_store
from tests.cloud.api_process import Site, call
from tests.cloud.endless_store import ENDLESS
from tests.cloud.harness import eventually, reading
from tests.cloud.stores import add, opens, store

__all__ = ["opens", "store"]


@contextlib.contextmanager
def budget(seconds: float) -> Iterator[QueryBudget]:
    given = QueryBudget(seconds)
    token = query_budget.current.set(given)
    yield given
    query_budget.current.reset(token)


def count_for_ever(store: SqlStore) -> None:
    with store._reading() as db:
        db.all(ENDLESS)


def test_a_query_ends_with_its_budget_and_the_store_goes_on(store: SqlStore) -> None:
    add(store, "m1", reading(1))
    with budget(0.2):
        with pytest.raises(QueryStopped):
            count_for_ever(store)
        with pytest.raises(QueryStopped):
            count_for_ever(store)
    assert len(store.newest()) == 1


def test_a_query_ends_when_its_client_goes(store: SqlStore) -> None:
    with budget(600) as given:
        timer = threading.Timer(0.2, given.cancel)
        timer.start()
        with pytest.raises(QueryStopped):
            count_for_ever(store)
        timer.join()
    assert store.newest() == []


def test_codes_without_a_column_are_looked_for_by_the_database(store: SqlStore) -> None:
    add(
        store,
        "m1",
        reading(1, v1_7_0=1),
        reading(2, v1_7_0=1, v9_9_9=5),
        reading(3, v9_9_9=6.5),
        reading(4, v9_9_8=5),
    )

    def found(*codes: str, **signs: float) -> list[int]:
        meets = {"above": ABOVE, "below": BELOW, "equal": EQUAL}
        conditions = [Condition("9.9.9", meets[sign], number) for sign, number in signs.items()]
        some = store.readings("m1", (0, -1), 2**60, conditions, codes, 10)
        return [one.seq for one in some]

    assert found() == [1, 2, 3, 4]
    assert found("9.9.9") == [2, 3]
    assert found("9.9.8", "1.7.0") == [1, 2, 4]
    assert found(above=5) == [3]
    assert found(below=6) == found(equal=5) == [2]
    assert found("1.7.0", above=4) == [2]


@pytest.mark.parametrize("code", ["nonsense' OR 1=1--", "9.9", "1.8.0.", "9.9.9999", "", "a.b.c"])
def test_what_is_no_obis_code_is_refused(site: Site, code: str) -> None:
    body = {"operationalProperties": [{"specificPropertyName": f"OBIS_{code}"}]}
    assert call(site, "POST", "v1/meterReadings", body)[0] == 422
    for good in ("9.9.9", "1-0:1.8.0"):
        body = {"operationalProperties": [{"specificPropertyName": f"OBIS_{good}"}]}
        assert call(site, "POST", "v1/meterReadings", body)[0] == 200


def start(tmp_path: Path, seconds: float) -> Site:
    program = [endless_store.__file__, str(seconds)]
    site = Site(tmp_path, guarded=True, program=program)
    site.two_households()
    return site


def ask(site: Site, key: str) -> socket.socket:
    """Start a query that never ends."""
    parts = urlsplit(site.api.address)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=60)
    head = f"POST /v1/meterReadings HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
    connection.sendall(
        head.encode() + b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )
    return connection


def test_one_household_cannot_occupy_the_api(tmp_path: Path) -> None:
    site = start(tmp_path, 600)
    smith, jones = site.key("read", "smith"), site.key("read", "jones")
    try:
        with contextlib.ExitStack() as stack:
            asked = [stack.enter_context(ask(site, smith)) for _ in range(60)]
            for _ in range(10):
                assert [m["id"] for m in call(site, "GET", "v1/meters", key=jones)[1]] == ["m2"]
                assert site.api.get("healthz") == {"status": "ok"}
            asked += [stack.enter_context(ask(site, smith)) for _ in range(60)]
            answered: list[socket.socket] = []
            while len(answered) < len(asked) - AT_A_TIME - WAITING_MAX:
                answered = select.select(asked, [], [], 60)[0]
            assert {connection.recv(12) for connection in answered} == {b"HTTP/1.1 429"}
        # All have gone, and their queries end with them.
        eventually(lambda: call(site, "GET", "v1/meters", key=smith)[0] == 200)
        assert [m["id"] for m in call(site, "GET", "v1/meters", key=smith)[1]] == ["m1"]
    finally:
        site.end()


def test_a_query_that_takes_too_long_is_answered(tmp_path: Path) -> None:
    site = start(tmp_path, 1)
    try:
        status, problem, headers = call(site, "POST", "v1/meterReadings", {}, key=site.key("read"))
        assert (status, headers["Retry-After"]) == (503, "10")
        assert problem["detail"] == "this takes longer than 1 s; ask for less at a time"
    finally:
        site.end()
