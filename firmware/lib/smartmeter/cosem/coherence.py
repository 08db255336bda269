"""Whether the numbers of one telegram go together, where 8 bits of sum are all that guards it.

Polled meters and readouts measure houses, plants and transformers alike, so that nothing is
bounded here by size: powers are held against voltages and currents, the power of all phases
against that of each, totals against tariffs, and what is told of one phase against what is
told of the others. What a true telegram says is never refused.
"""

from ..fault import VALUE, Rejected

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from ..reading import Reading

_PHASES = (20, 40, 60)  # what group C of a phase is above that of all
_VOLTS = (40, 1000)  # between a phase and neutral or another phase, transformers' 57.7 V included
_VOLTS_RATIO = 3  # the highest phase over the lowest, of a mains that lost its neutral
_HERTZ = (15, 70)  # of railways, too
_TARIFFS = 9
_IDLE_FACTOR = 50  # U times I over P: of a large bank of capacitors, at most
_IDLE = 5_000_000  # mVA, below which U times I may be anything

_SHARE = 4  # a quarter of U times I, which are measured apart, a power may be more
_SUM_SHARE = 20  # a twentieth of its parts, a sum may be off
_DIGITS = 5  # as many of their own last digits, both may be off
_SLACK = 100_000  # mW that the moments of measuring may hide


# What there is to check in readings of the same codes, by these codes: found only once.
_known: "dict[tuple[str, ...], _Present]" = {}
_KNOWN_MAX = 4  # lists of one meter


def check_coherent(reading: "Reading") -> None:
    """Rejected where voltages, currents, powers and totals of a reading contradict each other."""
    values = reading.values
    name = tuple(values)
    present = _known.get(name)
    if present is None:
        present = _Present(values)
        if len(_known) >= _KNOWN_MAX:
            _known.clear()
        _known[name] = present
    for key, least, most in present.mains:
        number = _milli(values[key])
        if number and not least <= abs(number) <= most:
            raise Rejected(VALUE, "%s is not what a mains has" % key)
    if present.volts:
        volts = [_milli(values[key]) for key in present.volts]
        if min(volts) > 0 and max(volts) > _VOLTS_RATIO * min(volts):
            raise Rejected(VALUE, "the voltages of the phases are too far apart")
    size = net = off = 0
    for phase in present.phases:
        power, digits = _net(values, phase)
        size += abs(power)
        net += power
        off += digits
        if phase[3]:
            _check_phase(values, phase, power, digits)
    if present.total:
        power, digits = _net(values, present.total)
        if abs(power - net) > digits + off + size // _SUM_SHARE + _SLACK:
            raise Rejected(VALUE, "the power is not the sum of its phases")
    for total, tariffs in present.totals:
        _check_tariffs(values, total, tariffs)


class _Present:
    """The keys that readings of the same codes have, for each check.

    mains: [(key, least, most)] in thousandths. volts: the three phases' voltages or none.
    phases, total: (key of the power, 1 or -1, key of the export behind a 1.7.0 of 0 or "",
    voltage or "", current). totals: [(total, [its tariffs])].
    """

    def __init__(self, values: "dict[str, tuple[int, int]]") -> None:
        limits = [("%d.7.0" % c, _VOLTS) for c in (12, 32, 52, 72)] + [("14.7.0", _HERTZ)]
        self.mains = [(k, low * 1000, high * 1000) for k, (low, high) in limits if k in values]
        self.volts = ["%d.7.0" % (12 + shift) for shift in _PHASES]
        if not all([key in values for key in self.volts]):
            self.volts = []
        self.phases = []
        for shift in _PHASES:
            phase = _power(values, shift)
            if phase:
                self.phases.append(phase)
        self.total = _power(values, 0) if len(self.phases) == len(_PHASES) else None
        self.totals = []
        for c in (1, 2, 3, 4):
            tariffs = ["%d.8.%d" % (c, tariff) for tariff in range(1, _TARIFFS)]
            tariffs = [key for key in tariffs if key in values]
            if tariffs and "%d.8.0" % c in values:
                self.totals.append(("%d.8.0" % c, tariffs))
        _check_phases(values)


def _power(
    values: "dict[str, tuple[int, int]]", shift: int
) -> "tuple[str, int, str, str, str] | None":
    """How the power of a phase, or of all with shift 0, is told."""
    voltage, current = "%d.7.0" % (12 + shift), "%d.7.0" % (11 + shift)
    if voltage not in values or current not in values:
        voltage = ""
    for c, sign in ((16, 1), (1, 1), (2, -1)):
        key = "%d.7.0" % (c + shift)
        if key in values:
            export = "%d.7.0" % (2 + shift)
            return key, sign, export if c == 1 and export in values else "", voltage, current
    return None


def _check_phases(values: "dict[str, tuple[int, int]]") -> None:
    """Where one quantity is told of three phases, so are the others, or of the first alone;
    two current transformers measure the first and third."""
    voltages, currents, powers = [
        [shift for shift in _PHASES if "%d.7.0" % (c + shift) in values] for c in (12, 11, 16)
    ]
    for phases in (voltages, currents, powers):
        whole = len(phases) in (0, len(_PHASES)) or phases == [_PHASES[0]]
        if phases is currents and len(powers) < len(_PHASES):
            whole = whole or phases == [_PHASES[0], _PHASES[2]]
        if not whole and len(_PHASES) in (len(voltages), len(currents), len(powers)):
            raise Rejected(VALUE, "a phase is missing")


def _net(
    values: "dict[str, tuple[int, int]]", phase: "tuple[str, int, str, str, str]"
) -> "tuple[int, int]":
    """(power in mW, import less export; how far its digits may be off) of a phase or all."""
    key, sign, export, _, _ = phase
    number = _milli(values[key])
    if export and not number:
        number = -_milli(values[export])
    return sign * number, _DIGITS * _step(values[key])


def _check_phase(
    values: "dict[str, tuple[int, int]]",
    phase: "tuple[str, int, str, str, str]",
    power: int,
    digits: int,
) -> None:
    voltage, current = values[phase[3]], values[phase[4]]
    apparent = (abs(_milli(voltage)) + _step(voltage)) * (abs(_milli(current)) + _step(current))
    apparent //= 1000
    if abs(power) > apparent + apparent // _SHARE + digits + _SLACK:
        raise Rejected(VALUE, "a phase's power is more than its voltage and current carry")
    if apparent > _IDLE_FACTOR * (abs(power) + digits) + _IDLE:
        raise Rejected(VALUE, "a phase's current is far more than its power needs")


def _check_tariffs(values: "dict[str, tuple[int, int]]", total: str, tariffs: "list[str]") -> None:
    """A total is no less than its tariffs; it may have more of them than are sent."""
    parts = 0
    slack = _DIGITS * _step(values[total])
    for key in tariffs:
        parts += _milli(values[key])
        slack += _DIGITS * _step(values[key])
    if parts and parts > _milli(values[total]) + slack:
        raise Rejected(VALUE, "a total is less than its tariffs")


def _milli(value: "tuple[int, int]") -> int:
    mantissa, exponent = value
    if exponent >= -3:
        return int(mantissa * 10 ** (exponent + 3))
    return int(mantissa // 10 ** (-3 - exponent))


def _step(value: "tuple[int, int]") -> int:
    """Thousandths that the last digit of a value counts, at least one."""
    return int(10 ** (value[1] + 3)) if value[1] > -3 else 1
