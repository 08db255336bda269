"""A reading: what one telegram of a meter said, and its one JSON form.

Numbers are (mantissa, exponent) pairs of integers: 229.4 V is (2294, -1). No float
takes part, because an ESP32's have 24 bits and a total of 12345678.9 Wh needs 27.
"""

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Iterable

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

# What is known of where a telegram comes from.
VERIFIED = "verified"  # its authentication tag was checked
UNVERIFIED = "unverified"  # it has a tag, but no authentication key is known
NONE = "none"  # it has no tag
AUTH = (VERIFIED, UNVERIFIED, NONE)

CLOCKS = ("meter", "adapter")

_DIGITS_MAX = 40  # of one number; a 64-bit integer has 20, and 10^19 may scale it
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Reading:
    """One telegram's values.

    meter    str: the id the telegram itself gives, "" where it gives none
    time     RFC 3339 text with offset, or None where the telegram has no valid one
    clock    whose time it is: "meter", "adapter" once stamped, or None
    seq      int: the invocation counter where there is one, else the count given to stamp()
    counter  int: the invocation counter, or None
    auth     "verified", "unverified" or "none"
    values   {"C.D.E": (mantissa, exponent)} in W, var, VA, Wh, varh, VAh, V, A, Hz, m3 ...
    codes    {"C.D.E": "A-B:C.D.E"}: the code in full, for the same keys
    units    {"C.D.E": "W"}: "" where a number has no unit
    texts    {"A-B:C.D.E": str}: what is no number: ids, types, the tariff
    layers   tuple of str: what was found on the way, link layer first
    payload  bytes: the telegram deciphered and unparsed
    """

    __slots__ = (
        "auth",
        "clock",
        "codes",
        "counter",
        "layers",
        "meter",
        "payload",
        "seq",
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
        self.values: dict[str, tuple[int, int]] = {}
        self.codes: dict[str, str] = {}
        self.units: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.layers: tuple[str, ...] = ()
        self.payload: bytes | bytearray = b""

    def __repr__(self) -> str:
        return "Reading(%r, %r, %d values)" % (self.time, self.auth, len(self.values))

    def stamp(self, time: str, seq: int) -> None:
        """Fills in what the telegram did not give: time (RFC 3339 text) and seq (int >= 0)."""
        if self.time is None:
            if not is_time(time):
                raise ValueError("a reading is stamped with an RFC 3339 time")
            self.time = time
            self.clock = "adapter"
        if self.seq is None:
            self.seq = seq

    def to_json(self, only: "Iterable[str] | None" = None) -> str:
        """The wire form as str; only = the "C.D.E" codes that may be in it, by default ALLOWED."""
        if only is None:
            only = ALLOWED
        values = self.values
        numbers = ['"%s":%s' % (c, decimal(values[c])) for c in only if c in values]
        return '{"time":%s,"clock":%s,"seq":%s,"auth":"%s","values":{%s}}' % (
            _quoted(self.time),
            _quoted(self.clock),
            "null" if self.seq is None else self.seq,
            self.auth,
            ",".join(numbers),
        )

    @staticmethod
    def from_json(text: str | bytes) -> "Reading":
        """The Reading in a message (str or bytes); ValueError with one sentence where it is none.

        A message has a time, a seq and at least one value: what they lack cannot be stored.
        The wire does not carry meter, counter, codes and units; units are those of the codes.
        """
        from .wire import reading_of  # no device takes readings in

        return reading_of(text)


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


def parse_decimal(text: str) -> tuple[int, int]:
    """The (mantissa, exponent) of plain decimal text such as -0.17; ValueError otherwise."""
    if not 0 < len(text) <= _DIGITS_MAX:
        raise ValueError("a number has 1 to %d digits" % _DIGITS_MAX)
    body = text[1:] if text[0] in "+-" else text
    whole, point, fraction = _partition(body)
    digits = whole + fraction
    if not whole or (point and not fraction) or not is_digits(digits):
        raise ValueError("a number is digits and at most one decimal point")
    mantissa = int(digits)
    return (-mantissa if text[0] == "-" else mantissa), -len(fraction)


def _partition(text: str) -> tuple[str, bool, str]:
    i = text.find(".")
    return (text, False, "") if i < 0 else (text[:i], True, text[i + 1 :])


def is_digits(text: str) -> bool:
    """Whether text is nothing but 0 to 9 (str.isdigit says yes to other scripts' digits too)."""
    for c in text:
        if not "0" <= c <= "9":
            return False
    return bool(text)


def is_code(text: object) -> bool:
    """Whether text is an OBIS code C.D.E or A-B:C.D.E (IEC 62056-61), each group 0 to 255."""
    if not isinstance(text, str) or not 5 <= len(text) <= 19:
        return False
    head, colon, tail = text.rpartition(":")
    if colon:
        medium = head.split("-")
        if len(medium) != 2 or not (_is_group(medium[0]) and _is_group(medium[1])):
            return False
    groups = tail.split(".")
    return len(groups) == 3 and all([_is_group(g) for g in groups])


def _is_group(text: str) -> bool:
    return len(text) <= 3 and is_digits(text) and int(text) < 256


def is_time(text: object) -> bool:
    """Whether text is an RFC 3339 time with seconds and offset, and a day that exists."""
    if not isinstance(text, str) or not 20 <= len(text) <= 32:
        return False
    if text[4] + text[7] + text[10] + text[13] + text[16] != "--T::":
        return False
    tail = text[19:]
    if tail[0] == ".":
        n = 1
        while n < len(tail) and "0" <= tail[n] <= "9":
            n += 1
        if n == 1:
            return False
        tail = tail[n:]
    if tail != "Z":
        if len(tail) != 6 or tail[0] not in "+-" or tail[3] != ":":
            return False
        if not is_digits(tail[1:3] + tail[4:]) or int(tail[1:3]) > 23 or int(tail[4:]) > 59:
            return False
    digits = text[:4] + text[5:7] + text[8:10] + text[11:13] + text[14:16] + text[17:19]
    return is_digits(digits) and is_moment(
        int(text[:4]),
        int(text[5:7]),
        int(text[8:10]),
        int(text[11:13]),
        int(text[14:16]),
        int(text[17:19]),
    )


def is_moment(year: int, month: int, day: int, hour: int, minute: int, second: int) -> bool:
    """Whether a calendar has this day and a clock this time; leap seconds are not told."""
    if not (year >= 1 and 1 <= month <= 12 and 1 <= day <= _DAYS[month - 1]):
        return False
    if month == 2 and day == 29 and (year % 4 or (year % 100 == 0 and year % 400)):
        return False
    return hour < 24 and minute < 60 and second < 60


def _quoted(text: str | None) -> str:
    return '"%s"' % text if text else "null"
