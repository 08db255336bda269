"""decode: time per telegram on CPython: ours, the native floor and other decoders

All in one run, from the link's bytes to values with every check, in us of CPU time. "ours" is a
Receiver that has seen the meter before, as it has from the second telegram on; "walked" is the
same without what it keeps of a list's layout. "floor" is the least the format takes (floor.py).
A time counts only for a decoder whose values agree: "reads 9/12" names one that gives fewer, and
"differs" one that gives others. A list that does not say its scale is compared by its digits.
"""

from collections.abc import Callable
from decimal import Decimal
from itertools import chain
from types import ModuleType

from smartmeter import Reading, Receiver

from tools.table import Table, verdicts

from . import floor, peers
from .telegrams import CORPUS, Telegrams, Values, captured, virtual
from .timing import microseconds

# peer's name, which telegrams, how many times faster, as issue 3 puts it
_TARGETS: tuple[tuple[str, Callable[[Telegrams], bool], float, str], ...] = (
    ("gurux-dlms", lambda t: t.link == "mbus" and t.ciphered, 60, "encrypted M-Bus push"),
    ("dlms-cosem", lambda t: t.tagged, 4, "encrypted telegram with a tag"),
    ("gurux-dlms", lambda t: t.link == "hdlc" and not t.ciphered, 12, "plain HDLC list"),
    ("smllib parse", lambda t: t.link == "sml", 5, "SML"),
    ("smllib obis", lambda t: t.link == "sml", 3, "SML"),
    ("dsmr-parser", lambda t: t.family == "p1", 10, "P1"),
)
_FLOOR_FACTOR = 2
_OTHER_MEDIA = "56789"  # group A of codes of heat, cooling, gas and water
_BARE = (0x0F, 0xDB, 0xDF)  # what an APDU without framing begins with


def main() -> None:
    found, missing = peers.load()
    for sentence in missing:
        print(f"peer {sentence}")
    if not CORPUS.exists():
        print("../shared with its captured frames is not here: their rows are left out")
    table = Table(
        ("telegram", 40),
        ("bytes", 5),
        ("ours", 6),
        ("walked", 6),
        ("floor", 6),
        ("ours/floor", 10),
        *[(f"{peer.NAME} (x ours)", 20) for peer in found],
    )
    rows = []
    for telegrams in chain(virtual(), captured()):
        row = measure(telegrams, found)
        rows.append(row)
        table.row(*row.cells(found))
    verdicts(_verdicts(rows))


class Row:
    """One kind of telegram: each doer's time, or in words why there is none."""

    def __init__(self, telegrams: Telegrams) -> None:
        self.telegrams = telegrams
        self.times: dict[str, float] = {}
        self.words: dict[str, str] = {}

    def ratio(self, name: str) -> float | None:
        """How many times longer than ours it takes."""
        if name not in self.times or "ours" not in self.times:
            return None
        return self.times[name] / self.times["ours"]

    def cells(self, found: list[ModuleType]) -> list[object]:
        wires = self.telegrams.wires
        cells: list[object] = [self.telegrams.name, sum(map(len, wires)) // len(wires)]
        cells += [
            self.times.get(name) or self.words.get(name) for name in ("ours", "walked", "floor")
        ]
        ratio = self.ratio("floor")
        cells.append(None if ratio is None else f"{1 / ratio:.2f}")
        for peer in found:
            ratio = self.ratio(peer.NAME)
            word = self.words.get(peer.NAME)
            if ratio is None:
                cells.append(word)
            else:
                cells.append(f"{self.times[peer.NAME]:.0f} ({ratio:.0f}x)")
        return cells


def measure(telegrams: Telegrams, found: list[ModuleType]) -> Row:
    """The Row of such telegrams: compared first, then timed together."""
    row = Row(telegrams)
    doers: dict[str, Callable[[], object]] = {}
    wires = telegrams.wires
    # a bare APDU is one where the line pauses, and here it does not: so the link is named
    link = "apdu" if wires[0][0] in _BARE else None
    receiver = Receiver(telegrams.key, telegrams.auth_key, link)
    readings = _ours(receiver, telegrams)
    if readings is None:
        row.words["ours"] = "no reading"
        return row
    if telegrams.truth and any(
        _differing(_values(reading), truth, True)
        for reading, truth in zip(readings, telegrams.truth, strict=True)
    ):
        row.words["ours"] = "differs"
        return row
    expected = telegrams.truth or [_values(reading) for reading in readings]
    doers["ours"] = lambda: _feed(receiver, wires)
    walking = Receiver(telegrams.key, telegrams.auth_key, link)
    doers["walked"] = lambda: _feed(walking, wires, True)
    others: list[tuple[str, Callable[[bytes], object] | None, Callable[[object], Values]]] = [
        ("floor", floor.reader(telegrams), _of_floor)
    ]
    for peer in found:
        others.append(
            (peer.NAME, peer.reader(telegrams), lambda r, p=peer: p.values(r, telegrams))  # type: ignore[misc]
        )
    for name, read, values in others:
        if read is None:
            continue
        try:
            got = [values(read(wire)) for wire in wires]
        except Exception as why:
            if name != "floor":  # which knows the common form of a format and no quirks
                row.words[name] = f"no ({type(why).__name__})"
            continue
        words = [_judge(have, wanted) for have, wanted in zip(got, expected, strict=True)]
        word = "differs" if "differs" in words else max(words)
        if word != "differs":
            doers[name] = lambda read=read: [read(wire) for wire in wires]  # type: ignore[misc]
        if word and (name, word) != ("floor", "differs"):
            row.words[name] = word
    row.times = microseconds(doers, len(wires))
    return row


def _feed(receiver: Receiver, wires: list[bytes], walk: bool = False) -> None:
    receiver.counters.clear()  # else the second pass would be a replay
    for wire in wires:
        if walk:
            receiver.plans.clear()
        receiver.feed(wire)


def _ours(receiver: Receiver, telegrams: Telegrams) -> list[Reading] | None:
    readings = []
    for wire in telegrams.wires:
        events = receiver.feed(wire)
        if len(events) != 1 or not isinstance(events[0], Reading):
            return None
        readings.append(events[0])
    return readings


def _values(reading: Reading) -> Values:
    return {
        key: Decimal(mantissa).scaleb(exponent)
        for key, (mantissa, exponent) in reading.values.items()
        if ":" not in key or key[0] in _OTHER_MEDIA
    }


def _of_floor(result: object) -> Values:
    if isinstance(result, list):
        return {f"#{n}": Decimal(v) for n, v in enumerate(result) if isinstance(v, int)}
    assert isinstance(result, dict)
    return {
        name[0 if name[0] in _OTHER_MEDIA and ":" in name else name.find(":") + 1 :]: Decimal(
            mantissa
        ).scaleb(exponent or 0)
        for name, (mantissa, exponent) in result.items()
    }


def _digits(number: Decimal) -> str:
    return "".join(map(str, number.as_tuple().digits)).strip("0")


def _differing(got: Values, expected: Values, exact: bool) -> list[str]:
    return [
        code
        for code, number in expected.items()
        if code in got and (got[code] != number if exact else _digits(got[code]) != _digits(number))
    ]


def _judge(got: Values, expected: Values) -> str:
    """ "" if all is there and equal, "reads m/n", or "differs"."""
    if any(name.startswith("#") for name in got):  # by position: no codes to go by
        numbers = [_digits(number) for number in got.values()]
        have = sum(_digits(number) in numbers for number in expected.values())
    else:
        if _differing(got, expected, False):
            return "differs"
        have = sum(code in got for code in expected)
    if not have:
        return "differs"
    return "" if have == len(expected) else f"reads {have}/{len(expected)}"


def _verdicts(rows: list[Row]) -> list[tuple[bool, str]]:
    lines = []
    held = [(1 / r, row) for row in rows if (r := row.ratio("floor")) is not None]
    if held:
        worst, row = max(held, key=lambda entry: entry[0])
        over = [f"{row.telegrams.name} {ratio:.2f}" for ratio, row in held if ratio > _FLOOR_FACTOR]
        lines.append(
            (
                not over,
                f"within {_FLOOR_FACTOR} times the floor on {len(held) - len(over)} of "
                f"{len(held)} formats; worst {worst:.2f} ({row.telegrams.name})"
                + (f"; over: {', '.join(over)}" if over else ""),
            )
        )
    for name, fits, factor, what in _TARGETS:
        ratios = [
            (r, row) for row in rows if fits(row.telegrams) and (r := row.ratio(name)) is not None
        ]
        if ratios:
            least, row = min(ratios, key=lambda entry: entry[0])
            lines.append(
                (
                    least >= factor,
                    f"{factor:g} times {name} on {what} ({len(ratios)}): "
                    f"least {least:.1f} ({row.telegrams.name})",
                )
            )
    failed = [row.telegrams.name for row in rows if "ours" in row.words]
    if failed:
        lines.append((False, f"ours reads every telegram; not: {', '.join(failed)}"))
    return lines
