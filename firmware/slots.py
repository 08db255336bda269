"""Selects the version of the firmware: the flashed one, or an update in /a or /b.

Only this file and main.py are never updated over the air. A version is chosen by renaming one
small file over another, which LittleFS does whole or not at all: after a power cut at any
moment, either version is there.
"""

import hashlib
import json
import os

import machine

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from typing import Any

    State = dict[str, Any]

POINTER = "slot.json"
_NEW = "slot.new"
FLASHED = ""  # in the place of a slot: what was put on by cable
SLOTS = ("a", "b")
_TRIES = 3  # starts that a new version has to publish something


def state() -> "State | None":
    """The content of POINTER; None if there was no update yet."""
    try:
        with open(POINTER) as f:
            found = json.load(f)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and _is_slot(found.get("slot")) else None


def _is_slot(name: object) -> bool:
    return name == FLASHED or name in SLOTS


def is_in_place() -> bool:
    """Whether the firmware is part of the image, frozen or in ROMFS, and runs where it is.

    From a slot it would run in RAM, and not fit.
    """
    for ending in ("py", "mpy"):
        try:
            os.stat("/adapter/start." + ending)
        except OSError:
            continue
        return False
    return True


def choose() -> str:
    """Called at each start: returns the slot to run. Counts the starts of a version on trial."""
    found = state()
    if found is None:
        return FLASHED
    if found.get("over") != _flashed() or is_in_place():  # somebody has flashed another since
        os.remove(POINTER)
        return FLASHED
    if found.get("trial"):
        try:
            if found.get("tries", _TRIES) >= _TRIES:
                return back(found)
            found["tries"] += 1
            _write(found)
        except OSError:  # without room for a note, what ran before runs
            return str(found["before"])
    return str(found["slot"])


def free() -> "str | None":
    """The slot in which an update may be unpacked; None while a version is on trial.

    What then ran before may be in the other one, and is what would come back.
    """
    found = state()
    if found and found.get("trial"):
        return None
    return SLOTS[1] if found and found["slot"] == SLOTS[0] else SLOTS[0]


def try_out(slot: str, version: str) -> None:
    """From the next start on, slot runs; unless it is kept, the present version returns."""
    found = state()
    before = found["slot"] if found else FLASHED
    new = {"slot": slot, "version": version, "over": _flashed(), "before": before}
    new.update({"trial": True, "tries": 0})
    _write(new)


def keep() -> None:
    """The version on trial has shown that it works."""
    found = state()
    if found and found.get("trial"):
        _write({"slot": found["slot"], "over": found["over"]})


def back(found: "State") -> str:
    """Gives up the version on trial; returns the slot of the next start."""
    machine.RTC().memory(b"")  # its crashes are not those of what runs now
    _write({"slot": found["before"], "over": found["over"], "given_up": found["version"]})
    return str(found["before"])


def _write(new: "State") -> None:
    with open(_NEW, "w") as f:
        json.dump(new, f)
    os.rename(_NEW, POINTER)


def _flashed() -> str:
    """A fingerprint of the flashed version: a digest of the file with its number."""
    for ending in ("py", "mpy"):
        try:
            with open("/lib/smartmeter/__init__." + ending, "rb") as f:
                return "".join(["%02x" % b for b in hashlib.sha256(f.read()).digest()[:8]])
        except OSError:
            pass
    return ""
