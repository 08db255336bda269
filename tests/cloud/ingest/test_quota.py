"""A sender of too much is refused for a while and loses nothing; others do not notice."""

import threading
from collections.abc import Callable, Iterator

import pytest
from smartmeter.wire import refusal
from smartmeter_cloud.config.settings_file import load
from smartmeter_cloud.ingest.consumer import Ingest
from smartmeter_cloud.ingest.quota import Quota
from smartmeter_service.unexpected_errors import UnexpectedErrors

from tests.cloud.conftest import Cloud
from tests.cloud.harness import Concentrator, eventually, reading

Start = Callable[[float, float], None]


@pytest.fixture
def ingest(cloud: Cloud) -> Iterator[Start]:
    """Starts ingest with a quota of so many tokens per second, and so many at once."""
    started: list[tuple[Ingest, threading.Thread]] = []

    def start(rate: float, burst: float) -> None:
        settings = load(cloud.config)
        assert settings.broker is not None
        quota = Quota(cloud.store, rate, burst)
        one = Ingest(settings.broker, cloud.store, UnexpectedErrors(), quota=quota)
        thread = threading.Thread(target=one.run)
        thread.start()
        started.append((one, thread))
        eventually(lambda: one.state()["broker"]["connected"])

    yield start
    for one, thread in started:
        one.stop()
        thread.join(30)


def flood(house: Concentrator, meter: str, begin: int, count: int) -> None:
    """Readings in arrays of ten, each 11 tokens."""
    for first in range(begin, begin + count, 10):
        house.send(meter, [reading(seq) for seq in range(first, first + 10)], "readings")


def test_a_flood_is_refused_and_kept_while_the_neighbour_s_readings_arrive(
    cloud: Cloud, ingest: Start
) -> None:
    cloud.store.place_concentrator("house-1", "h1")
    cloud.store.place_concentrator("house-2", "h2")
    ingest(200, 100)
    flooder, neighbour = cloud.concentrator("house-1"), cloud.concentrator("house-2")
    flood(flooder, "m1", 0, 500)
    eventually(lambda: flooder.refusals)
    neighbour.send("m2", reading(1))
    neighbour.all_receipted()
    one = flooder.refusals[0]
    assert (one.final, one.scope) == (False, refusal.CONCENTRATOR)
    assert "more than 200 readings a second" in one.reason
    assert not neighbour.refusals
    assert [told.concentrator for told in cloud.store.refused_senders()] == ["house-1"]
    # Sent again one by one, as a Concentrator does, all of it is stored once.
    while flooder.waiting:
        answers = len(flooder.refusals) + len(flooder.receipts)
        flooder.send_again(1)
        eventually(lambda n=answers: len(flooder.refusals) + len(flooder.receipts) > n)
    assert cloud.rows("SELECT count(*) FROM reading") == [(501,)]


def test_a_household_cannot_send_more_by_more_concentrators(cloud: Cloud, ingest: Start) -> None:
    for name in ("house-1", "house-2", "house-3"):
        cloud.store.place_concentrator(name, "h1")
    ingest(0.001, 60)
    first, second, third = (cloud.concentrator(f"house-{n}") for n in (1, 2, 3))
    flood(first, "m1", 0, 20)
    flood(second, "m2", 0, 20)
    first.all_receipted()
    second.all_receipted()
    flood(third, "m3", 0, 20)
    eventually(lambda: third.refusals)
    assert third.refusals[0].reason.startswith("the household sends more than")
