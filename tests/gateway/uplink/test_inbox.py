"""The uplink's inbox: events in the order of their arrival, and bounded rows in memory."""

import threading
import time

from smartmeter_gateway.spool.database import Row
from smartmeter_gateway.uplink.inbox import (
    ROWS_MAX,
    Disconnected,
    Forgotten,
    Inbox,
    Skipped,
    StatusDue,
    Stored,
)


def rows(*ids: int) -> list[Row]:
    return [Row(id, "m", "reading" if id else "status", b"{}") for id in ids]


def test_events_come_in_the_order_of_their_arrival() -> None:
    """A row that is deleted before the uplink sees it must not be published again."""
    inbox = Inbox("home")
    inbox.stored(rows(1, 2))
    inbox.forgotten([1, 2])
    inbox.status_due()
    inbox.disconnected()
    expected = [Stored(rows(1, 2)), Forgotten([1, 2]), StatusDue(), Disconnected()]
    assert list(inbox.take()) == expected
    assert list(inbox.take()) == []


def test_rows_that_are_too_many_for_memory_are_left_to_the_spool() -> None:
    inbox = Inbox("home")
    first = rows(*range(1, ROWS_MAX + 1))
    inbox.stored(first)
    inbox.stored(rows(7001, 7002, 0))
    assert list(inbox.take()) == [Stored(first), Stored(rows(0)), Skipped(7001)]
    inbox.stored(rows(7003))
    assert list(inbox.take()) == [Stored(rows(7003))]


def test_an_event_wakes_the_uplink() -> None:
    inbox = Inbox("home")
    woken = threading.Thread(target=inbox.wait, args=(600.0, False), daemon=True)
    woken.start()
    inbox.forgotten([1])  # no reason to wake by itself
    time.sleep(0.1)
    assert woken.is_alive()
    inbox.stored(rows(1))
    woken.join(60)
    assert not woken.is_alive()


def test_an_eager_uplink_does_not_wait_while_events_are_there() -> None:
    inbox = Inbox("home")
    inbox.forgotten([1])
    waiting = threading.Thread(target=inbox.wait, args=(600.0, True), daemon=True)
    waiting.start()
    waiting.join(60)
    assert not waiting.is_alive()
