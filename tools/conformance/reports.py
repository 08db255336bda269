"""Decodes captures from public reports, and prints each that does not give what it should.

    python -m tools.conformance.reports [FOLDER]

FOLDER has the captures (NAME.bin), by default that of frames/reports in the shared folder next to
the repository. reports.json beside this file says by NAME which zone the meter has, and what is
read: meter, time, medium, texts, and values by code in W, Wh, m3 and so on. "submeters" has the
medium, meter, time and values of each channel's. A capture may not give a fault.
The exit status is 0 only if all captures give what they should, and each has an entry.
"""

import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from smartmeter import Fault, Reading, Receiver
from smartmeter.meters import zone_names
from smartmeter.reading import ELECTRICITY, decimal

from tools.conformance.corpus import REPOSITORY

FOLDER = REPOSITORY.parent / "shared" / "frames" / "reports"
EXPECTED = Path(__file__).with_name("reports.json")


def misses(capture: bytes, expected: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the events of a capture, in words."""
    zone = expected.get("zone")
    receiver = Receiver(zone=zone_names.setting(zone) if zone else None, submeters=True)
    events = receiver.feed(capture) + receiver.flush()
    readings = [event for event in events if isinstance(event, Reading)]
    yield from (f"{event.kind}: {event.detail}" for event in events if isinstance(event, Fault))
    if not readings:
        yield "no reading"
        return
    first = readings[0]
    if "time" in expected and first.time != expected["time"]:
        yield f"time {first.time}, not {expected['time']}"
    if "meter" in expected and first.meter != expected["meter"]:
        yield f"meter {first.meter}, not {expected['meter']}"
    if first.meter == expected.get("not_meter"):
        yield f"meter {first.meter}, which is that of another meter"
    medium = expected.get("medium", ELECTRICITY)
    if first.medium != medium:
        yield f"medium {first.medium}, not {medium}"
    if "submeters" in expected:
        yield from submeter_misses(readings, expected["submeters"])
    for code, text in expected.get("texts", {}).items():
        if first.texts.get(code) != text:
            yield f"{code} {first.texts.get(code)!r}, not {text!r}"
    for code, number in expected["values"].items():
        found = [
            Decimal(decimal(reading.values[key]))
            for reading in readings
            for key, full in reading.codes.items()
            if code in (key, full)
        ]
        if Decimal(number) not in found:
            yield f"{code} {[str(value) for value in found]}, not {number}"


def submeter_misses(readings: list[Reading], expected: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the sub-meters' readings, in words."""
    found = {str(reading.channel): reading for reading in readings if reading.channel}
    if found.keys() != expected.keys():
        yield f"sub-meters {sorted(found)}, not {sorted(expected)}"
    for channel in sorted(found.keys() & expected.keys()):
        reading = found[channel]
        told = {
            "medium": reading.medium,
            "meter": reading.meter,
            "time": reading.time,
            "values": {key: decimal(value) for key, value in reading.values.items()},
            "units": reading.units,
        }
        for name, wanted in expected[channel].items():
            if told[name] != wanted:
                yield f"channel {channel}: {name} {told[name]}, not {wanted}"


def report(folder: Path) -> int:
    expected: dict[str, dict[str, Any]] = json.loads(EXPECTED.read_text(encoding="utf-8"))
    captures = sorted(folder.glob("*.bin"))
    if not captures:
        print(f"reports: {folder} has no captures", file=sys.stderr)
        return 2
    wrong = 0
    for path in captures:
        if path.stem not in expected:
            found = ["reports.json does not say what it should give"]
        else:
            found = list(misses(path.read_bytes(), expected[path.stem]))
        wrong += bool(found)
        for sentence in found:
            print(f"{path.stem}: {sentence}")
    print(f"{len(captures) - wrong} of {len(captures)} captures give what they should")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(report(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
