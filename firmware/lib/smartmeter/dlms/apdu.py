"""DLMS APDUs that meters push (Green Book 9.5): encrypted or not, a data-notification or a list.

    0F | long-invoke-id-and-priority(4) | date-time | body

The date-time comes in all three forms seen: 00 for none; 0C or 19 and 12 bytes; 09 0C and
12 bytes.
"""

from sys import implementation

from ..fault import KEY, LAYOUT, LENGTH, Rejected
from ..meters.profiles import NORDIC, UNKNOWN, named
from ..reading import VERIFIED, Reading
from . import clock
from .lists import layouts

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..meters.profiles import Profile
    from ..receiver import Receiver
    from .ciphering import Opened

_KEEPS_PLANS = implementation.name != "micropython"  # there, walking twice is cheaper than heap
if _KEEPS_PLANS:
    from .lists.plan_native import Plan, keep

_check_values: "Callable[[Reading], None] | None" = None
_decode_text: "Callable[[bytes | bytearray, Receiver], Reading] | None" = None

_DATA_NOTIFICATION = 0x0F
_CIPHERED = (0xDB, 0xDF)  # general-glo, general-ded


def decode(payload: bytes | bytearray, ctx: "Receiver") -> Reading:
    """The Reading of an APDU; Rejected if it is none that can be read.

    ctx has ciphering (a Ciphering), profile (a Profile or None), plans (a dict), and guarded
    (whether a CRC was checked by the link).
    """
    if not payload:
        raise Rejected(LENGTH, "the telegram is empty")
    if payload[0] not in _CIPHERED:
        return decode_plain(payload, b"", ctx, ctx.guarded)
    opened = ctx.ciphering.open(payload, 1)
    return decode_opened(opened, ctx)


def decode_opened(opened: "Opened", ctx: "Receiver") -> Reading:
    """The Reading of what an encrypted APDU held, once its counter is found to have grown."""
    plain = opened.plain
    if opened.kind == "text":
        reading = _text_decoder()(plain, ctx)
    elif not opened.kind:
        raise Rejected(KEY, "the key does not open the telegram")
    else:
        reading = decode_plain(plain, opened.title, ctx, ctx.guarded or opened.auth == VERIFIED)
    if opened.counter is not None:
        ctx.ciphering.accept(opened.title, opened.counter)
    reading.counter = reading.seq = opened.counter
    reading.auth = opened.auth
    reading.layers = ("general ciphering, SC %02X" % opened.control,) + reading.layers
    return reading


def _text_decoder() -> "Callable[[bytes | bytearray, Receiver], Reading]":
    """datalines.decode, loaded with the first text that was encrypted."""
    global _decode_text
    if _decode_text is None:
        from ..datalines.decode import decode

        _decode_text = decode
    return _decode_text


def _checker() -> "Callable[[Reading], None]":
    """unguarded.check_values, loaded with the first telegram that nothing guards."""
    global _check_values
    if _check_values is None:
        from ..checks.unguarded import check_values

        _check_values = check_values
    return _check_values


def decode_plain(
    payload: bytes | bytearray, title: bytes, ctx: "Receiver", guarded: bool
) -> Reading:
    """The Reading of a data-notification, or of the list in it alone (some readers strip it).

    ctx.plans, a dict, keeps what was learned of a layout for the next telegram of the same meter.
    """
    if not _KEEPS_PLANS:
        return _walk(payload, title, ctx, guarded, None)
    name = (title, len(payload), guarded)
    plan = ctx.plans.get(name)
    reading: "Reading | None" = plan.read(payload) if plan else None
    if reading is None:
        return _walk(payload, title, ctx, guarded, name)
    if not guarded:
        _checker()(reading)
    return reading


def _walk(
    payload: bytes | bytearray,
    title: bytes,
    ctx: "Receiver",
    guarded: bool,
    name: "tuple[object, ...] | None",
) -> Reading:
    """The Reading, value by value; name: what its layout is kept under."""
    reading = Reading()
    end = len(payload)
    at = 0
    sent = None
    if payload[0] == _DATA_NOTIFICATION:
        at, sent = _header(payload, end)
    elif payload[0] not in (0x01, 0x02):
        raise Rejected(LAYOUT, "an APDU %02X is not a data-notification" % payload[0])
    listed, derived = layouts.read(payload, at, title, ctx, reading, guarded)
    if not guarded:
        _checker()(reading)
    family = listed.profile
    if family is UNKNOWN and payload[1:5] == NORDIC:
        family = named("aidon")
    reading.time = _time(listed.clock, family) or _time(sent, family)
    if reading.time:
        reading.clock = "meter"
    reading.payload = payload
    reading.layers = ("data-notification" if at else "list", "layout " + listed.layout)
    if name and listed.slots and derived is not None:
        keep(ctx.plans, name, Plan(payload, listed, reading, derived, at, family))
    return reading


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


def _time(octets: bytes | bytearray | None, profile: "Profile") -> str | None:
    if octets is None:
        return None
    return clock.rfc3339(octets, profile)
