"""What a device that follows the grid needs of a meter, in the meter's own signs and units."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from ...monitoring.states import States

PHASES = (1, 2, 3)
_POWERS = ("16.7.0", "1.7.0")
_PHASE_POWERS = {f"{20 * p + group}.7.0" for p in PHASES for group in (1, 2, 16)}
_TOGETHER_S = 1.0  # a rhythm does not count what comes faster (monitoring/rhythm.py)
# However seldom a meter sends: what regulates by an older power only swings.
_OLD_S = 60.0


class NotFresh(Exception):
    """The meter has no power to follow now; one sentence that says why."""


# Raises NotFresh.
Ask = Callable[[], "GridValues"]


class GridValues:
    """The newest values of a meter, by OBIS code, without those that have ceased.

    Powers are in W and positive where the house imports; energies are in Wh.
    """

    def __init__(self, values: Mapping[str, Decimal]) -> None:
        """Raises NotFresh if there is no power among them."""
        self._values = values
        power = self._net("16.7.0", "1.7.0", "2.7.0")
        if power is None:
            raise NotFresh("the meter sends no power")
        self.power = power

    def get(self, code: str) -> float | None:
        """A value; None if the meter does not send it."""
        value = self._values.get(code)
        return None if value is None else float(value)

    def of_phase(self, phase: int, group: int, quantity: int = 7) -> float | None:
        """A phase's value: group C of the code as for all phases together (IEC 62056-61)."""
        return self.get(f"{20 * phase + group}.{quantity}.0")

    @property
    def phase_powers(self) -> tuple[float, float, float]:
        """The power of each phase. Their sum is the meter's, all on L1 if it sends only that."""
        found = [
            self._net(f"{20 * p + 16}.7.0", f"{20 * p + 1}.7.0", f"{20 * p + 2}.7.0")
            for p in PHASES
        ]
        first, second, third = found
        if first is None or second is None or third is None:
            return self.power, 0.0, 0.0
        return first, second, third

    def _net(self, signed: str, imported: str, exported: str) -> float | None:
        value = self._values.get(signed)
        if value is None and imported in self._values:
            value = self._values[imported] - self._values.get(exported, Decimal(0))
        return None if value is None else float(value)


def fresh(states: States, meter: str, now: float) -> GridValues:
    """A meter's values, if its power is from now (unix s). Raises NotFresh."""
    newest = states.newest(meter, now)
    if newest is None:
        raise NotFresh("no reading of this meter has come yet")
    if newest.reason:
        raise NotFresh(newest.reason)
    came = max((newest.came[code] for code in _POWERS if code in newest.values), default=now)
    if now - came > _OLD_S:
        raise NotFresh(f"the newest power is {now - came:.0f} s old")
    # the phases' powers belong to the sum only if they came with it
    late = {code for code in _PHASE_POWERS if newest.came.get(code, came) < came - _TOGETHER_S}
    return GridValues({code: v for code, v in newest.values.items() if code not in late})
