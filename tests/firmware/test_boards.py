"""Each board is in upstream's form, and its pins are pins that its chip has and does not need."""

import csv
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from adapter import schema

from tools.documents.boards import made
from tools.provision import boards
from tools.provision.answers import Refused, from_file

# What tools/autobuild and the download page of MicroPython read from board.json.
UPSTREAM = {
    "deploy": list,
    "docs": str,
    "features": list,
    "images": list,
    "mcu": str,
    "product": str,
    "thumbnail": str,
    "url": str,
    "vendor": str,
}
FEATURES = {"BLE", "Ethernet", "WiFi", "microSD"}
NAMES = boards.names()


def test_the_boards_that_are_promised_are_there() -> None:
    promised = {"ESP32_GENERIC", "ESP32_GENERIC_C3", "ESP32_GENERIC_S3", "ESP32_GENERIC_C6"}
    assert set(NAMES) >= promised | {"OLIMEX_ESP32_POE", "WT32_ETH01", "M5STACK_ATOM"}


@pytest.mark.parametrize("name", NAMES)
def test_board_json_has_upstream_s_fields(name: str) -> None:
    document = json.loads((boards.BOARDS / name / "board.json").read_text())
    assert {k: type(v) for k, v in document.items()} == UPSTREAM
    assert set(document["features"]) <= FEATURES
    assert document["mcu"] in boards.CHIPS
    assert document["url"].startswith("https://")


@pytest.mark.parametrize("name", NAMES)
def test_the_pins_are_fit_for_their_use(name: str) -> None:
    board = boards.load(name)
    chip = board.chip
    with (board.folder / "pins.csv").open(newline="") as f:
        assert all(row[1].startswith("GPIO") for row in csv.reader(f))
    assert set(board.pins) == {boards.RX, boards.TX}
    for pin in board.pins.values():
        assert pin in chip.pins
        assert pin not in chip.flash
        assert pin not in chip.console
        assert pin not in chip.strapping, "a meter that sends at power-on would decide the boot"
    assert board.pins[boards.TX] not in chip.input_only
    assert len(set(board.pins.values())) == 2


@pytest.mark.parametrize("name", NAMES)
def test_ethernet_takes_none_of_the_meter_s_pins(name: str) -> None:
    board = boards.load(name)
    assert ("Ethernet" in board.document["features"]) == ("ethernet" in board.adapter)
    wiring = board.adapter.get("ethernet", {})
    taken = {wiring[k] for k in ("mdc", "mdio", "power", "ref_clk") if k in wiring}
    if wiring:
        taken |= {19, 21, 22, 25, 26, 27}  # RMII, fixed in the ESP32
    assert not taken & set(board.pins.values())
    assert taken <= board.chip.pins


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_of_a_board_are_settings(name: str) -> None:
    settings = boards.load(name).settings()
    settings["meter"]["id"] = "m"
    if "ethernet" not in settings:
        settings["wifi"] = {"ssid": "Home"}
    settings["broker"] = {"host": "broker.example", "tls": False}
    checked = schema.check(settings)
    assert checked["meter"]["rx"] == boards.load(name).pins[boards.RX]


@pytest.mark.parametrize("name", NAMES)
def test_page_and_drawings_are_made_from_the_data(name: str) -> None:
    for path, text in made(boards.load(name)).items():
        assert path.read_text() == text, "type: python -m tools.documents.boards"
        if path.suffix == ".svg":
            ET.fromstring(text)


def test_provisioning_takes_the_pins_of_the_board(tmp_path: Path) -> None:
    config = tmp_path / "adapter.toml"
    rest = '[ethernet]\n[broker]\nhost = "broker.example"\ntls = false\n'
    config.write_text('board = "WT32_ETH01"\n' + rest)
    settings = from_file(config).checked().settings
    assert (settings["meter"]["rx"], settings["meter"]["tx"]) == (35, 17)
    assert (settings["ethernet"]["phy_addr"], settings["ethernet"]["ref_clk_out"]) == (1, False)
    config.write_text('board = "ESP33"\n' + rest)
    with pytest.raises(Refused, match="there is no board 'ESP33'"):
        from_file(config).checked()
