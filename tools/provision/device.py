"""A board on the USB port, through mpremote. Secrets are never passed as arguments."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field

from adapter import settings as adapter_settings

from . import COMPILED, IS_INSTALLED
from .answers import Answers
from .mpremote import mpremote, run_script
from .prompt import Refused

# More than the memory inside any ESP32 (520 kB at most); PSRAM has 2 MB or more.
PSRAM_BYTES = 1_000_000


@dataclass(frozen=True)
class Surroundings:
    """What a board has and hears."""

    has_psram: bool
    networks: list[tuple[str, int]]  # name and dBm of each Wi-Fi, the strongest first
    machine: str = ""  # os.uname().machine


def find() -> str:
    """The port of the only board that is connected."""
    ports = []
    for line in mpremote("connect", "list").splitlines():
        words = line.split()
        # a port without USB ids is a serial port of this computer, not a board
        if len(words) >= 3 and words[2] not in ("None:None", "0000:0000"):
            ports.append(words[0])
    if not ports:
        raise Refused(
            "no board found; plug it in with a cable that carries data, or name its "
            "port with --board"
        )
    if len(ports) > 1:
        raise Refused(
            f"several boards are plugged in ({', '.join(ports)}); choose one with --board"
        )
    return ports[0]


def is_flashed(port: str) -> bool:
    """Whether the firmware is on the board."""
    return "yes" in run_script(port, IS_FLASHED)


def flashed(port: str) -> None:
    """Refused if the firmware is not on the board."""
    if not is_flashed(port):
        raise Refused(
            "the firmware is not on the board; "
            + (
                "start smartmeter-provision at a terminal, and it offers to copy it"
                if IS_INSTALLED
                else f"type: python -m tools.flash --board {port}"
            )
        )


def flash(port: str) -> None:
    """Copies the compiled firmware of the package to the board."""
    run_script(port, CLEAR)
    mpremote("connect", port, "cp", "-r", f"{COMPILED}/.", ":")


RESTART = "import machine; machine.reset()"
IS_FLASHED = "try:\n import adapter\n print('yes')\nexcept ImportError:\n print('no')\n"

# A source and a compiled module of one name must not coexist: MicroPython takes the source.
CLEAR = """
import os
def clear(path):
    try:
        entries = list(os.ilistdir(path))
    except OSError:
        return
    for entry in entries:
        name = path + "/" + entry[0]
        if entry[1] == 0x4000:
            clear(name)
        else:
            os.remove(name)
    os.rmdir(path)
clear("adapter")
clear("lib/smartmeter")
"""


def surroundings(port: str) -> Surroundings:
    """Asks the board for its name, for its PSRAM, and for the Wi-Fi networks in range (2.4 GHz)."""
    has_psram = False
    machine = ""
    strongest: dict[str, int] = {}
    for line in run_script(port, LOOK).splitlines():
        what, _, value = line.strip().partition(" ")
        if what == "memory" and value.isdecimal():
            has_psram = int(value) >= PSRAM_BYTES
        elif what == "machine":
            machine = value
        elif what == "network":
            signal, _, name = value.partition(" ")
            ssid = bytes.fromhex(name).decode(errors="replace")
            if ssid.isprintable() and ssid:  # a hidden network has no name
                strongest[ssid] = max(int(signal), strongest.get(ssid, -1000))
    return Surroundings(has_psram, sorted(strongest.items(), key=lambda n: -n[1]), machine)


# A board without Wi-Fi, or one whose driver fails, has no networks in range.
LOOK = """
import esp32, os
print("machine", os.uname()[4])
print("memory", sum([region[0] for region in esp32.idf_heap_info(esp32.HEAP_DATA)]))
try:
    import network
    wlan = network.WLAN(network.WLAN.IF_STA)
    wlan.active(True)
    for found in wlan.scan():
        print("network", found[3], found[0].hex())
    wlan.active(False)
except (ImportError, OSError, RuntimeError, AttributeError):
    pass
"""


@dataclass(frozen=True)
class Step:
    """A script for a board, and the lines among its output that show that it was right."""

    script: str = field(repr=False)  # it may hold secrets
    shows: dict[str, str]  # what a line shows -> the line


def write(port: str, answers: Answers) -> None:
    """Writes the answers to NVS, and compares digests of what the board then contains."""
    step = writing(answers)
    said = {line.strip() for line in run_script(port, step.script).splitlines()}
    for name, line in step.shows.items():
        if line not in said:
            raise Refused(NOT_TAKEN.format(name))


def writing(answers: Answers) -> Step:
    """Writes the answers to NVS, and shows digests of what the board then contains."""
    values = {adapter_settings.DOCUMENT: json.dumps(answers.settings).encode()} | answers.secrets
    absent = [name for name in adapter_settings.SECRETS if name not in values]
    # Salted, because a Wi-Fi password may be guessed from a bare digest of it.
    salt = secrets.token_bytes(16)
    return Step(
        _SCRIPT % (adapter_settings.NAMESPACE, values, absent, salt),
        {n: f"{n} {hashlib.sha256(salt + value).hexdigest()}" for n, value in values.items()},
    )


NOT_TAKEN = (
    "the board did not take {}; its NVS may be full or damaged, and erasing the flash repairs it"
)
# Blobs are read back with a buffer of their own, so that the digest is of what rests in NVS.
_SCRIPT = """
import esp32, hashlib
nvs = esp32.NVS(%r)
values = %r
for name in %r:
    try:
        nvs.erase_key(name)
    except OSError:
        pass
for name, value in values.items():
    nvs.set_blob(name, value)
nvs.commit()
for name, value in values.items():
    held = bytearray(len(value))
    n = nvs.get_blob(name, held)
    print(name, "".join(["%%02x" %% b for b in hashlib.sha256(%r + held[:n]).digest()]))
"""


def reset(port: str) -> None:
    mpremote("connect", port, "reset")
