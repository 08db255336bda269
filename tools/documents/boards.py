"""Writes the pages and wiring drawings of boards/ from each board's own data.

    python -m tools.documents.boards            writes README.md and the drawings of every board

boards/NAME/board.json (upstream's fields), pins.csv (upstream's form) and adapter.toml (ours: the
stock image, notes, and the wiring of Ethernet if the board has it) are written by hand.
"""

import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path

from tools.provision.boards import RX, TX, Board, load, names
from tools.virtual_board.memory import CLASSES


@dataclass(frozen=True)
class Wiring:
    """One way to connect a meter: the device between, and which of its wires goes where."""

    key: str
    title: str
    line: str
    device: tuple[str, str]  # two lines
    wires: tuple[tuple[str, str, str], ...]  # (at the device, at the board, colour)
    beyond: tuple[str, str]  # what the device is attached to: two lines
    notes: tuple[str, ...]


WIRINGS = (
    Wiring(
        "mbus",
        "Wired M-Bus",
        "2400 8E1",
        ("M-Bus slave module", "TSS721 or NCN5150, isolated"),
        (("VCC", "3V3", "#b3261e"), ("TXD", RX, "#1565c0"), ("GND", "GND", "#333333")),
        ("Meter, RJ12", "pins 3 and 4, either way round"),
        (
            "The bus powers the module's bus side; 3V3 is for the isolated side only.",
            "The bus cannot power the board (6 mA at most); give the board its own supply.",
        ),
    ),
    Wiring(
        "p1",
        "P1 (DSMR and its relatives)",
        "115200 8N1 inverted",
        ("RJ12 of the meter", "pull-up from pin 5 to 3V3"),
        (
            ("5 data", RX, "#1565c0"),
            ("3 data GND", "GND", "#333333"),
            ("5, by 4.7 kOhm", "3V3", "#b3261e"),
        ),
        ("Bridge pin 1 to pin 2", "+5 V to data request"),
        (
            "Data is an inverted open collector: it needs the pull-up and the setting `inverted`.",
            "Leave data request open or at +5 V, never at GND.",
        ),
    ),
    Wiring(
        "tic",
        "France: Linky and older meters (TIC)",
        "9600 7E1",
        ("opto-coupler SFH620A", "or LTV-814: its LEDs face both ways"),
        (
            ("collector", RX, "#1565c0"),
            ("emitter", "GND", "#333333"),
            ("collector, by 4.7 kOhm", "3V3", "#b3261e"),
        ),
        ("Meter, I1 and I2", "1.2 kOhm in series with I1; either way round"),
        (
            "Never connect I1 or I2 to the board itself: they carry 50 kHz, up to 25 V.",
            "Historical mode has `1200 7E1`. Your supplier changes the mode to standard for free.",
            "Terminal A supplies 130 mW at most, which is too little for the board.",
        ),
    ),
    Wiring(
        "ir",
        "Infrared head (SML, IEC 62056-21, AMIS)",
        "9600 8N1",
        ("IR read head, TTL", "3.3 V"),
        (
            ("VCC", "3V3", "#b3261e"),
            ("TX", RX, "#1565c0"),
            ("RX", TX, "#2e7d32"),
            ("GND", "GND", "#333333"),
        ),
        ("Meter's optical port", "held by the magnet, cable down"),
        (
            "The head's RX is only needed if the meter expects answers (`meter.answer`).",
            "Many meters send little until you enter a PIN at their display.",
        ),
    ),
)


@dataclass(frozen=True)
class Way:
    """One way to install the firmware, with its heap as `python -m tools.bench adapter` prints it.

    live: kB (1000 bytes) after ten readings of a Kaifa MA309; least: the smallest heap that reads
    them, in units of 1024 bytes. fits: classes of tools/virtual_board/memory.py.
    """

    name: str
    live: int
    least: int
    fits: tuple[str, ...]
    instead: str  # what else a board can do


WAYS = (
    Way(
        "compiled files: `python -m tools.flash`",
        82,
        93,
        ("c3",),
        "no: this leaves Wi-Fi and TLS too little; publish `raw`, or run it in place",
    ),
    Way('compiled files, and `what = ["raw"]`', 62, 76, ("classic", "c3"), ""),
    Way('compiled files, and `what = ["ciphered"]`', 65, 79, ("classic", "c3"), ""),
    Way("in place: frozen, or in ROMFS (needs your own image)", 48, 71, ("classic", "c3"), ""),
)


def _installing(board: Board) -> list[str]:
    memory = "classic" if board.chip.name == "esp32" else "c3"
    first, most = CLASSES[memory]
    lines = [
        "## Ways to install the firmware",
        "",
        f"Without PSRAM, Python has {first} kB of heap, and {most} kB once it has grown.",
        "",
        "| way | in use | smallest heap | fits |",
        "|---|---:|---:|---|",
    ]
    for way in WAYS:
        fits = "yes" if memory in way.fits else way.instead
        lines.append(f"| {way.name} | {way.live} kB | {way.least} kB | {fits} |")
    return [
        *lines,
        "",
        "The figures are for a Kaifa MA309, measured on the virtual board (`make bench`), not on a "
        "chip. With PSRAM, every way fits, and so do the sources. If the sources do not fit, type "
        "`python -m tools.flash` to install the compiled files.",
        "",
    ]


def drawing(board: Board, wiring: Wiring) -> str:
    """The SVG of one way to connect a meter."""
    product = str(board.document["product"])
    height = 122 + 34 * len(wiring.wires)
    bottom = 64 + 34 * len(wiring.wires)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height}" role="img" '
        'font-family="sans-serif" font-size="14">',
        f"<title>{escape(product)}: {escape(wiring.title)}</title>",
        f'<rect width="760" height="{height}" fill="#ffffff"/>',
        *_box(20, 30, 200, bottom, product, "by GPIO number"),
        *_box(370, 30, 200, bottom, *wiring.device),
        *_box(620, 30, 130, bottom, *wiring.beyond, wrapped=True),
    ]
    for i, (there, here, colour) in enumerate(wiring.wires):
        y = 98 + 34 * i
        label = f"GPIO{board.pins[here]}" if here in board.pins else here
        parts += [
            f'<path d="M220 {y} H370" stroke="{colour}" stroke-width="3" fill="none"/>',
            f'<circle cx="220" cy="{y}" r="4" fill="{colour}"/>',
            f'<circle cx="370" cy="{y}" r="4" fill="{colour}"/>',
            f'<text x="210" y="{y + 5}" text-anchor="end" fill="#111111">{label}</text>',
            f'<text x="380" y="{y + 5}" fill="#111111">{escape(there)}</text>',
        ]
    middle = 30 + bottom // 2
    parts.append(
        f'<path d="M570 {middle} H620" stroke="#6d6d6d" stroke-width="3" '
        'stroke-dasharray="6 4" fill="none"/>'
    )
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _box(
    x: int, y: int, width: int, height: int, first: str, second: str, wrapped: bool = False
) -> list[str]:
    lines = [f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="#f3f6fa"']
    lines[0] += ' stroke="#44556a" stroke-width="2"/>'
    rows = [(first, 14, "bold"), (second, 11, "normal")]
    if wrapped:
        words = [(w, s, b) for text, s, b in rows for w in _wrap(text)]
        rows = [(text, 12 if bold == "bold" else 11, bold) for text, _, bold in words]
    for i, (text, size, weight) in enumerate(rows):
        lines.append(
            f'<text x="{x + width // 2}" y="{y + 22 + 17 * i}" text-anchor="middle" '
            f'font-size="{size}" font-weight="{weight}" fill="#111111">{escape(text)}</text>'
        )
    return lines


def _wrap(text: str, width: int = 18) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) + 1 > width and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def page(board: Board) -> str:
    """README.md of a board."""
    adapter = board.adapter
    lines = [
        f"# {board.document['vendor']} {board.document['product']}",
        "",
        *(adapter["about"].strip().splitlines()),
        "",
        f"Stock image: `{adapter['image']}`, MicroPython 1.24 or newer. In the "
        f'configuration file of `tools.provision`, write `board = "{board.name}"`.',
        "",
        "| what | pin |",
        "|---|---|",
        *(f"| `{name}` | GPIO{gpio} |" for name, gpio in board.pins.items()),
        "",
        *_installing(board),
    ]
    for wiring in WIRINGS:
        lines += [
            f"## {wiring.title}",
            "",
            f"![{wiring.title} at {board.document['product']}](wiring-{wiring.key}.svg)",
            "",
            f'`meter.line = "{wiring.line}"` is usual; `"auto"` finds it.',
            *wiring.notes,
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


def made(board: Board) -> dict[Path, str]:
    """Every file of a board that is generated from its data."""
    files = {board.folder / "README.md": page(board)}
    for wiring in WIRINGS:
        files[board.folder / f"wiring-{wiring.key}.svg"] = drawing(board, wiring)
    return files


def main() -> int:
    for name in names():
        for path, text in made(load(name)).items():
            path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
