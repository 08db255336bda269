"""The power of all phases from that of each; loaded only for meters that send no sum."""

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Mapping

_IMPORTS = ("21.7.0", "41.7.0", "61.7.0")
_EXPORTS = ("22.7.0", "42.7.0", "62.7.0")
_SIGNED = ("36.7.0", "56.7.0", "76.7.0")


def flows(values: "Mapping[str, tuple[int, int]]") -> "tuple[bool, bool]":
    """Whether a phase draws power, and whether one exports."""
    return (
        any([values[key][0] for key in _IMPORTS]),
        any([values[key][0] for key in _EXPORTS]),
    )


def sums(
    values: "Mapping[str, tuple[int, int]]",
) -> "list[tuple[str, tuple[str, ...], tuple[str, ...]]]":
    """[(key, what is added to it, what is taken from it)].

    The signed power is always the sum of the phases. That drawn and that exported are only known
    if all phases agree: meters differ in whether one phase's export reduces another's import.
    """
    if all([key in values for key in _SIGNED]):
        return [("16.7.0", _SIGNED, ())]
    if not all([key in values for key in _IMPORTS + _EXPORTS]):
        return []
    found: "list[tuple[str, tuple[str, ...], tuple[str, ...]]]" = [("16.7.0", _IMPORTS, _EXPORTS)]
    if not all(flows(values)):
        found += [("1.7.0", _IMPORTS, ()), ("2.7.0", _EXPORTS, ())]
    return found
