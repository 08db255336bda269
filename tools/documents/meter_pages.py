"""Writes docs/meters.md, a page for each country, and the README's list of countries.

    python -m tools.documents.meter_pages            writes them
    python -m tools.documents.meter_pages --check    writes nothing; exit status 1 if one is stale

They come from the core's list of meter families, from opening.py, and from the wiring of boards/.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from tools.documents.boards import WIRINGS
from tools.documents.opening import OPENING

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "firmware" / "lib"))

from smartmeter.dialog import line_search  # noqa: E402
from smartmeter.meters import families  # noqa: E402
from smartmeter.meters.countries import NAMES  # noqa: E402
from smartmeter.meters.families import FAMILIES, IR, NOT_READ, P1, Family  # noqa: E402

BEGIN, END = "<!-- countries -->", "<!-- /countries -->"
README = "README.md"
OVERVIEW = "docs/meters.md"

_ANY = "any country"
_COUNTRIES = {**NAMES, "PT": "Portugal", "": _ANY}  # Portugal has no family that is read
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
# A port -> the wiring in boards/ that fits.
_WIRINGS = {
    families.MBUS_RJ12: "mbus",
    families.MBUS_RJ45: "mbus",
    families.P1: "p1",
    families.IR: "ir",
    families.TIC: "tic",
}
_ABOUT = """# Meters

{families} meter families of {countries} countries. A virtual meter of each is read in every test
run. Each country has a page: how to open the port, how to get the key, how to wire it.

`python -m tools.documents.meter_pages` writes these pages.

**Your meter is not here?** It may work all the same: the line and the protocol are detected. Try
`smartmeter-gateway decode capture.bin`, and [report it](../CONTRIBUTING.md).

"""


def _link(family: Family) -> str:
    if family.link == "apdu" and family.port == P1:
        return _CIPHERED_P1
    return _MODE_D if family.link == "p1" and family.port == IR else _LINKS[family.link]


def _counted() -> dict[str, int]:
    """The number of families of each country, by name, and of those of any country last."""
    codes = sorted({f.country for f in FAMILIES}, key=lambda code: (not code, _COUNTRIES[code]))
    return {code: sum(f.country == code for f in FAMILIES) for code in codes}


def _file(code: str) -> str:
    return f"{code.lower() or 'any'}.md"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ("---",) * len(head), *rows))


def overview() -> str:
    """docs/meters.md."""
    counted = _counted()
    text = _ABOUT.format(families=len(FAMILIES), countries=len(counted.keys() - {""}))
    text += _table(
        ("country", "families", "ports", "needs a key"),
        [
            (
                f"[{_COUNTRIES[code]}](meters/{_file(code)})",
                str(number),
                "; ".join(_each(f.port for f in FAMILIES if f.country == code)),
                _needs_key({f.keys for f in FAMILIES if f.country == code}),
            )
            for code, number in counted.items()
        ],
    )
    text += "\n## All of them\n\n"
    text += _table(
        ("country", "operator", "meters", "port", "line", "link", "keys", "sends every"),
        [
            (
                _COUNTRIES[f.country],
                f.operators or "all",
                f.meters,
                f.port,
                _line(f),
                _link(f),
                f.keys,
                f.interval or "not known",
            )
            for f in FAMILIES
        ],
    )
    text += "\n## Known, but not supported\n\n"
    for meters, country, operators, why in NOT_READ:
        text += f"- {meters} ({_COUNTRIES[country]}: {operators}): {why}.\n"
    return text


def _needs_key(keys: set[str]) -> str:
    if keys == {families.NO_KEY}:
        return "no"
    return "some" if keys & {families.NO_KEY, families.OPERATOR} else "yes"


def country(code: str) -> str:
    """docs/meters/xx.md."""
    members = [family for family in FAMILIES if family.country == code]
    text = f"# Meters of {_COUNTRIES[code]}\n\n[All countries](../meters.md)\n\n"
    text += "## The port and the key\n\n"
    text += "".join(f"- {sentence}\n" for sentence in OPENING[code])
    zones = _each(family.zone for family in members if family.zone)
    if zones:
        text += f"\nTime zone of the meters' clocks: `{zones[0]}`.\n"
    text += "\n## Wiring\n"
    for port in _each(family.port for family in members):
        text += _wiring(port, members)
    text += "\n## Families\n"
    for family in members:
        text += _family(family)
    missing = [entry for entry in NOT_READ if entry[1] == code]
    if missing:
        text += "\n## Known, but not supported\n\n"
        text += "".join(f"- {meters} ({who}): {why}.\n" for meters, _, who, why in missing)
    return text


def _wiring(port: str, members: list[Family]) -> str:
    between = _each(f.wiring for f in members if f.port == port)
    text = f"\n### {port}\n\nBetween meter and board: {' or '.join(between)}.\n"
    for wiring in WIRINGS:
        if wiring.key == _WIRINGS.get(port):
            text += "\n".join(("", *(f"- {note}" for note in wiring.notes), ""))
            text += "- Pins and a drawing for each board: [boards](../../boards/README.md).\n"
    return text


def _family(family: Family) -> str:
    rows = [
        ("operator", family.operators or "all"),
        ("port", family.port),
        ("line", f"`{_line(family)}`" if family.line else _line(family)),
        ("link", _link(family)),
        ("keys", family.keys),
        ("sends every", family.interval or "not known"),
        ("needs", family.answer),
        ("note", family.note),
        ("name in settings", f"`{family.id}`"),
    ]
    return f"\n### {family.meters}\n\n" + _table(
        ("", ""), [(name, said) for name, said in rows if said]
    )


def _line(family: Family) -> str:
    return line_search.name(family.line) if family.line else "not known; detected"


def _each(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def countries() -> str:
    """The README's list: each country with its number of families."""
    counted = _counted()
    linked = [
        f"[{_COUNTRIES[code]}](docs/meters/{_file(code)}) ({number})"
        for code, number in counted.items()
        if code
    ]
    text = (
        f"<!-- long -->\n{len(FAMILIES)} meter families of {len(linked)} countries, each tested "
        f"with a virtual meter: {', '.join(linked)}.\n\n"
    )
    return text + (
        f"In any country: [M-Bus, heat and water meters](docs/meters/{_file('')}) ({counted['']})."
    )


def placed(readme: str) -> str:
    """The README's text with the current list; ValueError if its place is missing."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, behind = rest.partition(END)
    if not begin or not end:
        raise ValueError(
            f"README.md has no lines {BEGIN} and {END}; add them where the list belongs"
        )
    return f"{before}{BEGIN}\n\n{countries()}\n\n{END}{behind}"


def pages() -> dict[Path, str]:
    """All files with their current text. OSError, ValueError."""
    readme = REPOSITORY / README
    found = {readme: placed(readme.read_text(encoding="utf-8")), REPOSITORY / OVERVIEW: overview()}
    for code in _counted():
        found[REPOSITORY / "docs" / "meters" / _file(code)] = country(code)
    return found


def main(arguments: list[str]) -> int:
    try:
        found = pages()
    except (OSError, ValueError) as why:
        print(f"meter_pages: {why}", file=sys.stderr)
        return 2
    stale = [
        path
        for path, text in found.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if arguments == ["--check"]:
        for path in stale:
            name = path.relative_to(REPOSITORY)
            print(f"meter_pages: {name} is stale: run python -m tools.documents.meter_pages")
        return int(bool(stale))
    if arguments:
        print("meter_pages: takes --check or nothing", file=sys.stderr)
        return 2
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(found[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
