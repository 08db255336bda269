"""Registers of a KMP answer to a Reading: Kamstrup's heat meters (MULTICAL 302 to 803, 66-C on).

    register(2) unit(1) size(1) sign and exponent(1) mantissa(size)      for each register

Bit 7 of the exponent's byte is the sign of the number, bit 6 that of the exponent; both are of
base 10. A meter leaves out registers that it does not have. Numbers of registers and units: PyKMP,
Home Assistant's integration for MULTICAL, and Kamstrup's technical descriptions (MULTICAL 402,
5512-742, 12.1.1).
"""

from sys import implementation

from ..checks.plausible import check
from ..fault import LAYOUT, LENGTH, Rejected
from ..obis import put
from ..reading import Reading

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from ..context import Context

_KEEPS_PLANS = implementation.name != "micropython"  # there, walking twice is cheaper than heap
if _KEEPS_PLANS:
    from ..dlms.lists.plan_native import keep
    from .plan_native import plan

SERIAL_NUMBER = 1001
# By register: OBIS code, and the units it may have on our wire.
QUANTITIES = {
    60: ("6-0:1.0.0", ("J", "Wh")),
    68: ("6-0:2.0.0", ("m3",)),
    80: ("6-0:8.0.0", ("W",)),
    74: ("6-0:9.0.0", ("m3/h",)),
    86: ("6-0:10.0.0", ("degC",)),
    87: ("6-0:11.0.0", ("degC",)),
    89: ("6-0:12.0.0", ("K",)),
}
# By KMP's number of a unit: ours, and the power of ten between them.
_UNITS = {
    1: ("Wh", 0),
    2: ("Wh", 3),
    3: ("Wh", 6),
    4: ("Wh", 9),
    5: ("J", 0),
    6: ("J", 3),
    7: ("J", 6),
    8: ("J", 9),
    21: ("W", 0),
    22: ("W", 3),
    23: ("W", 6),
    24: ("W", 9),
    37: ("degC", 0),
    38: ("K", 0),
    39: ("m3", -3),
    40: ("m3", 0),
    41: ("m3/h", -3),
    42: ("m3/h", 0),
    55: ("m3", 1),
    57: ("J", 10),
}
_HEAD = 5  # bytes before a mantissa
_SIZE_MAX = 8
_REGISTERS_MAX = 8  # of one answer


def decode(payload: bytes, ctx: "Context") -> Reading:
    """The Reading of an answer's registers."""
    if not _KEEPS_PLANS:
        return _walk(payload, [])
    name = ("kmp", len(payload))
    known = ctx.plans.get(name)
    reading: "Reading | None" = known.read(payload) if known else None
    if reading is None:
        slots: "list[tuple[str, int, int, int, int]]" = []
        reading = _walk(payload, slots)
        keep(ctx.plans, name, plan(payload, slots, reading))
    return reading


def _walk(payload: bytes, slots: "list[tuple[str, int, int, int, int]]") -> Reading:
    """Register by register; slots takes (key, first byte, size, sign, power of ten) of values."""
    reading = Reading()
    reading.medium = "heat"
    seen: "list[int]" = []
    at = 0
    end = len(payload)
    while at < end:
        start = at + _HEAD
        if start > end:
            raise Rejected(LENGTH, "a KMP register is cut short")
        register = payload[at] << 8 | payload[at + 1]
        size = payload[at + 3]
        stop = start + size
        if not 0 < size <= _SIZE_MAX or stop > end:
            raise Rejected(LENGTH, "a KMP register's number does not fit")
        if register in seen or len(seen) == _REGISTERS_MAX:
            raise Rejected(LAYOUT, "a KMP answer with too many registers")
        seen.append(register)
        mantissa = int.from_bytes(payload[start:stop], "big")
        scale = payload[at + 4]
        if scale & 0x80:
            mantissa = -mantissa
        exponent = -(scale & 0x3F) if scale & 0x40 else scale & 0x3F
        if register == SERIAL_NUMBER:
            if mantissa and not exponent:
                reading.meter = str(mantissa)
        elif register in QUANTITIES:
            code, units = QUANTITIES[register]
            unit, power = _UNITS.get(payload[at + 2], ("", 0))
            if unit == "degC" and units == ("K",):
                unit = "K"  # some meters call a difference so
            if unit in units:
                if exponent + power > 30:
                    raise Rejected(LAYOUT, "a KMP register's exponent is too large")
                put(reading, code, (mantissa, exponent + power), unit)
                if _KEEPS_PLANS:
                    sign = -1 if scale & 0x80 else 1
                    slots.append((code, start, size, sign, exponent + power))
        at = stop
    if not reading.values:
        raise Rejected(LAYOUT, "a KMP answer without a value that is known")
    check(reading)
    reading.payload = payload
    reading.layers = ("registers",)
    return reading
