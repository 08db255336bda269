"""Decodes the captured frames: prints a table per link layer, and each record that fails.

    python -m tools.conformance.corpus [FILE]

FILE is a corpus.jsonl, by default that of frames/ in the shared folder next to the repository.
A record passes if the core returns what its class requires:

- positive: readings with every expected value;
- negative: a fault and no reading;
- framing-only: a fault of kind "key", or readings if a key is known;
- partial, whose other frames are missing: a fault and no reading;
- positive-text, whose text is right but not its CRC: a checksum fault.

If a record's own note says that it is incomplete (_DUE), the matching fault is required. The exit
status is 0 only if all records pass.
"""

import json
import sys
from collections import Counter
from decimal import Decimal, InvalidOperation
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "firmware" / "lib"))

from smartmeter import Fault, Reading, Receiver  # noqa: E402
from smartmeter.reading import decimal  # noqa: E402

CORPUS = REPOSITORY.parent / "shared" / "frames" / "corpus.jsonl"

# Units as sources write them: ours, and the power of ten between.
_UNITS = {
    "kWh": 3,
    "kW": 3,
    "kvarh": 3,
    "kVArh": 3,
    "kvar": 3,
    "kVAr": 3,
    "MWh": 6,
    "GJ": 9,
}
_RAW = "raw"  # the source gives the number as in the frame, without its scale

# Keys of `expected` that are not values: texts of the meter, or the source's notes about itself.
_TEXTS = ("id", "manufacturer", "xml", "plaintext_hex", "model", "type", "ident", "version")


def events(record: dict) -> list:
    """The core's events for a record's bytes, with the record's keys."""
    key, auth_key = record["key_hex"], record["auth_key_hex"]
    if "TAG MISMATCH" in record["verified"]:  # the published authentication key is not the meter's
        auth_key = None
    receiver = Receiver(
        bytes.fromhex(key) if key else None, bytes.fromhex(auth_key) if auth_key else None
    )
    return receiver.feed(bytes.fromhex(record["hex"])) + receiver.flush()


def _code(name: str) -> tuple[str, bool]:
    """Split a source's name of a value: ("A-B:C.D.E" or "C.D.E", whether the number is raw)."""
    raw = name.endswith(" raw")
    name = name.removesuffix(" raw")
    medium, colon, groups = name.rpartition(":")
    groups = groups.split("*")[0]
    if groups.count(".") == 3:
        groups = groups.rpartition(".")[0]
    return medium + colon + groups, raw


def _find(readings: list[Reading], code: str) -> list[tuple[int, int]]:
    found = []
    for reading in readings:
        for key, full in reading.codes.items():
            if code in (key, full):
                found.append(reading.values[key])
    return found


def _same_number(value: tuple[int, int], expected: object, unit: str | None, raw: bool) -> bool:
    try:
        wanted = Decimal(str(expected))
    except InvalidOperation:
        return False
    if raw or (unit or "").startswith((_RAW, "0.")):
        return Decimal(value[0]) in (wanted, abs(wanted)) or Decimal(decimal(value)) == wanted
    if Decimal(decimal(value)) == wanted.scaleb(_UNITS.get(unit or "", 0)):
        return True
    return unit is None and Decimal(value[0]) == wanted  # a source that knows no scale


def _same_time(reading: Reading, expected: str) -> bool:
    if reading.time is None:
        return False
    local = reading.time[:19].replace("T", " ")
    return local == expected[:19].replace("T", " ") or "UTC" in expected or "carries" in expected


def misses(record: dict, readings: list[Reading]) -> list[str]:
    """The expected values of a record that the readings lack."""
    missing = []
    for name, (expected, unit) in (record["expected"] or {}).items():
        if name in _TEXTS:
            continue
        if name == "time" or (isinstance(expected, str) and expected[4:5] == "-"):
            if not any(_same_time(reading, str(expected)) for reading in readings):
                missing.append(f"time {expected}, got {[r.time for r in readings]}")
            continue
        code, raw = _code(name)
        texts = [reading.texts.get(code) for reading in readings]
        if str(expected) in texts or str(expected) == "":
            continue
        if any(text and text.strip("0") == str(expected or "") for text in texts):
            continue  # a source that reads "000" as 0
        found = _find(readings, code)
        if isinstance(expected, str) and not found and not any(texts):
            continue  # a text that no reading is meant to keep
        if not any(_same_number(value, expected, unit, raw) for value in found):
            missing.append(f"{name} {expected} {unit or ''}, got {found}")
    return missing


# What is wrong with a record according to its own note: the fault required instead of a reading.
_DUE = (
    ("verified", ": not equal", "checksum"),
    ("note", 'ends without "!"', "length"),
    ("note", "Second M-Bus frame", "segment"),  # of two, and encrypted
    ("kind", "library test vector", "layout"),  # decrypted and verified, but not a list of values
)


def _due(record: dict) -> str:
    """The kind of fault that a record's note requires, "" for none."""
    for field, phrase, kind in _DUE:
        if phrase in (record[field] or ""):
            return kind
    return ""


def judge(record: dict) -> str:
    """ "" if a record gives what is required, otherwise what it gives instead."""
    found = events(record)
    readings = [e for e in found if isinstance(e, Reading)]
    faults = [e for e in found if isinstance(e, Fault)]
    said = "; ".join(f"{f.kind}: {f.detail}" for f in faults) or "nothing"
    use = record["use"]
    if record["hex"].startswith("10") and len(record["hex"]) == 10:
        return said if faults else ""  # a short frame, which carries nothing
    due = _due(record)
    if due and use.startswith("positive") and not readings:
        return "" if any(f.kind == due for f in faults) else f"no {due} fault, but {said}"
    if use.startswith("positive-text"):
        return "" if readings or any(f.kind == "checksum" for f in faults) else said
    if use.startswith("positive"):
        return "; ".join(misses(record, readings)) if readings else f"no reading, but {said}"
    if readings:
        return f"{len(readings)} readings"
    if use.startswith("framing-only"):
        return "" if any(f.kind == "key" for f in faults) else f"no key fault, but {said}"
    return "" if faults else "no fault"


def report(path: Path) -> int:
    table: dict[str, Counter] = {}
    missed = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            counts = table.setdefault(record["link"], Counter())
            use = record["use"].split(" ")[0]
            counts[use] += 1
            counts["all"] += 1
            why = judge(record)
            if why:
                missed.append(f"{record['id']} ({record['link']}, {use}): {why}")
            else:
                counts["right"] += 1
    columns = ["all", "right", "positive", "positive-text", "positive-special"]
    columns += ["framing-only", "partial", "negative"]
    print(f"{'link':18}" + "".join(f"{c:>17}" for c in columns))
    total: Counter = Counter()
    for link in sorted(table):
        total.update(table[link])
        print(f"{link:18}" + "".join(f"{table[link][c]:>17}" for c in columns))
    print(f"{'all':18}" + "".join(f"{total[c]:>17}" for c in columns))
    for line in missed:
        print(line)
    return 1 if missed else 0


def main(arguments: list[str]) -> int:
    path = Path(arguments[0]) if arguments else CORPUS
    try:
        return report(path)
    except OSError as problem:
        print(f"corpus: {path} cannot be read: {problem.strerror}", file=sys.stderr)
    except (KeyError, json.JSONDecodeError):
        print(f"corpus: {path} contains a line that is not a record of a frame", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
