"""The exponents of numbers without scaler_unit: from the profile, and from physics.

Makers changed the resolution of voltage and current within one family (Kamstrup 1 V and 0.01 V,
Landis+Gyr E450 1 V and 0.1 V). So a profile may name several exponents. The first one is used that
gives a mains voltage for all phases, or currents that can carry the power.
"""

from .. import axdr

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from ...profile import Profile
    from .value_list import ValueList

# V between phase and neutral: of a normal mains, and of a disturbed one. Each range is smaller
# than a factor of ten, so that only one exponent fits.
MAINS = ((180, 260), (75, 740))

VOLTAGES = (32, 52, 72)
CURRENTS = (31, 51, 71)
PHASES = (20, 40, 60)
FREQUENCY = 14
DIRECT = 120  # A, and more than a meter without current transformers carries


class Scales:
    """The scales of one telegram.

    numbers is {C: mantissa} of the codes C.7.0 that came without scaler. wide: its currents have
    64 bits, as behind transformers alone (Landis+Gyr E570): they count the profile's coarsest,
    which a low load would not show.
    """

    def __init__(self, profile: "Profile", numbers: dict[int, int], wide: bool = False) -> None:
        self._profile = profile
        # of a mains in Hz, which has two digits before the point
        self.frequency = 2 - len(str(numbers[FREQUENCY])) if FREQUENCY in numbers else 0
        choice = profile.voltage
        self.voltage = choice[0] if len(choice) == 1 else _of_voltage(choice, numbers)
        choice = profile.current[-1:] if wide else profile.current
        if len(choice) < 2:
            self.current = choice[0] if choice else None
        else:
            self.current = _of_current(choice, numbers, self.voltage)

    def same(self, other: "Scales") -> bool:
        return (
            self.voltage == other.voltage
            and self.current == other.current
            and self.frequency == other.frequency
        )

    def exponent(self, c: int, d: int, unit: str) -> int | None:
        """The exponent of OBIS groups C and D, or None if unknown."""
        profile = self._profile
        if unit in ("W", "var", "VA"):
            return profile.power
        if unit in ("Wh", "varh", "VAh"):
            return profile.energy
        if unit == "V":
            return self.voltage
        if unit == "A":
            return self.current
        if c in (13, 33, 53, 73) and d == 7:
            return profile.factor
        return None if unit else 0


def of_list(data: bytes | bytearray, listed: "ValueList") -> Scales:
    """The values of the list without scaler."""
    numbers: dict[int, int] = {}
    wide = False
    pairs = listed.pairs
    for i in range(0, len(pairs), 3):
        code = pairs[i]
        if not pairs[i + 2] and data[code + 3] == 7 and data[code + 4] == 0:
            place = pairs[i + 1]
            if data[place] in axdr.NUMBERS:
                numbers[data[code + 2]] = axdr.number(data, place)
                wide = wide or (data[code + 2] in CURRENTS and data[place] in axdr.WIDE)
    return Scales(listed.profile, numbers, wide)


def _of_voltage(choice: tuple[int, ...], numbers: dict[int, int]) -> int | None:
    found = [numbers[c] for c in VOLTAGES if numbers.get(c)]
    if not found:
        return choice[0]
    low = min(found)
    high = max(found)
    for least, most in MAINS:
        for exponent in choice:
            unit = 10**-exponent
            if least * unit <= low and high <= most * unit:
                return exponent
    return None


def _of_current(choice: tuple[int, ...], numbers: dict[int, int], voltage: int | None) -> int:
    """The first exponent that can carry the power: P is at most the sum of U times I.

    For a current of transformers, it is the finest that can carry P and Q, because those are
    primary values, too.
    """
    power = max(_power(numbers, 1), _power(numbers, 2))
    most = 0  # of the apparent power, in units of the current's last digit
    high = 0
    for c in CURRENTS:
        volts = numbers.get(c + 1, 0)
        if not volts or voltage is None:
            volts = MAINS[0][1]
        else:
            volts = volts // 10**-voltage + 1
        current = abs(numbers.get(c, 0))
        high = max(high, current)
        most += (current + 1) * volts
    most = most * 11 // 10
    found = choice[0]
    for exponent in choice:
        if power * 10**-exponent <= most:
            found = exponent
            break
    finest = min(choice)
    if found > finest and high > DIRECT * 10**-found:
        reactive = max(_power(numbers, 3), _power(numbers, 4))
        if reactive and (power**2 + reactive**2) * 100**-finest <= most**2:
            return finest
    return found


def _power(numbers: dict[int, int], c: int) -> int:
    """The power of all phases, which some lists omit."""
    if c in numbers:
        return abs(numbers[c])
    return abs(sum([numbers.get(phase + c, 0) for phase in PHASES]))
