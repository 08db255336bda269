"""The exponents of numbers that come without scaler_unit: from the profile, and from physics.

Makers changed the resolution of voltage and current within one family (Kamstrup 1 V and
0.01 V, Landis+Gyr E450 1 V and 0.1 V), so a profile may name several exponents: the first
is taken that makes a mains voltage of all phases, or currents that carry the power sent.
"""

_MAINS_LEAST = 180  # V between phase and neutral; hard_cases 18
_MAINS_MOST = 260

_VOLTAGES = (32, 52, 72)
_CURRENTS = (31, 51, 71)


class Scales:
    """The scales of one telegram: pairs are its [(code's octets, value, Scaler or None)]."""

    def __init__(self, profile, pairs):
        self._profile = profile
        numbers = {}
        for code, value, scaler in pairs:
            if scaler is None and type(value) is int and code[3] == 7 and code[4] == 0:
                numbers[code[2]] = value
        self._voltage = self._of_voltage([numbers[c] for c in _VOLTAGES if numbers.get(c)])
        self._current = self._of_current(numbers)

    def exponent(self, c, d, unit):
        """The exponent of OBIS groups C and D, or None where nobody knows it."""
        profile = self._profile
        if unit in ("W", "var", "VA"):
            return profile.power
        if unit in ("Wh", "varh", "VAh"):
            return profile.energy
        if unit == "V":
            return self._voltage
        if unit == "A":
            return self._current
        if c in (13, 33, 53, 73) and d == 7:
            return profile.factor
        return None if unit else 0

    def _of_voltage(self, numbers):
        choice = self._profile.voltage
        for exponent in choice:
            fits = True
            for number in numbers:
                least = _MAINS_LEAST * 10**-exponent
                most = _MAINS_MOST * 10**-exponent
                if not least <= number <= most:
                    fits = False
            if fits:
                return exponent
        return choice[0] if len(choice) == 1 else None

    def _of_current(self, numbers):
        """The smallest current that can carry the power: P is at most the sum of U times I."""
        choice = self._profile.current
        if len(choice) < 2:
            return choice[0] if choice else None
        power = max(abs(numbers.get(1, 0)), abs(numbers.get(2, 0)))
        most = 0  # of the apparent power, in units of the current's last digit
        for c in _CURRENTS:
            volts = numbers.get(c + 1, 0)
            if not volts:
                volts = _MAINS_MOST
            elif self._voltage is not None:
                volts = volts // 10**-self._voltage + 1
            most += (abs(numbers.get(c, 0)) + 1) * volts
        for exponent in choice:
            if power * 10**-exponent <= most * 11 // 10:
                return exponent
        return choice[0]
