"""The topics of the chain: who publishes what, how, and examples of it."""

from typing import Any, NamedTuple

from smartmeter.wire import receipt, refusal, topics
from smartmeter_gateway.intake import pipeline, validation
from smartmeter_gateway.monitoring.meter_state import CODES_MAX
from smartmeter_gateway.uplink import batching
from smartmeter_service.json_depth import LEVELS_MAX

from . import forms

LAN, CLOUD = "lan", "cloud"

METER, CONCENTRATOR = "smartMeterId", "concentratorId"
PARAMETERS = {
    METER: "the id of a smart meter: 1 to 64 of A-Z a-z 0-9 _ -, and a dot in older ones",
    CONCENTRATOR: "the id of a Concentrator, of the same characters",
}


def _named(topic: str) -> str:
    """A topic with its ids in braces."""
    for name in PARAMETERS:
        topic = topic.replace(name, f"{{{name}}}")
    return topic


class Channel(NamedTuple):
    """One topic.

    brokers: where; form: the JSON's type, or None for bytes; array: of several in one message.
    sent: whether the Concentrator publishes it; None if it has no part in it.
    notes: paragraphs; examples: documents, or hexadecimal digits of bytes.
    """

    name: str
    title: str
    topic: str
    brokers: tuple[str, ...]
    sender: str
    receivers: str
    sent: bool | None
    retained: bool
    form: type | None
    notes: tuple[str, ...]
    examples: tuple[Any, ...]
    array: bool = False


READING = {
    "time": "2026-11-22T21:10:05+01:00",
    "clock": "meter",
    "seq": 40217,
    "auth": "verified",
    "values": {
        "1.7.0": 133,
        "2.7.0": 0,
        "16.7.0": 133,
        "1.8.0": 1136784,
        "2.8.0": 0,
        "32.7.0": 229.4,
    },
}
_LATER = READING | {
    "time": "2026-11-22T21:10:10+01:00",
    "seq": 40218,
    "values": {"1.7.0": 140, "2.7.0": 0, "16.7.0": 140},
}
_GAS = {
    "time": "2026-07-03T14:00:00+02:00",
    "clock": "meter",
    "seq": 8579,
    "auth": "none",
    "medium": "gas",
    "units": {"24.2.1": "m3"},
    "values": {"24.2.1": 92.287},
}
_STATUS = {
    "state": "online",
    "time": "2026-11-22T21:10:00+01:00",
    "version": "0.1.0",
    "line": "2400 8E1",
    "progress": "readings",
    "readings": 720,
    "faults": {"checksum": 1},
    "silent": 4,
    "rssi": -61,
}
_CONCENTRATOR = {
    "state": "online",
    "time": "2026-11-22T21:10:06+01:00",
    "version": "0.1.0",
    "uptime": 3600,
    "spool": {"rows": 0, "bytes": 0, "oldest": None, "dropped": 0, "refused": 0},
    "refused": {"content": 2},
    "refusals": [
        {
            "meter": "garage",
            "kind": "content",
            "field": "clock",
            "detail": f"not a reading: clock is missing; it must be {validation.FORM['clock']}",
            "time": "2026-11-22T21:09:58+01:00",
        }
    ],
    "faults": {},
    "links": {"LAN broker": {"up": True, "since": 1795374600}},
    "alarms": [],
}
_STATE = {
    "time": "2026-11-22T21:10:05+01:00",
    "state": "online",
    "reason": None,
    "power_import_w": 133,
    "power_export_w": 0,
    "power_w": 133,
    "energy_import_kwh": 1136.784,
    "energy_export_kwh": 0.0,
    "voltage_l1_v": 229.4,
}
_SILENT = _STATE | {
    "state": "silent",
    "reason": "no bytes: is the cable on the meter, and its interface switched on?",
    "power_import_w": None,
    "power_export_w": None,
    "power_w": None,
    "voltage_l1_v": None,
}
_GAS_STATE = {
    "time": "2026-07-03T14:00:00+02:00",
    "state": "online",
    "reason": None,
    "gas_m3": 92.287,
}
_IN_ARRAYS = f"at most {batching.READINGS_MAX} readings and {batching.ARRAY_BYTES_MAX:,} bytes"
_DIGEST = receipt.digest(topics.uplink("home", "m-1", topics.READING), b"{}").hex()

CHANNELS = (
    Channel(
        "reading",
        "A reading on the LAN",
        _named(topics.meter(METER, topics.READING)),
        (LAN,),
        "adapters",
        "the Concentrator",
        False,
        False,
        forms.Reading,
        (
            "Each message is one reading. Publish it when the meter sends, at most "
            f"{pipeline.READINGS_PER_S:g} a second on average.",
            "`time` and `seq` together identify a reading of a meter forever. A message that "
            "comes again is stored once. Count `seq` up, over restarts too, for example from the "
            "milliseconds since 1970.",
            "A value that the meter did not send is missing. Never send 0 in its place.",
            "Send `16.7.0`, too: import minus export, negative while you export. Most consumers "
            "read it.",
            "Do not retain readings: a retained one would come again at each connection, so it "
            "is refused.",
            f"A reading has at most {validation.PAYLOAD_MAX:,} bytes and {LEVELS_MAX} levels of "
            "objects and arrays.",
        ),
        (READING, _GAS),
    ),
    Channel(
        "status",
        "The status of an adapter",
        _named(topics.meter(METER, topics.STATUS)),
        (LAN,),
        "adapters",
        "the Concentrator",
        False,
        True,
        forms.Status,
        (
            'Publish `{"state":"online"}` after each connect, and the last will '
            '`{"state":"offline"}`. Everything else is optional.',
            "An empty message withdraws the status. Any JSON object of at most "
            f"{validation.STATUS_MAX:,} bytes is taken.",
        ),
        (_STATUS, {"state": "offline"}),
    ),
    Channel(
        "raw",
        "A decrypted telegram",
        _named(topics.meter(METER, topics.RAW)),
        (LAN,),
        "adapters",
        "the Concentrator",
        False,
        False,
        None,
        (
            "Bytes: one telegram, decrypted and not parsed. It may have its link layer, such as "
            "HDLC or M-Bus, or begin with the DLMS APDU. The Concentrator detects which.",
            "The Concentrator decodes it if its settings have a `[[meter]]` with this id. It needs "
            "no `key_file`, because with a key an unencrypted telegram is refused.",
            f"At most {validation.TELEGRAM_MAX:,} bytes. It is binary: a program that reads JSON "
            "must not subscribe to `smartMeterMessage/#`.",
        ),
        ("0f00000001000204090c0a0b",),
    ),
    Channel(
        "ciphered",
        "An encrypted telegram",
        _named(topics.meter(METER, topics.CIPHERED)),
        (LAN,),
        "adapters without a key",
        "the Concentrator",
        False,
        False,
        None,
        (
            "Bytes: one telegram as the meter sent it, encrypted. It may have its link layer, or "
            "begin with the APDU: general-glo-ciphering or general-ded-ciphering.",
            "The Concentrator decrypts it with `key_file` of the `[[meter]]` with this id.",
        ),
        ("db084b464d1020000001",),
    ),
    Channel(
        "update",
        "A command to an adapter",
        _named(topics.command(METER, topics.UPDATE)),
        (LAN,),
        "`python -m tools.update`",
        "this project's adapters",
        None,
        False,
        forms.UpdateCommand,
        (
            "Only this project's firmware listens to it, and only if it has a key for signed "
            "bundles. It may be retained.",
            "Instead of JSON, a message may be a piece of a bundle. It begins with two numbers of "
            "4 bytes, big endian: the place of the piece, and the bundle's length.",
        ),
        ({"url": "https://updates.example/bundle.bin"},),
    ),
    Channel(
        "state",
        "The state of a meter, for consumers",
        _named(topics.uplink(CONCENTRATOR, METER, topics.STATE)),
        (LAN,),
        "the Concentrator",
        "Home Assistant, evcc, Node-RED and others",
        True,
        True,
        forms.State,
        (
            "It comes within a second after a reading is on the Concentrator's disk, and when a "
            "value ceases. It does not matter how the reading came: as `reading`, `raw` or "
            "`ciphered`, or by a port of the Concentrator.",
            "A meter's values are valid if its `state` is `online` and that of the Concentrator's "
            "status is `online`.",
            "A value that the meter has never sent is missing. It is null if it has not come for "
            "three of its usual intervals. A code that is not listed here is called `obis_96_50_0` "
            f"or the like. A meter has at most {CODES_MAX} values.",
            "An empty message means that the meter was taken away.",
        ),
        (_STATE, _SILENT, _GAS_STATE),
    ),
    Channel(
        "concentratorStatus",
        "The status of a Concentrator",
        _named(topics.concentrator_status(CONCENTRATOR)),
        (LAN, CLOUD),
        "the Concentrator",
        "consumers, the Cloud",
        True,
        True,
        forms.ConcentratorStatus,
        (
            "It comes every 10 s, and about a second after something changed.",
            "On the LAN it has no `meters`, because each of them has a state there.",
        ),
        (_CONCENTRATOR, {"state": "offline"}),
    ),
    Channel(
        "cloudReading",
        "A reading on its way to the Cloud",
        _named(topics.uplink(CONCENTRATOR, METER, topics.READING)),
        (CLOUD,),
        "the Concentrator",
        "the Cloud",
        True,
        False,
        forms.Reading,
        ("The payload is byte for byte what the adapter sent, or what the Concentrator decoded.",),
        (READING,),
    ),
    Channel(
        "cloudReadings",
        "Several readings on their way to the Cloud",
        _named(topics.uplink(CONCENTRATOR, METER, topics.READINGS)),
        (CLOUD,),
        "the Concentrator",
        "the Cloud",
        True,
        False,
        forms.Reading,
        (f"An array of one meter's readings, after an outage: {_IN_ARRAYS}.",),
        ([READING, _LATER],),
        array=True,
    ),
    Channel(
        "cloudStatus",
        "The status of an adapter, for the Cloud",
        _named(topics.uplink(CONCENTRATOR, METER, topics.STATUS)),
        (CLOUD,),
        "the Concentrator",
        "the Cloud",
        True,
        True,
        forms.Status,
        ("The payload is what the adapter published, or what the Concentrator says of a port.",),
        (_STATUS,),
    ),
    Channel(
        "receipts",
        "What the Cloud has stored",
        _named(topics.receipts(CONCENTRATOR)),
        (CLOUD,),
        "the Cloud",
        "the Concentrator",
        False,
        False,
        None,
        (
            f"Bytes: one digest of {receipt.SIZE} bytes after the other. A digest is the first "
            f"{receipt.SIZE} bytes of SHA-256 over the message's topic, a zero byte and its "
            "payload.",
            "It comes after the database has committed the message. A PUBACK of the broker does "
            "not mean that. The Concentrator sends again what gets no receipt.",
        ),
        (_DIGEST,),
    ),
    Channel(
        "refusals",
        "What the Cloud has refused",
        _named(refusal.topic(CONCENTRATOR)),
        (CLOUD,),
        "the Cloud",
        "the Concentrator",
        False,
        False,
        forms.CloudRefusal,
        (
            "A refusal that is not final leaves the message with the Concentrator, which raises an "
            "alarm and tries again later.",
        ),
        (
            {
                "digest": _DIGEST,
                "reason": "the meter m-1 belongs to another household; see smartmeter-cloud move",
                "final": False,
                "scope": "meter",
            },
        ),
    ),
)
