"""The rows that go into and come out of a store, the same for every kind of store."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from smartmeter import ALLOWED

# The specification's output parameters have a column each; any other code is in `extra`.
CODES: tuple[str, ...] = tuple(ALLOWED)
NUL = "\N{REPLACEMENT CHARACTER}"  # for "\0", which PostgreSQL keeps in no text
PROPERTY_PREFIX = "OBIS_"  # the specification names a code's property OBIS_1.8.0
COLUMNS = tuple("obis_" + code.replace(".", "_") for code in CODES)

# Imported readings are marked by these. No adapter counts below 0, so that they never take the
# place of one that the meter itself sent.
IMPORTED_SEQ = -1
IMPORTED_CLOCK = "import"
# Energy of an interval (IEC 62056-61, D = 29), as grid operators give it. Its time is the start.
INTERVAL_DRAWN, INTERVAL_FED = "1.29.0", "2.29.0"

# (time, seq, received, offset, clock, auth, suspect, extra, *CODES, texts, ratio), as in the table
# `reading`
#   time, received: ms since 1970-01-01 UTC
#   seq: the invocation counter or the adapter's count;  offset: the time's UTC offset, minutes
#   clock: "meter", "adapter" or "import";  auth: "verified", "unverified" or "none"
#   suspect: 1 if the time is a day ahead of the arrival or 400 days behind it: a wrong clock
#   extra: JSON text of further codes and numbers, or None
#   then one number or None for each of CODES
#   texts: JSON text of codes and texts, or None;  ratio: of transformers, None for 1
#   Both are left out if both are None: SQLite takes 25 % longer for two columns more.
# A plain tuple, because it is created hundreds of thousands of times a second.
ReadingRow = tuple[Any, ...]
READING_COLUMNS = (
    *("meter", "time", "seq", "received", '"offset"', "clock", "auth", "suspect", "extra"),
    *COLUMNS,
    *("texts", "ratio"),
)


def by_width(rows: Iterable[ReadingRow]) -> list[tuple[int, list[ReadingRow]]]:
    """Rows of `reading` that have as many columns, with that number; each in its order."""
    found: dict[int, list[ReadingRow]] = {}
    for row in rows:
        found.setdefault(len(row), []).append(row)
    return sorted(found.items())


class DeadLetter(NamedTuple):
    """A message, or a part of an array, that cannot be stored as readings.

    digest: over topic and payload, see smartmeter.wire.receipt; concentrator: "" where the topic
    names none; payload: as it came, but shorter than size where an older version has cut it.
    """

    digest: bytes
    received: int
    topic: str
    reason: str
    size: int
    payload: bytes
    concentrator: str


class WantedLetters(NamedTuple):
    """Which dead letters: digest by its first hex digits, received in [start, end); None: any."""

    digest: str = ""
    household: str | None = None
    concentrator: str | None = None
    start: int = 0
    end: int = 2**62


class RefusedSender(NamedTuple):
    """Whose messages are refused, why, from when to when (ms), and how many there were.

    meter: "" where all of a Concentrator's are refused.
    """

    concentrator: str
    meter: str
    reason: str
    first: int
    last: int
    messages: int


class Stored(NamedTuple):
    """How many readings of a batch were new, and how many were already stored."""

    new: int
    repeated: int


@dataclass(frozen=True)
class Reading:
    """A stored reading; values holds every code, `extra` included.

    texts: what has no number, by code; ratio: what powers, energies and currents were multiplied
    by.
    """

    meter: str
    time: int
    seq: int
    offset: int
    clock: str
    auth: str
    suspect: bool
    received: int
    values: dict[str, int | float]
    texts: dict[str, str] = field(default_factory=dict)
    ratio: int = 1


class Medium(NamedTuple):
    """What a sub-meter measures: its medium, and the unit of each of its codes."""

    name: str
    units: Mapping[str, str]

    @property
    def meter_class(self) -> str:
        """The specification's class of such a meter; cooling is heat that is taken away."""
        return {"": "ELECTRICITY", "cooling": "HEAT"}.get(self.name, self.name.upper())


ELECTRICITY = Medium("", {})  # of a main meter, whose codes have a unit each


@dataclass(frozen=True)
class Newest:
    """A meter's newest reading; change grows with each one, gap is ms to the one before."""

    reading: Reading
    concentrator: str
    change: int
    gap: int | None
    medium: Medium = ELECTRICITY


class Bucket(NamedTuple):
    """Power over one slice of time, in W, export negative; start in ms."""

    start: int
    mean: float
    low: float
    high: float


class Phase(NamedTuple):
    """Voltage of one phase over a slice, in V."""

    mean: float
    low: float
    high: float


class Volts(NamedTuple):
    """L1, L2 and L3 over one slice of time, None if a phase has no reading; start in ms."""

    start: int
    phases: tuple[Phase | None, ...]


class Key(NamedTuple):
    """An API key or a session; only its digest is kept. household None: all of them.

    parent: the digest of the key or session that made it, and with which it is removed.
    """

    digest: bytes
    name: str
    scopes: str  # names with a blank between them
    household: str | None
    created: int
    expires: int | None
    once: bool  # gone when it has been used
    session: bool = False  # of a page, by its cookie
    parent: bytes | None = None

    @property
    def id(self) -> str:
        """What it is called by; not a secret."""
        return self.digest.hex()[:16]


class Invitation(NamedTuple):
    """The content of a one-time token; only its digest is stored. enrolled: by which key."""

    digest: bytes
    concentrator: str
    expires: int
    enrolled: bytes | None = None


class Certificate(NamedTuple):
    """A certificate that was issued to a Concentrator; key_digest: SHA-256 of its public key."""

    serial: str  # hex
    concentrator: str
    key_digest: bytes
    issued: int
    expires: int
    revoked: int | None
    der: bytes


class Meter(NamedTuple):
    """A meter: its household, its label, and its family (make and model).

    label and family are "" if nobody said.
    """

    name: str
    household: str
    label: str
    family: str = ""
    medium: Medium = ELECTRICITY


class Sum(NamedTuple):
    """Energy of all households together in `hours` hours, Wh; fed None if too few tell it."""

    start: int
    hours: int
    households: int
    drawn: float
    fed: float | None


ABOVE, BELOW, EQUAL = ">", "<", "="


@dataclass(frozen=True)
class Condition:
    """A condition: the value of code is above, below or equal to a number, or equal to a text."""

    code: str
    sign: str
    wanted: float | str
