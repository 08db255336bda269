"""Writes the table of meters in README.md from the core's list of meter families.

python -m tools.documents.meter_table            writes it between the marks there
python -m tools.documents.meter_table --check    writes nothing; exit status 1 where it is stale
"""

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "firmware" / "lib"))

from smartmeter.dialog import line_search  # noqa: E402
from smartmeter.meters.countries import NAMES  # noqa: E402
from smartmeter.meters.families import FAMILIES, IR, NOT_READ, P1, Family  # noqa: E402

BEGIN, END = "<!-- meters -->", "<!-- /meters -->"

_COUNTRIES = {**NAMES, "PT": "Portugal", "": "any"}  # Portugal has no family that is read
_LINKS = {
    "mbus": "M-Bus frames",
    "hdlc": "HDLC",
    "sml": "SML",
    "p1": "P1 text",
    "iec62056": "IEC 62056-21",
    "tic": "TIC",
    "wrapper": "DLMS wrapper",
    "kmp": "KMP",
    "apdu": "none: bare DLMS",
}
# Two links that readers of the table know by another name than the core: encrypted DLMS around
# a whole P1 telegram, and the same text on an infrared port.
_CIPHERED_P1 = "P1 text, encrypted as a whole"
_MODE_D = "IEC 62056-21 text"
_HEAD = (
    "country, operator",
    "meters",
    "port",
    "wiring",
    "line",
    "link",
    "keys",
    "sends every",
    "time zone",
    "notes",
)


def _link(family: Family) -> str:
    if family.link == "apdu" and family.port == P1:
        return _CIPHERED_P1
    return _MODE_D if family.link == "p1" and family.port == IR else _LINKS[family.link]


def _row(family: Family) -> tuple[str, ...]:
    country = _COUNTRIES[family.country]
    besides = [f"needs {family.answer}"] if family.answer else []
    if family.note:
        besides.append(family.note)
    return (
        f"{country}: {family.operators}" if family.operators else country,
        family.meters,
        family.port,
        family.wiring,
        line_search.name(family.line) if family.line else "not known; detected",
        _link(family),
        family.keys,
        family.interval or "not known",
        family.zone or "that of the place",
        "; ".join(besides),
    )


def table() -> str:
    """The table and the list of unsupported meters, as Markdown."""
    rows = [_HEAD, ("---",) * len(_HEAD)] + [_row(family) for family in FAMILIES]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.append("\nKnown, but not supported:\n")
    for meters, country, operators, why in NOT_READ:
        lines.append(f"- {meters} ({_COUNTRIES[country]}: {operators}): {why}.")
    return "\n".join(lines) + "\n"


def placed(readme: str) -> str:
    """The README's text with the current table; ValueError if its place is missing."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, behind = rest.partition(END)
    if not begin or not end:
        raise ValueError(
            f"README.md has no lines {BEGIN} and {END}; add them where the table belongs"
        )
    return f"{before}{BEGIN}\n\n{table()}\n{END}{behind}"


def main(arguments: list[str]) -> int:
    path = REPOSITORY / "README.md"
    try:
        text = path.read_text(encoding="utf-8")
        wanted = placed(text)
    except (OSError, ValueError) as why:
        print(f"meter_table: {why}", file=sys.stderr)
        return 2
    if arguments == ["--check"]:
        if text != wanted:
            print("meter_table: README.md is stale: run python -m tools.documents.meter_table")
        return int(text != wanted)
    if arguments:
        print("meter_table: takes --check or nothing", file=sys.stderr)
        return 2
    path.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
