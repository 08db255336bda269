"""Provisioning in the browser: the page in a real Chromium, on a virtual board."""

import base64
import http.client
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.web.pages import Page, expect
from tests.firmware.rig import KEY, ONE_WORD_SIZE, REPOSITORY, USERS, WIFI, Setup, TestMeter
from tests.firmware.rom_loader import RomLoader
from tests.firmware.web_serial import Bridge
from tests.gateway.harness import Process
from tests.gateway.provisioning.test_pairing import concentrator, new_code  # noqa: F401 (a fixture)
from tools.environment.mosquitto import free_port
from tools.provision.browser.catalog import catalog
from tools.provision.browser.server import _PAGE
from tools.virtual_board import VirtualBoard

IMAGE_BYTES = 40_000


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address at which `python -m tools.provision --browser` serves the page."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.provision", "--browser"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    yield re.findall(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())[0]
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def walk(browser: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Opens the page with a bridge as its serial port. Nothing may go wrong in the page."""
    opened: list[Page] = []

    def open_page(bridge: Bridge, **settings: Any) -> Any:
        # The page's policy would keep the bridge's WebSocket from it; another test is about it.
        page = Page(browser, "about:blank", bypass_csp=True, **settings)
        opened.append(page)
        page.page.add_init_script(bridge.script)
        page.page.goto(address)
        return page.page

    yield open_page
    for page in opened:
        page.context.close()
        # a refused answer is a response with status 422, which Chromium's console shows
        assert [text for text in page.wrong if "422" not in text] == []


def fill(page: Any, **answers: str) -> None:
    for name, text in answers.items():
        page.locator(f'[name="{name.replace("__", ".")}"]').fill(text)


@ONE_WORD_SIZE
def test_from_the_questions_to_the_first_reading(
    setup: Setup, meter: TestMeter, walk: Callable[..., Any], tmp_path: Path
) -> None:
    setup.board.wait_console("settings: none yet")  # or it may be slower than the page waits
    with Bridge(setup.board.port) as bridge:
        page = walk(bridge)
        page.get_by_role("button", name="Connect").click()
        expect(page.locator("#connect .said")).to_contain_text("The board has MicroPython 1.")
        expect(page.locator("#firmware .said")).to_have_text("The firmware is on the board.")
        expect(page.locator("#image")).to_be_hidden()
        write = page.get_by_role("button", name="Write the settings and start")

        write.click()  # with nothing answered
        expect(page.get_by_text("ESP32_GENERIC has no Ethernet; name a Wi-Fi")).to_be_visible()
        page.get_by_label("Country of the meter").select_option("AT")
        kaifa = page.locator("option", has_text="Kaifa M110").first.get_attribute("value")
        page.get_by_label("The meter", exact=True).select_option(kaifa)
        about = page.locator(".field", has=page.locator('[name="meter"]'))
        expect(about).to_contain_text("M-Bus slave module (TSS721 or NCN5150)")
        expect(page.get_by_label("Line of the meter")).to_be_hidden()
        assert page.locator("#proposed-wifi\\.ssid option").all_text_contents() == ["Home"]
        page.get_by_label("What to publish").select_option("reading")
        fill(page, wifi__ssid="x" * 33, wifi_password=WIFI["Home"])
        expect(page.get_by_text("wifi.ssid is text of 1 to 32 bytes")).to_be_visible()
        fill(page, wifi__ssid="Home", broker__host="localhost", broker__port=str(free_port()))
        fill(page, broker__user="adapter", broker_password=USERS["adapter"], meter_key="0F0F")
        no_ca = tmp_path / "notes.txt"
        no_ca.write_text("no certificate")
        page.locator('[name="broker_ca"]').set_input_files(no_ca)
        expect(page.get_by_text("does not contain a readable certificate")).to_be_visible()
        page.locator('[name="broker_ca"]').set_input_files(setup.authority.certificate_path)
        write.click()
        expect(page.get_by_text("a key has 32 hex digits, but this one has 4")).to_be_visible()
        fill(page, meter_key=KEY.hex(" "))
        write.click()

        expect(page.locator("#stages .hints")).to_contain_text("is it this port?")
        expect(page.locator(".doubtful")).to_have_count(2)
        expect(page.locator("#stages li.reached")).to_have_count(2)
        fill(page, broker__port=str(setup.broker.port))
        expect(page.locator(".doubtful")).to_have_count(1)
        write.click()
        expect(page.locator("#stages li.reached")).to_have_count(3)
        bridge.unplug()  # USB of the chip itself is gone for a moment at its resets
        meter.set_clock(datetime.now(UTC))
        meter.send()
        expect(page.locator("#stages .done")).to_contain_text("the first reading has reached")
        expect(page.locator("#stages li.reached")).to_have_count(6)
        shown = page.locator("body").inner_text()
    identity = re.findall(r"The meter's id is ([0-9a-f-]{36})", shown)[0]
    assert setup.listener.next("reading", meter=identity)["values"]["1.8.0"] > 0
    for secret in (WIFI["Home"], USERS["adapter"], KEY.hex(), KEY.hex(" ")):
        assert secret not in shown + setup.board.console()


@ONE_WORD_SIZE
def test_an_empty_board_gets_micropython_and_the_firmware(
    binary: str, board_class: str, walk: Callable[..., Any], tmp_path: Path
) -> None:
    board = VirtualBoard(tmp_path / "board", micropython=binary, memory=board_class)
    loader = RomLoader()
    data = bytes(i * i % 251 for i in range(IMAGE_BYTES - 1))  # not a multiple of four
    image, other = tmp_path / "ESP32_GENERIC.bin", tmp_path / "ESP32_GENERIC_C3.bin"
    image.write_bytes(b"\xe9\x00\x02\x20" + bytes(8) + b"\x00\x00" + data)
    other.write_bytes(b"\xe9\x00\x02\x20" + bytes(8) + b"\x05\x00" + data)

    def booted() -> str | None:
        if not loader.erased:
            return None
        board.start()
        return board.port

    with Bridge(None, loader, booted) as bridge:
        page = walk(bridge)
        try:
            page.get_by_role("button", name="Connect").click()
            expect(page.locator("#connect .said")).to_have_text(
                "No MicroPython answers on this board."
            )
            write = page.get_by_role("button", name="Erase the board and write MicroPython")
            write.click()
            expect(page.locator("#trouble")).to_have_text("Choose an image first.")
            page.locator('input[type="file"][accept=".bin"]').set_input_files(tmp_path / other.name)
            write.click()
            expect(page.locator("#trouble")).to_contain_text("the board has an ESP32.")
            assert not loader.erased
            page.locator('input[type="file"][accept=".bin"]').set_input_files(image)
            write.click()
            expect(page.locator("#connect .said")).to_contain_text("The board has MicroPython 1.")
            written = image.read_bytes()
            assert loader.erased == 1
            assert loader.flash[0x1000 : 0x1000 + len(written)] == written
            assert set(loader.flash[:0x1000]) == {0xFF}

            expect(page.locator("#answers")).to_be_hidden()
            page.get_by_role("button", name="Copy the firmware").click()
            expect(page.locator("#firmware .said")).to_have_text(
                "The firmware is on the board.", timeout=120_000
            )
            expect(page.locator("#answers")).to_be_visible()
            page.get_by_role("button", name="Connect").click()  # and looks again
            expect(page.locator("#firmware .said")).to_have_text("The firmware is on the board.")
        finally:
            board.close()


@ONE_WORD_SIZE
def test_the_pairing_code_fills_in_the_broker(
    concentrator: Process,  # noqa: F811 (the fixture)
    setup: Setup,
    walk: Callable[..., Any],
) -> None:
    code = new_code(concentrator)
    path = base64.urlsafe_b64encode(code.fingerprint).decode().rstrip("=")
    text = f"smartmeter-pair://{code.host}:{code.port}/{path}?{code.secret}"
    setup.board.wait_console("settings: none yet")  # or it may be slower than the page waits
    with Bridge(setup.board.port) as bridge:
        page = walk(bridge, locale="de-AT")
        page.get_by_role("button", name="Verbinden").click()
        fill(page, meter_key="0F0F", pairing="smartmeter-pair://nonsense")
        expect(page.get_by_text("ein Schlüssel hat 32 Hexziffern, dieser hat 4")).to_be_visible()
        page.get_by_role("button", name="Koppeln").click()
        expect(page.get_by_text("das ist kein Kopplungscode")).to_be_visible()
        fill(page, pairing=text)
        page.get_by_role("button", name="Koppeln").click()
        expect(page.get_by_text(f"Gekoppelt mit {code.host}:").first).to_be_visible()
        assert page.locator('[name="broker.host"]').input_value() == code.host
        assert page.locator('[name="broker_password"]').input_value()


def test_the_page_loads_under_its_policy(browser: Any, address: str) -> None:
    """Scripts, styles and esptool-js; Chromium has navigator.serial at this address."""
    page = Page(browser, address)
    expect(page.page.get_by_role("button", name="Connect")).to_be_visible()
    page.page.evaluate("() => { import('./esptool-js/bundle.js').then((m) => { window.m = m; }); }")
    page.page.wait_for_function("() => window.m?.ESPLoader")
    page.page.get_by_role("button", name="Deutsch").click()
    expect(page.page.get_by_role("heading", name="Adapter einrichten")).to_be_visible()
    assert page.wrong == []
    page.context.close()


def asks(address: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
    host = address.split("/")[2]
    connection = http.client.HTTPConnection(host, timeout=30)
    given = {"Host": host, "Origin": address.rstrip("/")} | headers
    connection.request("POST" if body else "GET", path, body or None, given)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_only_the_page_is_answered(address: str) -> None:
    ask = json.dumps({"question": "broker.port", "text": "8883"}).encode()
    assert asks(address, "/check", ask) == (200, "{}")
    assert asks(address, "/check", ask, Origin="http://evil.example")[0] == 403
    assert asks(address, "/check", ask, Host="evil.example")[0] == 421
    assert asks(address, "/", Host="evil.example")[0] == 421
    assert asks(address, "/../form.py")[0] == 404
    assert asks(address, "/words/../../form.py")[0] == 404


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/check", b"[", "not a JSON object"),
        ("/check", b"[" * 50_000, "not a JSON object"),
        ("/check", b'{"question": "wifi.ssid"}', "question and text"),
        ("/check", b'{"question": "wifi.ssid", "text": 5}', "JSON object of texts"),
        ("/check", b'{"question": "nonsense", "text": "x"}', "there is no question 'nonsense'"),
        ("/check", b'{"question": "board", "text": "x"}', "there is no board 'x'"),
        ("/check", b'{"question": "meter", "text": "x"}', "there is no meter 'x'"),
        ("/check", b'{"question": "meter_key", "text": "\xc3\xa9"}', "only 0-9 and A-F"),
        ("/certificate", b'{"file": "?"}', "not base64"),
        ("/pair", b'{"code": "x", "meter": "a b"}', "meter.id is 1 to 64"),
        ("/settings", b'{"board": "ESP32_GENERIC", "wifi.ssid": "a"}', "broker.host is missing"),
        ("/settings", b'{"board": "ESP32_GENERIC", "broker.host": "a"}', "has no Ethernet"),
        ("/settings", b'{"board": "WT32_ETH01", "broker.host": "a"}', "broker.ca is missing"),
    ],
)
def test_what_is_wrong_is_one_sentence(address: str, path: str, body: bytes, words: str) -> None:
    status, text = asks(address, path, body)
    assert status == 422
    assert words in json.loads(text)["wrong"]


def test_a_long_request_is_not_read(address: str) -> None:
    assert asks(address, "/check", b"x", **{"Content-Length": "999999999"})[0] == 413


def test_every_sentence_has_its_german() -> None:
    english, german = (
        json.loads((_PAGE / "words" / f"{name}.json").read_text()) for name in ("en", "de")
    )
    assert english["page"].keys() == german["page"].keys()
    said = catalog()
    sentences = {question["text"] for question in said["questions"].values()}
    sentences |= {what["meaning"] for what in said["what"]} | {t["hint"] for t in said["trouble"]}
    sentences |= {silence["hint"] for silence in said["silence"].values()} | {said["notTaken"]}
    for family in said["families"]:
        sentences |= {family[name] for name in ("port", "wiring", "keys", "note")} - {""}
    assert not sentences - german["sentences"].keys()
    used = "".join(path.read_text() for path in _PAGE.glob("*.*"))
    names = set(re.findall(r'(?:words\(|Trouble\(|data-words=)"([^"]+)"', used))
    names |= {f"stage.{stage['name']}" for stage in said["stages"]}
    assert names == english["page"].keys()
