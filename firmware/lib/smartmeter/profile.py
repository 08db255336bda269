"""What is known of a family of meters."""


class Profile:
    """How a family of meters is to be understood where its telegrams are silent.

    power, energy, voltage, current, factor: the exponents of ten that its numbers count, most
    likely first; more than one where makers changed them, and then physics decides.
    clock: what its clock shows, context.STANDARD, context.LOCAL or None for unknown.
    trust_invalid: its clock sets the bit "invalid" on times that are right.
    zero_deviation: its clock sends the deviation 0 where it means "not specified".
    """

    def __init__(
        self,
        name: str,
        clock: str | None,
        energy: int,
        voltage: tuple[int, ...],
        current: tuple[int, ...],
        factor: int,
    ) -> None:
        self.name = name
        self.clock = clock
        self.power = 0
        self.energy = energy
        self.voltage = voltage
        self.current = current
        self.factor = factor
        self.trust_invalid = False
        self.zero_deviation = False
