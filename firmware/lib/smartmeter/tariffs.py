"""The tariffs that a total is made of: all of them, or there is no total.

Loaded only for meters that do not send the total itself.
"""

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Iterable

    # of a total: first and last tariff of its longest row, how often that came, whether the total
    # is withheld now, and of which meter this is
    Row = tuple[int, int, int, bool, str]

# The first tariff of a row: 1, or 11 in Israel, whose meters send 1.8.11 to 1.8.13.
_FIRST = (1, 11)
_CERTAIN = 2  # times that a row came until a shorter one is not taken for all of it


def parts(
    values: "Iterable[str]", total: str, meter: str, rows: "dict[str, Row]"
) -> "tuple[list[str], bool]":
    """(keys of the tariffs that make up a total, whether rows changed); no keys if some lack.

    A row is complete if no tariff is missing between its ends, and if it is as long as the row
    that this meter sent before. rows keeps these, by total.
    """
    stem = total[:-1]
    tariffs = sorted([int(key[len(stem) :]) for key in values if key.startswith(stem)])
    known = rows.get(total)
    if known and meter and known[4] and known[4] != meter:
        known = None  # another meter in its place
    if not tariffs or (len(tariffs) == 1 and not known):
        return [], False
    first, last = tariffs[0], tariffs[-1]
    whole = first in _FIRST and last - first == len(tariffs) - 1 > 0
    times = 0
    if known:
        times = known[2]
        longest = first, last
        if whole and longest == known[:2]:
            times = min(times + 1, _CERTAIN)
        elif whole and first == known[0] and last > known[1]:
            times = 1
        else:
            longest = known[:2]
            whole = whole and times < _CERTAIN
            if not times and last > longest[1]:
                longest = longest[0], last
    else:
        longest = (first if whole else _FIRST[0]), last
        times = int(whole)
    row = longest + (times, not whole, meter)
    changed = row != rows.get(total)
    rows[total] = row
    return ["%s%d" % (stem, tariff) for tariff in tariffs] if whole else [], changed


def withheld(rows: "dict[str, Row]") -> str:
    """A sentence on the first total that is not made, "" if there is none."""
    for total in sorted(rows):
        first, last, _, lacks, _ = rows[total]
        if lacks:
            stem = total[:-1]
            return "%s is left out: the meter does not send all tariffs from %s%d to %s%d" % (
                total,
                stem,
                first,
                stem,
                last,
            )
    return ""
