"""The ratio of current and voltage transformers; loaded only for meters that have one."""

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from .reading import Reading

_UNITS = ("W", "var", "VA", "Wh", "varh", "VAh", "A")


def apply(reading: "Reading", ratio: int) -> None:
    """Multiplies powers, energies and currents of electricity, and notes it in the reading."""
    values, codes, units = reading.values, reading.codes, reading.units
    for key in values:
        if units[key] in _UNITS and codes[key][:2] == "1-":
            mantissa, exponent = values[key]
            values[key] = (mantissa * ratio, exponent)
    reading.ratio = ratio
