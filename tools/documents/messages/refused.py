"""What the Concentrator refuses of readings and statuses: its own sentences, by asking it."""

import json
from typing import Any, NamedTuple

from smartmeter.wire import topics
from smartmeter_gateway.intake import pipeline, validation
from smartmeter_gateway.intake.validation import Refused

from .channels import READING


class Case(NamedTuple):
    """What somebody may publish by mistake: the last level of the topic, what, and the payload."""

    specific: str
    what: str
    payload: bytes


def _reading(**changes: Any) -> bytes:
    changed = {name: value for name, value in (READING | changes).items() if value is not None}
    return json.dumps(changed).encode()


CASES = (
    Case("Reading", "a topic with another last level", _reading()),
    Case(topics.READING, "an empty message", b""),
    Case(topics.READING, "`power=133`", b"power=133"),
    Case(topics.READING, "an array of readings", b"[" + _reading() + b"]"),
    Case(topics.READING, "no `clock`", _reading(clock=None)),
    Case(topics.READING, '`"time":1795374605`', _reading(time=1795374605)),
    Case(topics.READING, "a time without offset", _reading(time="2026-11-22T21:10:05")),
    Case(topics.READING, '`"seq":"7"`', _reading(seq="7")),
    Case(topics.READING, '`"auth":true`', _reading(auth=True)),
    Case(topics.READING, '`"values":{"power":133}`', _reading(values={"power": 133})),
    Case(topics.READING, '`"values":{"1.7.0":"133 W"}`', _reading(values={"1.7.0": "133 W"})),
    Case(topics.READING, '`"values":{}`', _reading(values={})),
    Case(topics.READING, '`"values":{"1.8.0":-5}`', _reading(values={"1.8.0": -5})),
    Case(topics.STATUS, "`online` alone", b"online"),
)

# Refusals that depend on more than the message.
OTHERS = (
    (validation.TOPIC, "a retained reading or telegram; an id with other characters"),
    (validation.SIZE, "a message that is too long"),
    (
        validation.RATE,
        f"more than {pipeline.READINGS_PER_S:g} readings of one meter a second, after a burst of "
        f"{pipeline.READINGS_BURST:,.0f}",
    ),
    (validation.METERS, f"more than {pipeline.METERS_MAX:,} meters"),
    (validation.SETTINGS, "`raw` or `ciphered` of a meter without `[[meter]]` in the settings"),
    (validation.COST, "more telegrams of one meter than the Concentrator can decode in time"),
    (validation.VALUES, "a telegram without any of the values to publish"),
    ("key, tag, replay, ...", "a telegram that cannot be read: the kind is that of the fault"),
)


def refusal(case: Case) -> Refused:
    """What the Concentrator says to it; ValueError if it takes it."""
    try:
        _, specific = validation.address(topics.meter("m-1", case.specific))
        validation.check_specific(specific)
        if specific == topics.STATUS:
            validation.status(case.payload)
        else:
            validation.bounded(case.payload, validation.PAYLOAD_MAX)
            validation.reading(case.payload)
    except Refused as why:
        return why
    raise ValueError(f"{case.what} is taken")
