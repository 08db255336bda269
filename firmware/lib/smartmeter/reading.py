"""A reading: what one telegram of a meter said.

Numbers are (mantissa, exponent) pairs of integers: 229.4 V is (2294, -1). No float
takes part, because an ESP32's have 24 bits and a total of 12345678.9 Wh needs 27.
"""

# The specification's output parameters; what may leave an adapter unless its settings name more.
ALLOWED = (
    "1.7.0",
    "2.7.0",
    "16.7.0",
    "1.8.0",
    "2.8.0",
    "3.8.0",
    "4.8.0",
    "31.7.0",
    "32.7.0",
    "51.7.0",
    "52.7.0",
    "71.7.0",
    "72.7.0",
)

RATIO_MAX = 100_000  # of transformers: from 5 A to 2000 A and from 100 V to 20 kV is 80 000

# What is known of where a telegram comes from.
VERIFIED = "verified"  # its authentication tag was checked
UNVERIFIED = "unverified"  # it has a tag, but no authentication key is known
NONE = "none"  # it has no tag

ELECTRICITY = "electricity"
MEDIA = (ELECTRICITY, "gas", "water", "heat", "cooling")

_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Reading:
    """One telegram's values.

    meter    str: the id the telegram itself gives, "" if it gives none
    time     RFC 3339 text with offset, or None if the telegram has no valid one
    clock    whose time it is: "meter", "adapter" once stamped, or None
    seq      int: the invocation counter where there is one, else the count given to stamp()
    counter  int: the invocation counter, or None
    auth     "verified", "unverified" or "none"
    values   {"C.D.E": (mantissa, exponent)} in W, var, VA, Wh, varh, VAh, V, A, Hz, m3 ...
    codes    {"C.D.E": "A-B:C.D.E"}: the code in full, for the same keys
    units    {"C.D.E": "W"}: "" if a number has no unit
    texts    {"A-B:C.D.E": str}: not numbers: ids, types, the tariff
    ratio    int: what powers, energies and currents were multiplied by; 1 without transformers
    medium   "electricity", "gas", "water", "heat" or "cooling"
    channel  0, or 1 to 8 for a sub-meter that is read through the main meter
    submeters  list of Reading: those that came with this one, if any
    layers   tuple of str: what was found on the way, link layer first
    payload  bytes: the telegram decrypted and unparsed
    """

    __slots__ = (
        "auth",
        "channel",
        "clock",
        "codes",
        "counter",
        "layers",
        "medium",
        "meter",
        "payload",
        "ratio",
        "seq",
        "submeters",
        "texts",
        "time",
        "units",
        "values",
    )

    def __init__(
        self, meter: str = "", time: str | None = None, counter: int | None = None, auth: str = NONE
    ) -> None:
        self.meter = meter
        self.time = time
        self.clock: str | None = "meter" if time else None
        self.counter = counter
        self.seq = counter
        self.auth = auth
        self.medium = ELECTRICITY
        self.channel = 0
        self.submeters: "list[Reading] | None" = None
        self.values: dict[str, tuple[int, int]] = {}
        self.codes: dict[str, str] = {}
        self.units: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.ratio = 1
        self.layers: tuple[str, ...] = ()
        self.payload: bytes | bytearray = b""

    def __repr__(self) -> str:
        return "Reading(%r, %r, %d values)" % (self.time, self.auth, len(self.values))


def decimal(value: tuple[int, int]) -> str:
    """(mantissa, exponent) as decimal text, to the last digit given: (2300, -1) is "230.0"."""
    mantissa, exponent = value
    if exponent >= 0:
        return str(mantissa * 10**exponent)
    digits = str(mantissa if mantissa >= 0 else -mantissa)
    if len(digits) <= -exponent:
        digits = "0" * (1 - exponent - len(digits)) + digits
    sign = "-" if mantissa < 0 else ""
    return sign + digits[:exponent] + "." + digits[exponent:]


def is_moment(year: int, month: int, day: int, hour: int, minute: int, second: int) -> bool:
    """Whether this day and this time exist; leap seconds do not."""
    if not (year >= 1 and 1 <= month <= 12 and 1 <= day <= _DAYS[month - 1]):
        return False
    if month == 2 and day == 29 and (year % 4 or (year % 100 == 0 and year % 400)):
        return False
    return hour < 24 and minute < 60 and second < 60


def offset(minutes: int) -> str:
    """The end of an RFC 3339 time that is so many minutes ahead of UTC."""
    return "%s%02d:%02d" % ("-" if minutes < 0 else "+", abs(minutes) // 60, abs(minutes) % 60)
