"""Checks that the numbers of one telegram agree, if only an 8-bit sum guards it.

Polled meters and readouts measure houses, plants and transformers alike, so size is not limited
here. Powers are compared with voltages and currents, the power of all phases with that of each,
totals with tariffs, and the values of one phase with those of the others. A true telegram is
never refused.
"""

from ..fault import VALUE, Rejected

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from ..reading import Reading

_PHASES = (20, 40, 60)  # what group C of a phase is above that of all
_VOLTS = (40, 500_000)  # from secondary values of transformers, 57.7 V, to primary ones
_VOLTS_RATIO = 3  # the highest phase over the lowest, of a mains that lost its neutral
_HERTZ = (15, 70)  # of railways, too
_ENERGIES = (1, 2, 3, 4)
_TARIFFS = 9
_IDLE_FACTOR = 50  # U times I over P: of a large bank of capacitors, at most
_IDLE = 5_000  # VA, below which U times I may be anything

_SHARE = 4  # a quarter of U times I, which are measured apart, a power may be more
_SUM_SHARE = 20  # a twentieth of its parts, a sum may be off
_DIGITS = 5  # as many of their own last digits, both may be off
_SLACK = 100  # W that the moments of measuring may hide


# What there is to check in readings of the same codes and exponents, by these: found only once.
_known: "dict[tuple[object, ...], Coherence]" = {}
_KNOWN_MAX = 4  # lists of one meter


def check_coherent(reading: "Reading") -> "Coherence":
    """Rejected if voltages, currents, powers and totals contradict each other; returns the checks.

    The checks fit others of the same codes and exponents.
    """
    values = reading.values
    layout: "list[object]" = []
    for key in values:
        layout.append(key)
        layout.append(values[key][1])
    name = tuple(layout)
    coherence = _known.get(name)
    if coherence is None:
        coherence = Coherence(values)
        if len(_known) >= _KNOWN_MAX:
            _known.clear()
        _known[name] = coherence
    coherence.check(values)
    return coherence


class Coherence:
    """The checks of readings with the codes and exponents of these values.

    Numbers are compared in parts of their unit: thousandths, or the finest last
    digit. A key stands for a number by its index in _factors, which are [(key, parts that its
    last digit counts)].
    """

    def __init__(self, values: "dict[str, tuple[int, int]]") -> None:
        self._unit = unit = 10 ** max([3] + [-values[key][1] for key in values])
        tariffs = ["%d.8.%d" % (c, e) for c in _ENERGIES for e in range(1, _TARIFFS)]
        keys = [key for key in tariffs if key in values]  # in a row, for one sum of each energy
        keys += [key for key in values if key not in tariffs]
        self._factors = [(key, _digit(values[key][1], unit)) for key in keys]
        index = {key: i for i, key in enumerate(keys)}
        limits = [("%d.7.0" % c, _VOLTS) for c in (12, 32, 52, 72)] + [("14.7.0", _HERTZ)]
        self._mains = [
            (index[k], low * unit, high * unit) for k, (low, high) in limits if k in index
        ]
        self._volts = [index[k] for k in ["%d.7.0" % (12 + c) for c in _PHASES] if k in index]
        phases = [_power(index, shift) for shift in _PHASES]
        self._phases = [self._sides(*phase) for phase in phases if phase]
        # The export of a phase is missing.
        self._one_way = any(
            [p and p[2] is None and self._factors[p[0]][0][0] not in "357" for p in phases]
        )
        total = _power(index, 0) if len(self._phases) == len(_PHASES) else None
        self._total = self._sides(*total) if total else None
        self._totals = []
        for c in _ENERGIES:
            parts = [i for key, i in index.items() if key in tariffs and key[0] == str(c)]
            i = index.get("%d.8.0" % c)
            if parts and i is not None:
                slack = _DIGITS * sum([self._factors[part][1] for part in parts + [i]])
                self._totals.append((i, min(parts), max(parts) + 1, slack))
        _check_phases(values)

    def _sides(
        self,
        power: int,
        sign: int,
        export: "int | None",
        volts: "int | None",
        amperes: "int | None",
    ) -> "tuple[int, int, int | None, int, int | None, int, int, int]":
        """The result of _power, with the possible error of the digits.

        There is one error each of the power, of voltage and of current.
        """
        factors = self._factors
        off = _DIGITS * factors[power][1]
        if volts is None or amperes is None:
            return power, sign, export, off, None, 0, 0, 0
        return power, sign, export, off, volts, factors[volts][1], amperes, factors[amperes][1]

    def check(self, values: "dict[str, tuple[int, int]]") -> None:
        """Rejected if they contradict each other."""
        unit = self._unit
        numbers = [values[key][0] * factor for key, factor in self._factors]
        for i, least, most in self._mains:
            if not least <= numbers[i] <= most and numbers[i]:
                raise Rejected(VALUE, "%s is not a mains voltage" % self._factors[i][0])
        if len(self._volts) == len(_PHASES):
            volts = [numbers[i] for i in self._volts]
            if max(volts) > _VOLTS_RATIO * min(volts) > 0:
                raise Rejected(VALUE, "the voltages of the phases are too far apart")
        slack = _SLACK * unit
        idle = _IDLE * unit * unit
        size = net = off = 0
        hidden = False  # a phase that shows 0 may export without showing it
        for i, sign, export, digits, voltage, volt, current, ampere in self._phases:
            power = numbers[i]
            if not power and export is not None:
                power = -numbers[export]
            net += power * sign
            if not power:
                hidden = self._one_way
            power = abs(power)
            size += power
            off += digits
            if voltage is None:
                continue
            product = (abs(numbers[voltage]) + volt) * (abs(numbers[current]) + ampere)
            if power * unit <= product <= idle:  # as nearly always
                continue
            apparent = product // unit
            if power > apparent + apparent // _SHARE + digits + slack:
                raise Rejected(VALUE, "a phase's power is more than its voltage and current allow")
            if apparent > _IDLE_FACTOR * (power + digits) + _IDLE * unit:
                raise Rejected(VALUE, "a phase's current is far more than its power needs")
        if self._total:
            i, sign, export, digits = self._total[:4]
            power = sign * (numbers[i] or (-numbers[export] if export is not None else 0))
            most = digits + off + size // _SUM_SHARE + slack
            if power - net > most or (net - power > most and not hidden):
                raise Rejected(VALUE, "the power is not the sum of its phases")
        for i, first, stop, digits in self._totals:  # a total may have more of them than are sent
            parts = sum(numbers[first:stop])
            if parts > numbers[i] + digits and parts:
                raise Rejected(VALUE, "a total is less than its tariffs")


def _digit(exponent: int, unit: int) -> int:
    """How many parts of the unit the last digit of a value counts."""
    return int(unit * 10**exponent if exponent >= 0 else unit // 10**-exponent)


def _power(
    index: "dict[str, int]", shift: int
) -> "tuple[int, int, int | None, int | None, int | None] | None":
    """The parts of a phase's power, or of all with shift 0, by the keys' indices.

    They are: the power, 1 or -1, the export beside a 1.7.0 of 0, voltage, current.
    """
    volts = index.get("%d.7.0" % (12 + shift))
    amperes = index.get("%d.7.0" % (11 + shift))
    for c, sign in ((16, 1), (1, 1), (2, -1)):
        power = index.get("%d.7.0" % (c + shift))
        if power is not None:
            export = index.get("%d.7.0" % (2 + shift)) if c == 1 else None
            return power, sign, export, volts, amperes
    return None


def _check_phases(values: "dict[str, tuple[int, int]]") -> None:
    """Rejected if a quantity is given for some phases only.

    The first phase alone is allowed, and so are the first and third: two current transformers
    measure these.
    """
    voltages, currents, powers = [
        [shift for shift in _PHASES if any(["%d.7.0" % (c + shift) in values for c in groups])]
        for groups in ((12,), (11,), (16, 1, 2))
    ]
    most = max(len(currents), len(powers))
    for phases in (voltages, currents, powers):
        whole = len(phases) in (0, len(_PHASES)) or phases == [_PHASES[0]]
        if phases is not voltages and most < len(_PHASES):
            whole = whole or phases == [_PHASES[0], _PHASES[2]]
        if not whole and len(_PHASES) in (len(voltages), most):
            raise Rejected(VALUE, "a phase is missing")
