"""The core's own pollers against the virtual meters that want an answer, on a clock of its own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from smartmeter import Reading, Receiver
from smartmeter.dialog.amis import Amis
from smartmeter.dialog.kmp import Kmp
from smartmeter.dialog.polling import Poller
from smartmeter.dialog.signon import SignOn
from smartmeter.reading import decimal

from tools.meters import forms
from tools.meters.household import Household

START = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
STEP_MS = 20
PAUSE_MS = 1500  # after which the intakes flush


def converse(name: str, poller: Any, seconds: float, **options: Any) -> tuple[list[Any], list[Any]]:
    """Meter and poller on one line; the readings, and what the meter put in."""
    meter = forms.make(name, Household(seed=5), **options)
    form = meter.form
    responder = form.responder(meter)
    receiver = Receiver(meter.key if form.ciphered else None)
    baud = poller.setting[0]
    on_line: list[tuple[int, int, bytes]] = []  # when its last byte is there, at which rate
    truths = []
    events: list[Any] = []
    heard_ms = 0
    for now_ms in range(0, int(seconds * 1000), STEP_MS):
        now = START + timedelta(milliseconds=now_ms)
        heard = b""
        while on_line and on_line[0][0] <= now_ms:
            _, rate, wire = on_line.pop(0)
            heard += wire if rate == baud else b"\xfe\x80" * len(wire)
        events += receiver.feed(heard)
        send = poller.received(heard, now_ms)
        due, change = poller.due(now_ms)
        answers = responder.due(now)
        if send + due:
            # The meter hears them once the last bit has come.
            responder.baud = 300 if isinstance(poller, SignOn) else responder.baud
            answers += responder.received(send + due, now)
        baud = change or baud
        at = now_ms + len(send + due) * 10000 // baud
        for answer in answers:
            at += answer.delay_ms + len(answer.wire) * 10000 // answer.baud
            on_line.append((at, answer.baud, answer.wire))
            if answer.truth is not None:
                truths.append(answer.truth)
        if heard:
            heard_ms = now_ms
        elif now_ms - heard_ms == PAUSE_MS:
            events += receiver.flush()
    return events, truths


@pytest.mark.parametrize(
    ("name", "seconds", "least"),
    [
        ("amis", 30, 20),
        ("iec-readout", 60, 5),
        ("iec-readout-td3511", 60, 5),
        ("iec-mode-a", 60, 4),
        ("mbus-polled", 60, 5),
        ("mbus-polled-tariffs", 60, 5),
        ("mbus-polled-heat", 60, 5),
        ("mbus-polled-water", 60, 5),
        ("iec-readout-heat", 60, 4),
        ("kmp-heat", 200, 3),
    ],
)
@pytest.mark.parametrize("echo", [False, True])
def test_readings_are_what_the_meter_put_in(
    name: str, seconds: float, least: int, echo: bool
) -> None:
    if name.startswith("mbus"):
        poller: Any = Poller(interval_ms=10000)
        options = {}  # no light, no echo
    elif name.startswith("kmp"):
        poller = Kmp(interval_ms=60000)
        options = {"echo": echo}
    else:
        poller = Amis() if name == "amis" else SignOn(interval_ms=10000)
        options = {"echo": echo}
    events, truths = converse(name, poller, seconds, **options)
    readings = [e for e in events if isinstance(e, Reading)]
    assert len(readings) >= least
    assert len(readings) == len(events), [e for e in events if not isinstance(e, Reading)]
    for reading, truth in zip(readings, truths, strict=False):
        for code, value in truth["values"].items():
            assert float(decimal(reading.values[code])) == pytest.approx(float(value)), code
