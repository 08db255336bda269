"""The boards of boards/: their pins, their chips, and the settings that follow from them."""

import csv
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import DATA

BOARDS = DATA / "boards"
RX, TX = "METER_RX", "METER_TX"
USUAL = "ESP32_GENERIC"


@dataclass(frozen=True)
class Chip:
    """What a chip's pins can be used for (Espressif's GPIO pages and datasheets)."""

    name: str
    pins: frozenset[int]
    input_only: frozenset[int]
    flash: frozenset[int]  # used by the flash, and on some modules by PSRAM
    strapping: frozenset[int]  # decide how the chip boots
    console: frozenset[int]  # USB or UART0: using them would lock out mpremote


def _pins(*spans: int | tuple[int, int]) -> frozenset[int]:
    found: set[int] = set()
    for span in spans:
        found |= {span} if isinstance(span, int) else set(range(span[0], span[1] + 1))
    return frozenset(found)


CHIPS = {
    c.name: c
    for c in (
        Chip(
            "esp32",
            _pins((0, 19), (21, 23), (25, 27), (32, 39)),
            _pins((34, 39)),
            _pins((6, 11)),
            _pins(0, 2, 5, 12, 15),
            _pins(1, 3),
        ),
        Chip("esp32c3", _pins((0, 21)), _pins(), _pins((12, 17)), _pins(2, 8, 9), _pins((18, 21))),
        Chip(
            "esp32s3",
            _pins((0, 21), (26, 48)),
            _pins(),
            _pins((26, 37)),
            _pins(0, 3, 45, 46),
            _pins(19, 20, 43, 44),
        ),
        Chip(
            "esp32c6",
            _pins((0, 30)),
            _pins(),
            _pins((24, 30)),
            _pins(4, 5, 8, 9, 15),
            _pins(12, 13, 16, 17),
        ),
    )
}


@dataclass(frozen=True)
class Board:
    folder: Path
    document: dict[str, Any]  # board.json
    pins: dict[str, int]  # pins.csv: name -> GPIO
    adapter: dict[str, Any]  # adapter.toml

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def chip(self) -> Chip:
        return CHIPS[self.document["mcu"]]

    def settings(self) -> dict[str, dict[str, Any]]:
        """The settings that follow from the board, in the form of adapter.schema."""
        settings: dict[str, dict[str, Any]] = {"meter": {"rx": self.pins[RX], "tx": self.pins[TX]}}
        if "ethernet" in self.adapter:
            settings["ethernet"] = dict(self.adapter["ethernet"])
        return settings


def names() -> list[str]:
    return sorted(p.parent.name for p in BOARDS.glob("*/board.json"))


def of_machine(machine: str) -> str | None:
    """The board that os.uname().machine names, such as "M5Stack ATOM with ESP32".

    A generic image names only its chip, which gives the generic board of that chip.
    """
    maker, _, chip = machine.rpartition(" with ")
    plain = "".join(c for c in maker.lower() if c.isalnum())
    for name in names():
        if name.lower().replace("_", "") == plain:
            return name
    kind = chip.upper().removeprefix("ESP32")
    generic = f"ESP32_GENERIC_{kind}" if kind else "ESP32_GENERIC"
    return generic if chip and generic in names() else None


def load(name: str) -> Board:
    """Load a board by name; ValueError with one sentence if there is no such board."""
    if name not in names():
        raise ValueError(f"there is no board {name!r}; there are {', '.join(names())}")
    folder = BOARDS / name
    pins = {}
    with (folder / "pins.csv").open(newline="") as f:
        for pin, gpio in csv.reader(f):
            pins[pin] = int(gpio.removeprefix("GPIO"))
    return Board(
        folder,
        json.loads((folder / "board.json").read_text()),
        pins,
        tomllib.loads((folder / "adapter.toml").read_text()),
    )
