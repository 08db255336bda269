"""The fields of each JSON message, as types. A reading has that of the Concentrator's check."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from smartmeter_gateway.intake.validation import CheckedReading

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Count = Annotated[int, Meta(ge=0)]


def about(text: str) -> Any:
    """A field's description."""
    return Meta(description=text)


class Reading(CheckedReading):
    """One telegram of a meter, or what an adapter measured at one moment.

    Other fields may follow. They are passed on and not read.
    """


class Status(msgspec.Struct):
    """How an adapter is, for people. Only state has a meaning for programs."""

    state: Annotated[
        Literal["online", "offline", "safe"],
        about('"offline" is the last will; "safe" means that the adapter skips its meter'),
    ]
    time: Annotated[Time | UnsetType, about("the adapter's time; missing if not known")] = UNSET
    version: Annotated[str | UnsetType, about("its firmware")] = UNSET
    port: Annotated[str | UnsetType, about("the device of a Concentrator's own port")] = UNSET
    line: Annotated[str | UnsetType, about("the port's setting, such as 2400 8E1")] = UNSET
    progress: Annotated[
        str | UnsetType,
        about('what the port brings: "no bytes", "bytes but no frame", "readings" ...'),
    ] = UNSET
    silent: Annotated[Count | UnsetType, about("seconds since the newest reading")] = UNSET
    readings: Annotated[Count | UnsetType, about("readings since the start")] = UNSET
    published: Annotated[Count | UnsetType, about("of them, acknowledged by the broker")] = UNSET
    waiting: Annotated[Count | UnsetType, about("messages that wait for the broker")] = UNSET
    dropped: Annotated[Count | UnsetType, about("messages that had waited too long")] = UNSET
    repeated: Annotated[Count | UnsetType, about("messages sent again after a connect")] = UNSET
    left_out: Annotated[
        Count | UnsetType, about("readings not sent because of an interval or a deadband")
    ] = UNSET
    bytes: Annotated[Count | UnsetType, about("bytes from the meter")] = UNSET
    overflow: Annotated[Count | UnsetType, about("bytes from the meter that were lost")] = UNSET
    faults: Annotated[dict[str, Count] | UnsetType, about("telegrams not read, by kind")] = UNSET
    withheld: Annotated[str | UnsetType, about("which total is left out, and why")] = UNSET
    clock_set: Annotated[Time | UnsetType, about("when NTP set its clock")] = UNSET
    clock_offset: Annotated[int | UnsetType, about("seconds that the meter is ahead")] = UNSET
    ntp_failures: Annotated[Count | UnsetType, about("requests without an answer")] = UNSET
    rssi: Annotated[int | UnsetType, about("Wi-Fi signal in dBm")] = UNSET
    connects: Annotated[Count | UnsetType, about("connections since the start")] = UNSET
    last_trouble: Annotated[str | UnsetType, about("why a connection failed")] = UNSET
    commands: Annotated[str | UnsetType, about("why commands do not arrive")] = UNSET
    update: Annotated[str | UnsetType, about("the result of the last update")] = UNSET
    uptime: Annotated[Count | UnsetType, about("seconds since the start")] = UNSET
    reset: Annotated[str | UnsetType, about("the reason of the last start")] = UNSET
    restart: Annotated[str | UnsetType, about("why the adapter restarted itself")] = UNSET
    last_crash: Annotated[str | UnsetType, about("the last error of its program")] = UNSET
    heap: Annotated[Count | UnsetType, about("bytes of free memory")] = UNSET
    idf: Annotated[
        list[int] | UnsetType,
        about("memory for Wi-Fi and TLS: bytes free, in one piece, least so far"),
    ] = UNSET


class State(msgspec.Struct):
    """The newest of every value that a meter has sent, for consumers.

    A value is missing if the meter has never sent it. It is null if it has not come for three of
    its usual intervals. A code that is not listed is called obis_96_50_0 or the like.
    """

    time: Annotated[Time | None, about("of the newest reading; it only moves forward")]
    state: Annotated[
        Literal["online", "silent", "offline"],
        about('"silent" after three usual intervals, "offline" if its adapter is'),
    ]
    reason: Annotated[str | None, about("why it is silent or offline, in words")]
    signal_dbm: Annotated[
        int | UnsetType | None, about("of its adapter's Wi-Fi; missing if never reported")
    ] = UNSET


class Spool(msgspec.Struct):
    """What the Concentrator holds for the Cloud."""

    rows: Annotated[Count, about("messages that the Cloud has not stored")]
    bytes: Annotated[Count, about("their size")]
    oldest: Annotated[int | None, about("when the oldest one came, in seconds since 1970")]
    dropped: Annotated[Count, about("messages deleted because the spool was full")]
    refused: Annotated[Count, about("messages in it that the Cloud refuses")]


class Link(msgspec.Struct):
    """A connection or a port."""

    up: bool
    since: Annotated[int, about("in seconds since 1970")]
    reason: Annotated[str | UnsetType, about("why it is down")] = UNSET


class Refusal(msgspec.Struct):
    """The newest message of a meter that the Concentrator has refused."""

    kind: Annotated[str, about("one of the kinds below")]
    detail: Annotated[str, about("a sentence that says what is wrong")]
    time: Annotated[Time, about("when it came")]
    meter: Annotated[str | UnsetType, about("missing if the topic names none")] = UNSET
    field: Annotated[str | UnsetType, about("of a reading, if one field is wrong")] = UNSET


class Meter(msgspec.Struct):
    """What a Concentrator publishes of a meter, without its values."""

    last: Annotated[Time, about("the time of its newest reading")]
    path: Annotated[str, about("the path of its newest reading: LAN broker, or a port")]
    readings: Annotated[Count, about("readings since the start")]
    paths: Annotated[list[str] | UnsetType, about("all paths, if there are several")] = UNSET
    duplicates: Annotated[Count | UnsetType, about("readings that came again")] = UNSET


class ConcentratorStatus(msgspec.Struct):
    """How a Concentrator is. The last will has state alone."""

    state: Annotated[Literal["online", "offline"], about('"offline" is the last will')]
    time: Annotated[Time | UnsetType, about("when this was published")] = UNSET
    version: Annotated[str | UnsetType, about("its version")] = UNSET
    uptime: Annotated[Count | UnsetType, about("seconds since the start")] = UNSET
    spool: Annotated[Spool | UnsetType, about("what it holds for the Cloud")] = UNSET
    refused: Annotated[dict[str, Count] | UnsetType, about("refused messages, by kind")] = UNSET
    refusals: Annotated[
        list[Refusal] | UnsetType, about("the newest refusal of each meter, newest first")
    ] = UNSET
    faults: Annotated[
        dict[str, Count] | UnsetType, about("telegrams of own ports not read, by kind")
    ] = UNSET
    links: Annotated[dict[str, Link] | UnsetType, about("its connections, by name")] = UNSET
    alarms: Annotated[list[str] | UnsetType, about("what somebody has to look after")] = UNSET
    meters: Annotated[
        dict[str, Meter] | UnsetType, about("its meters, by id; only for the Cloud")
    ] = UNSET


class CloudRefusal(msgspec.Struct):
    """A message that the Cloud has not stored."""

    digest: Annotated[
        str,
        Meta(
            pattern="^[0-9a-f]{32}$",
            description="of the message, as in a receipt, in hexadecimal digits",
        ),
    ]
    reason: Annotated[str, Meta(max_length=300, description="a sentence that says what to do")]
    final: Annotated[
        bool,
        about("true: the Cloud keeps it as a dead letter, and a receipt follows. false: try later"),
    ]
    scope: Annotated[
        Literal["message", "meter", "concentrator"],
        about("what else would be refused: nothing, all of the meter, all of the Concentrator"),
    ]


class UpdateCommand(msgspec.Struct):
    """The address of a signed bundle."""

    url: Annotated[str, Meta(pattern="^https://", max_length=512, description="of an HTTPS server")]
