"""Which value of a sub-meter is its total: what rises as gas, water or heat flows."""

import msgspec

from smartmeter_cloud.store.rows import Medium
from smartmeter_cloud.store.slices import POWER_MAX, RATES_MAX, Number

# Of electricity, and of what P1 has on its channels: 24.2.3 is gas without temperature correction.
IMPORT = "1.8.0"
_FIRST = (IMPORT, "24.2.1", "24.2.3")
_ENERGY = ("Wh", "J")  # a heat meter counts volume as well

_further = msgspec.json.Decoder(dict[str, Number]).decode


def code_of(medium: Medium) -> str:
    """The code of a meter's total; "" if no value of a sub-meter is one."""
    if not medium.name:
        return IMPORT
    found = [code for code, unit in medium.units.items() if unit in RATES_MAX]
    if medium.name == "electricity":
        found = [code for code in found if code in _FIRST]  # others count export, or a tariff
    if medium.name in ("heat", "cooling"):
        found = [code for code in found if medium.units[code] in _ENERGY] or found
    known = [code for code in _FIRST if code in found]
    return known[0] if known else min(found, default="")


def unit_of(medium: Medium) -> str:
    """The unit of a meter's total: "Wh", "J" or "m3"; "" if it has no total."""
    return medium.units.get(code_of(medium), "") if medium.name else "Wh"


def rate_max(medium: Medium) -> int:
    """What a meter's total may rise by in an hour."""
    return RATES_MAX.get(unit_of(medium), POWER_MAX)


def total_in(extra: str | None, code: str) -> Number | None:
    """The total in a reading's further codes (JSON)."""
    try:
        return _further(extra or "{}").get(code)
    except (msgspec.MsgspecError, UnicodeError):
        return None  # see sql.reading_of
