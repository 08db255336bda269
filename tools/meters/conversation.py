"""A meter that answers a reader on a port."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from .form import Form
from .line import Line
from .pusher import Time, bytes_per_second, note
from .responder import Answer, Responder

LISTEN_S = 0.05
NOISE = b"\x00\xff"  # what a reader hears at the wrong rate, in turn


def converse(
    responder: Responder,
    form: Form,
    line: Line,
    clock: Time,
    truth_file: TextIO | None,
    count: int | None,
    stopping: Callable[[], bool],
    strict_baud: bool,
) -> None:
    """Answer until stopped, or until `count` telegrams are sent completely.

    strict_baud: the reader hears only what is sent at the rate it has set on its port, and is
    heard only at the meter's.
    """
    sent = 0
    while not stopping() and (count is None or sent < count):
        if not line.open():
            time.sleep(LISTEN_S)
            continue
        heard = line.receive(LISTEN_S)
        if strict_baud and heard and line.speed() not in (None, responder.baud):
            heard = b""
        now = clock.now()
        answers = responder.received(heard, now) if heard else []
        for answer in answers + responder.due(now):
            if _say(answer, form, line, clock, strict_baud) and answer.truth is not None:
                note(truth_file, answer.truth)
                sent += 1


def _say(answer: Answer, form: Form, line: Line, clock: Time, strict_baud: bool) -> bool:
    """Send an answer after its delay; whether somebody received it completely and readably."""
    if answer.delay_ms and not line.sleep_until(
        time.monotonic() + answer.delay_ms / 1000 / clock.speed
    ):
        return False
    readable = not strict_baud or line.speed() in (None, answer.baud)
    wire = answer.wire if readable else (NOISE * len(answer.wire))[: len(answer.wire)]
    pace = bytes_per_second(form, answer.baud) * clock.speed
    return line.send(wire, pace) and readable
