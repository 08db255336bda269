"""Floods within the bounds, while the other household's readings must arrive on time."""

import time
from collections.abc import Callable

from smartmeter.wire import topics

from tools.attack.attacks import attack, held
from tools.attack.client import Client, RawConcentrator, document, eventually
from tools.attack.site import NEIGHBOUR, Site

_ON_TIME_S = 15.0
_MEMORY_MB = 400.0  # what a flood may add to a server


def _meanwhile(site: Site, seconds: float, send: Callable[[int], object]) -> None:
    """Sends as fast as the broker takes it; the honest household's worst delay is held."""
    until = time.monotonic() + seconds
    worst = 0.0
    number = 0
    while time.monotonic() < until:
        for _ in range(200):
            send(number)
            number += 1
        delay = site.delay_s()
        held(delay is not None, "the other household's readings no longer arrive")
        worst = max(worst, delay or 0.0)
    held(worst < _ON_TIME_S, f"the other household's reading came {worst:.0f} s late")


@attack("floods the Cloud with readings of its own meters")
def readings(site: Site) -> None:
    before = site.memory_mb(site.cloud)
    with site.evil() as evil:
        evil.is_in()
        start = int(time.time()) - 1_000_000

        def send(n: int) -> None:
            evil.send(f"flood-{n % 50}", document(n, start + n))

        _meanwhile(site, 5, send)
    grown = site.memory_mb(site.cloud) - before
    held(grown < _MEMORY_MB, f"the Cloud's memory grew by {grown:.0f} MB")


@attack("floods the Cloud with statuses of 200 kB of invented meters", "H9", short=False)
def statuses(site: Site) -> None:
    before = site.memory_mb(site.cloud)
    status = {"state": "online", "note": ["x" * 100] * 2000}
    with site.evil() as evil:
        evil.is_in()
        digests = [evil.send(f"status-{i}", status, topics.STATUS) for i in range(200)]
        eventually(lambda: evil.answered(digests[-1]), 10)
        delay = site.delay_s()
    held(delay is not None and delay < _ON_TIME_S, "the other household's readings are late")
    code, answer = site.call("GET", "v1/chain", site.admin)
    held(code == 200, f"/v1/chain answers {code}")
    size = len(str(answer))
    held(size < 2_000_000, f"/v1/chain has {size / 1e6:.0f} MB")
    (kept,) = site.rows("SELECT coalesce(sum(length(status)), 0) FROM box")[0]
    held(kept < 5_000_000, f"{kept / 1e6:.0f} MB of statuses are kept")
    grown = site.memory_mb(site.cloud) - before
    held(grown < _MEMORY_MB, f"the Cloud's memory grew by {grown:.0f} MB")


@attack("floods the Cloud with messages that can never be stored", short=False)
def dead_letters(site: Site) -> None:
    with site.evil() as evil, site.guest() as guest:
        evil.is_in()
        digests = [evil.send("junk", b"{%d" % i + b"x" * 500) for i in range(3000)]
        eventually(lambda: evil.answered(digests[-1]), 15)
        own = guest.send("meter-of-guest", b"malformed")
        answered = eventually(lambda: guest.receipted(own), 60)
        held(answered, "another household's dead letter finds no room")
    (kept,) = site.rows("SELECT count(*) FROM dead_letter WHERE topic LIKE '%house-c%'")[0]
    held(kept == 1, "another household's dead letter was pushed out")
    (size,) = site.rows("SELECT sum(length(payload)) FROM dead_letter")[0]
    held(size < 50_000_000, f"the dead letters have {size / 1e6:.0f} MB")


@attack("floods the LAN broker as an adapter", short=False)
def adapter(site: Site) -> None:
    with site.adapter(NEIGHBOUR) as evil:
        evil.is_in()
        topic = topics.meter(NEIGHBOUR, topics.READING)
        start = int(time.time()) - 500_000

        def send(n: int) -> None:
            evil.publish(topic, document(n, start + n))

        _meanwhile(site, 5, send)


@attack("floods with packets that are too large, on all ways at once")
def large(site: Site) -> None:
    big = b"{" + b" " * 3_000_000
    clients: list[Client] = [site.adapter(NEIGHBOUR), site.evil()]
    try:
        for _ in range(5):
            clients[0].publish(topics.meter(NEIGHBOUR, topics.READING), big)
            assert isinstance(clients[1], RawConcentrator)
            clients[1].send("big", big)
        delay = site.delay_s()
        held(delay is not None and delay < _ON_TIME_S, "the other household's readings are late")
    finally:
        for client in clients:
            client.stop()


@attack("asks for 300 downloads and keeps none", short=False)
def downloads(site: Site) -> None:
    for _ in range(300):
        status, _ = site.call("POST", "v1/meterReadings", site.evil_key, {"bulk": "csv"})
        held(status in (200, 422, 429, 503), f"a download is answered with {status}")
    (size,) = site.rows("SELECT coalesce(sum(length(query)), 0) FROM download")[0]
    held(size < 10_000_000, f"the queries of downloads have {size / 1e6:.0f} MB")
