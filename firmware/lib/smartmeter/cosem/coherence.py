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


def check_coherent(reading: "Reading") -> None:
    """Rejected where voltages, currents, powers and totals of a reading contradict each other."""
    values = reading.values
    for c in (12, 32, 52, 72):
        _within(values, "%d.7.0" % c, _VOLTS)
    _within(values, "14.7.0", _HERTZ)
    _check_phases(values)
    parts = []
    for shift in _PHASES:
        power = _net(values, shift)
        if power is not None:
            parts.append(power)
            _check_phase(values, shift, power)
    total = _net(values, 0)
    if total is not None and len(parts) == len(_PHASES):
        size = sum([abs(part[0]) for part in parts])
        slack = total[1] + sum([part[1] for part in parts]) + size // _SUM_SHARE + _SLACK
        if abs(total[0] - sum([part[0] for part in parts])) > slack:
            raise Rejected(VALUE, "the power is not the sum of its phases")
    for c in (1, 2, 3, 4):
        _check_tariffs(values, c)


def _within(values: "dict[str, tuple[int, int]]", key: str, bounds: "tuple[int, int]") -> None:
    number = _milli(values, key)
    if number and not bounds[0] * 1000 <= abs(number) <= bounds[1] * 1000:
        raise Rejected(VALUE, "%s is not what a mains has" % key)


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
    volts = [_milli(values, "%d.7.0" % (12 + shift)) or 0 for shift in _PHASES]
    if min(volts) > 0 and max(volts) > _VOLTS_RATIO * min(volts):
        raise Rejected(VALUE, "the voltages of the phases are too far apart")


def _net(values: "dict[str, tuple[int, int]]", shift: int) -> "tuple[int, int] | None":
    """(power in mW, import less export; how far its digits may be off) of a phase or all."""
    for c, sign in ((16, 1), (1, 1), (2, -1)):
        key = "%d.7.0" % (c + shift)
        number = _milli(values, key)
        if number is not None:
            if c == 1 and number == 0:
                number = -(_milli(values, "%d.7.0" % (2 + shift)) or 0)
            return sign * number, _DIGITS * _step(values[key])
    return None


def _check_phase(
    values: "dict[str, tuple[int, int]]", shift: int, power: "tuple[int, int]"
) -> None:
    voltage = "%d.7.0" % (12 + shift)
    current = "%d.7.0" % (11 + shift)
    if voltage not in values or current not in values:
        return
    volts = abs(_milli(values, voltage) or 0) + _step(values[voltage])
    amperes = abs(_milli(values, current) or 0) + _step(values[current])
    apparent = volts * amperes // 1000
    if abs(power[0]) > apparent + apparent // _SHARE + power[1] + _SLACK:
        raise Rejected(VALUE, "a phase's power is more than its voltage and current carry")
    if apparent > _IDLE_FACTOR * (abs(power[0]) + power[1]) + _IDLE:
        raise Rejected(VALUE, "a phase's current is far more than its power needs")


def _check_tariffs(values: "dict[str, tuple[int, int]]", c: int) -> None:
    """A total is no less than its tariffs; it may have more of them than are sent."""
    total = _milli(values, "%d.8.0" % c)
    if total is None:
        return
    parts = 0
    slack = _DIGITS * _step(values["%d.8.0" % c])
    for tariff in range(1, _TARIFFS):
        key = "%d.8.%d" % (c, tariff)
        if key in values:
            parts += _milli(values, key) or 0
            slack += _DIGITS * _step(values[key])
    if parts and parts > total + slack:
        raise Rejected(VALUE, "a total is less than its tariffs")


def _milli(values: "dict[str, tuple[int, int]]", key: str) -> "int | None":
    value = values.get(key)
    if value is None:
        return None
    mantissa, exponent = value
    exponent += 3
    return int(mantissa * 10**exponent if exponent >= 0 else mantissa // 10**-exponent)


def _step(value: "tuple[int, int]") -> int:
    """Thousandths that the last digit of a value counts, at least one."""
    return int(10 ** max(0, value[1] + 3))
