"""DLMS APDUs that meters push (Green Book 9.5), decrypted: a data-notification or a list.

    0F | long-invoke-id-and-priority(4) | date-time | body

The date-time comes in all three forms seen: 00 for none; 0C or 19 and 12 bytes; 09 0C and
12 bytes.
"""

from sys import implementation

from ..fault import LAYOUT, LENGTH, Rejected
from ..meters.profiles import NORDIC, UNKNOWN, named
from ..reading import Reading
from . import clock
from .lists import layouts

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from ..context import Context
    from ..profile import Profile

_KEEPS_PLANS = implementation.name != "micropython"  # there, walking twice is cheaper than heap
if _KEEPS_PLANS:
    from .lists.plan_native import Plan, keep

_DATA_NOTIFICATION = 0x0F


def decode(payload: bytes | bytearray, ctx: "Context") -> Reading:
    """The Reading of a data-notification, or of the list in it alone (some readers strip it).

    ctx.plans, a dict, keeps what was learned of a layout for the next telegram of the same meter.
    """
    if not payload:
        raise Rejected(LENGTH, "the telegram is empty")
    if not _KEEPS_PLANS:
        return _walk(payload, ctx, None)
    name = (ctx.title, len(payload), ctx.guarded)
    plan = ctx.plans.get(name)
    reading: "Reading | None" = plan.read(payload) if plan else None
    if reading is None:
        return _walk(payload, ctx, name)
    if not ctx.guarded:
        _check(reading)
    return reading


def _walk(
    payload: bytes | bytearray,
    ctx: "Context",
    name: "tuple[object, ...] | None",
) -> Reading:
    """The Reading, value by value; name: the key of its layout."""
    reading = Reading()
    end = len(payload)
    at = 0
    sent = None
    if payload[0] == _DATA_NOTIFICATION:
        at, sent = _header(payload, end)
    elif payload[0] not in (0x01, 0x02):
        raise Rejected(LAYOUT, "an APDU %02X is not a data-notification" % payload[0])
    listed, derived = layouts.read(payload, at, ctx, reading)
    if not ctx.guarded:
        _check(reading)
    family = listed.profile
    if family is UNKNOWN and payload[1:5] == NORDIC:
        family = named("aidon")
    reading.time = _time(listed.clock, family, ctx.zone) or _time(sent, family, ctx.zone)
    if reading.time:
        reading.clock = "meter"
    reading.payload = payload
    reading.layers = ("data-notification" if at else "list", "layout " + listed.layout)
    if name and listed.slots:
        keep(ctx.plans, name, Plan(payload, listed, reading, derived, at, family, ctx.zone))
    return reading


def _check(reading: Reading) -> None:
    from ..checks.unguarded import check_values  # most telegrams are guarded

    check_values(reading)


def _header(payload: bytes | bytearray, end: int) -> tuple[int, bytes | bytearray | None]:
    """(where the body is, the date-time's 12 octets or None) of a data-notification."""
    at = 5
    kind = payload[at] if at < end else -1
    if kind == 0x00:
        return at + 1, None
    if kind == 0x09:
        at += 1
        kind = payload[at] if at < end else -1
        if kind != 0x0C:
            kind = -1
    if kind not in (0x0C, 0x19):
        raise Rejected(LAYOUT, "the data-notification has no date-time that can be read")
    at += 1
    if at + clock.SIZE > end:
        raise Rejected(LENGTH, "the data-notification is cut short")
    return at + clock.SIZE, payload[at : at + clock.SIZE]


def _time(
    octets: bytes | bytearray | None, profile: "Profile", zone: "tuple[int, str]"
) -> str | None:
    if octets is None:
        return None
    return clock.rfc3339(octets, profile, zone)
