"""Groups of a TIC frame to a Reading (Enedis-NOI-CPT_54E for Linky, CPT_02E for older meters).

Labels are the codes. Powers are apparent (VA) except the averages of the load curve. The total of
the historical mode is the sum of all registers of its tariff option, which the labels name.
"""

from sys import implementation

from ..checks.coherence import check_coherent
from ..checks.plausible import check
from ..fault import LAYOUT, Rejected
from ..obis import combine, complete, put, unit_of
from ..reading import Reading, is_moment, offset

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from ..context import Context

    # label: date or "", value, where that begins
    Groups = dict[str, tuple[str, str, int]]
    Derived = list[tuple[str, str, str, int]]

_KEEPS_PLANS = implementation.name != "micropython"  # there, walking twice is cheaper than heap
if _KEEPS_PLANS:
    from ..dlms.lists.plan_native import keep
    from .plan_native import Plan

_ENERGY, _POWER, _MAINS = 9, 5, 3  # digits

# label: C, D, E and how many digits it has
_VALUES = {
    "EAST": ("1.8.0", _ENERGY),
    "EAIT": ("2.8.0", _ENERGY),
    "ERQ1": ("5.8.0", _ENERGY),
    "ERQ2": ("6.8.0", _ENERGY),
    "ERQ3": ("7.8.0", _ENERGY),
    "ERQ4": ("8.8.0", _ENERGY),
    "PAPP": ("9.7.0", _POWER),
    "SINSTS": ("9.7.0", _POWER),
    "SINSTS1": ("29.7.0", _POWER),
    "SINSTS2": ("49.7.0", _POWER),
    "SINSTS3": ("69.7.0", _POWER),
    "SINSTI": ("10.7.0", _POWER),
    "CCASN": ("1.5.0", _POWER),
    "CCAIN": ("2.5.0", _POWER),
    "IINST": ("31.7.0", _MAINS),
    "IINST1": ("31.7.0", _MAINS),
    "IINST2": ("51.7.0", _MAINS),
    "IINST3": ("71.7.0", _MAINS),
    "IRMS1": ("31.7.0", _MAINS),
    "IRMS2": ("51.7.0", _MAINS),
    "IRMS3": ("71.7.0", _MAINS),
    "URMS1": ("32.7.0", _MAINS),
    "URMS2": ("52.7.0", _MAINS),
    "URMS3": ("72.7.0", _MAINS),
}
# The registers of each option of the historical mode, in the order of tariffs 1 to n. Standard
# mode numbers those of the same contracts likewise, as EASF01 and so on.
_OPTIONS = (
    ("BASE",),
    ("HCHC", "HCHP"),
    ("EJPHN", "EJPHPM"),
    ("BBRHCJB", "BBRHPJB", "BBRHCJW", "BBRHPJW", "BBRHCJR", "BBRHPJR"),
)
_TARIFF = "EASF"
_TARIFFS = 10
_TEXTS = {
    "ADCO": "0-0:96.1.0",
    "ADSC": "0-0:96.1.0",
    "PTEC": "0-0:96.14.0",
    "LTARF": "0-0:96.14.0",
    "MSG1": "0-0:96.13.0",
}
_NUMBER_SIZE = 12
_TEXT_MAX = 64
_SUMMER, _WINTER = "E", "H"  # in small letters: of a clock that is not sure of its time


def decode(payload: bytes, ctx: "Context") -> Reading:
    """The Reading of a frame whose groups the link found right."""
    if not _KEEPS_PLANS:
        return _decode(payload, ctx)
    name = ("tic", len(payload))
    plan = ctx.plans.get(name)
    if plan:
        known: "Reading | None" = plan.read(payload)
        if known:
            return known
    groups = _groups(payload)
    derived: "Derived" = []
    reading = _walked(groups, payload, ctx, derived)
    coherence = check_coherent(reading)
    places = {label: groups[label][2] for label in groups}
    keep(ctx.plans, name, Plan(payload, places, _kinds(groups), reading, derived, coherence))
    return reading


def _decode(payload: bytes, ctx: "Context") -> Reading:
    reading = _walked(_groups(payload), payload, ctx, [])
    check_coherent(reading)
    return reading


def _walked(groups: "Groups", payload: bytes, ctx: "Context", derived: "Derived") -> Reading:
    reading = Reading()
    texts = reading.texts
    for label in groups:
        value = groups[label][1]
        known = _VALUES.get(label)
        if known:
            _put(reading, label, known[0], value, known[1])
        elif label in _TEXTS:
            for c in value:
                if not " " <= c <= "~":  # the check does not see bit 6
                    raise Rejected(LAYOUT, "a TIC group with a byte that is no text")
            texts[_TEXTS[label]] = value.strip()[:_TEXT_MAX]
        elif label[:4] == _TARIFF:
            _put(reading, label, "1.8.%d" % _tariff(label), value, _ENERGY)
    _put_options(reading, groups, derived)
    if not reading.values:
        raise Rejected(LAYOUT, "a TIC frame without a value that is known")
    number = groups.get("ADCO") or groups.get("ADSC")
    if not number:
        raise Rejected(LAYOUT, "a TIC frame without the meter's number")
    reading.meter = _number(number[1])
    if "DATE" in groups:
        reading.time = _time(groups["DATE"][0], ctx.zone)
        if reading.time:
            reading.clock = "meter"
    derived += complete(reading, ctx.rows, ctx.plans)
    check(reading)
    reading.payload = payload
    reading.layers = ("labels",)
    return reading


def _groups(payload: bytes) -> "Groups":
    """The groups by label; Rejected if a label is in the frame twice."""
    groups: "Groups" = {}
    if max(payload) > 127:  # the check does not see bit 7
        raise Rejected(LAYOUT, "a TIC frame with a byte that is no text")
    at = 2  # behind STX and LF
    end = len(payload) - 1
    while at < end:
        stop = payload.find(b"\r", at, end)
        separator = chr(payload[stop - 2])
        parts = str(payload[at : stop - 2], "ascii").split(separator, 1)
        label = parts[0]
        value = parts[1] if len(parts) > 1 else ""
        date = ""
        if separator == "\t" and "\t" in value:
            date, value = value.split("\t", 1)
        if label in groups:
            raise Rejected(LAYOUT, "a TIC frame with a label twice")
        groups[label] = (date, value, stop - 2 - len(value))
        at = stop + 2
    return groups


def _put(reading: Reading, label: str, key: str, value: str, digits: int) -> None:
    if len(value) != digits or not value.isdigit():
        raise Rejected(LAYOUT, "the value of %s is not a number of %d digits" % (label, digits))
    if key in reading.values:
        raise Rejected(LAYOUT, "a TIC frame has two values of %s" % key)
    c, d = [int(group) for group in key.split(".")[:2]]
    put(reading, "1-0:" + key, (int(value), 0), unit_of(c, d))


def _tariff(label: str) -> int:
    number = label[4:]
    if number.isdigit() and 1 <= int(number) <= _TARIFFS:
        return int(number)
    raise Rejected(LAYOUT, "a TIC frame with the tariff %s" % number)


def _put_options(reading: Reading, groups: "Groups", derived: "Derived") -> None:
    """Adds the registers of the historical mode, and their total; Rejected if one is missing."""
    found = [option for option in _OPTIONS if any([label in groups for label in option])]
    if not found:
        if "1.8.1" in reading.values and "1.8.0" not in reading.values:
            raise Rejected(LAYOUT, "a TIC frame has the tariffs, and not their total")
        return
    option = found[0]
    if len(found) > 1 or not all([label in groups for label in option]):
        raise Rejected(LAYOUT, "a TIC frame does not have the registers of one tariff option")
    for i, label in enumerate(option):
        _put(reading, label, _register(option, i), groups[label][1], _ENERGY)
        if i:
            first = "1.8.0" if i > 1 else "1.8.1"
            combine(reading.values, "1.8.0", first, "1.8.%d" % (i + 1), 1)
            derived.append(("1.8.0", first, "1.8.%d" % (i + 1), 1))
    reading.codes["1.8.0"] = "1-0:1.8.0"
    reading.units["1.8.0"] = "Wh"


def _register(option: "tuple[str, ...]", i: int) -> str:
    return "1.8.%d" % (i + 1 if len(option) > 1 else 0)


def _kinds(groups: "Groups") -> "dict[str, str]":
    """What a plan does with each group that counts: the key of its number, or "" to compare."""
    kinds = {label: "" for label in _TEXTS}
    for label in groups:
        known = _VALUES.get(label)
        if known:
            kinds[label] = known[0]
        elif label[:4] == _TARIFF:
            kinds[label] = "1.8.%d" % _tariff(label)
    for option in _OPTIONS:
        for i, label in enumerate(option):
            kinds[label] = _register(option, i)
    return kinds


def _number(text: str) -> str:
    for c in text:
        if not ("0" <= c <= "9" or "A" <= c <= "Z"):
            text = ""
    if len(text) != _NUMBER_SIZE:
        raise Rejected(LAYOUT, "the meter's number is not of %d digits" % _NUMBER_SIZE)
    return text


def _time(date: str, zone: "tuple[int, str]") -> "str | None":
    """RFC 3339 text of a date such as E210718111041; None if the meter is not sure of it."""
    season, digits = date[:1], date[1:]
    if season not in (_SUMMER, _WINTER) or len(digits) != 12 or not digits.isdigit():
        return None
    year, month, day, hour, minute, second = [int(digits[i : i + 2]) for i in range(0, 12, 2)]
    year += 2000
    if not is_moment(year, month, day, hour, minute, second):
        return None
    minutes = zone[0] + (60 if season == _SUMMER else 0)
    text = "%04d-%02d-%02dT%02d:%02d:%02d" % (year, month, day, hour, minute, second)
    return text + offset(minutes)
