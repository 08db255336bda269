"""Rejects what no household's list contains: for telegrams without CRC or tag."""

from ..fault import VALUE, Rejected
from ..obis import unit_of

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from ..reading import Reading

# With an 8-bit sum and no tag (Austrian M-Bus, SC 20 and 21; bare APDUs), one in some hundred
# damaged telegrams passes. These meters are in houses, and send short lists. So codes and numbers
# that no such list has count as damage.
_ID = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ID_MOST = 20  # longer ones are bytes, not text
_B_MOST = 9
_C_MOST = 99
_E_MOST = 9
_FACTORS = (0, 13, 33, 53, 73, 81)  # groups C of numbers without a unit: ids, cos phi, angles
_PHASE_LEAST = 100  # V; 0 where a phase is not connected
_PHASE_MOST = 300
_PHASES = (("31.7.0", "32.7.0"), ("51.7.0", "52.7.0"), ("71.7.0", "72.7.0"))
_SLACK = 100  # W that resolution and the moments of measuring may hide


def check_list(reading: "Reading") -> None:
    """Rejected if an unguarded list has a meter or code that no such list has."""
    if len(reading.meter) > _ID_MOST:
        raise Rejected(VALUE, "the meter's id is not text")
    for c in reading.meter:
        if c not in _ID:
            raise Rejected(VALUE, "the meter's id has an invalid character")
    for code in reading.codes.values():
        a, _, groups = code.partition("-")
        if a == "0":
            continue
        b, _, groups = groups.partition(":")
        c, d, e = groups.split(".")
        quantity = int(c)
        known = unit_of(quantity, int(d)) or quantity in _FACTORS
        most = 0 if d == "7" else _E_MOST
        if not known or int(b) > _B_MOST or quantity > _C_MOST or int(e) > most:
            raise Rejected(VALUE, "%s is not a code of such a list" % code)


def check_values(reading: "Reading") -> None:
    """Rejected if unguarded numbers do not fit a house: voltages, or power above U times I."""
    values = reading.values
    apparent = 0  # in mVA
    phases = 0
    for current, voltage in _PHASES:
        if voltage not in values:
            continue
        volts = _scaled(values[voltage], 0)
        if volts and not _PHASE_LEAST <= volts <= _PHASE_MOST:
            raise Rejected(VALUE, "%s is not a mains voltage" % voltage)
        if current in values:
            apparent += abs(_scaled(values[current], 3)) * (volts + 1)
            phases += 1
    if phases < len(_PHASES):  # a power may flow in a phase that the list leaves out
        return
    for power in ("1.7.0", "2.7.0"):
        if power in values and (_scaled(values[power], 0) - _SLACK) * 1000 > apparent * 5 // 4:
            raise Rejected(VALUE, "%s is more than voltage and current allow" % power)


def _scaled(value: tuple[int, int], digits: int) -> int:
    """The whole number of 10^-digits in a value."""
    mantissa, exponent = value
    exponent += digits
    return int(mantissa * 10**exponent if exponent >= 0 else mantissa // 10**-exponent)
