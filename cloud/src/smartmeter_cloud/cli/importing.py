"""The command import: history from files of other programs and of grid operators."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from smartmeter.submeters import main_of
from smartmeter.wire.topics import is_id

from smartmeter_cloud.app import Failed
from smartmeter_cloud.config.settings import HELP
from smartmeter_cloud.history.timestamps import rfc3339
from smartmeter_cloud.imports.dsmr_reader import DsmrReaderFile
from smartmeter_cloud.imports.grid_operator import END, START, GridOperatorFile, Options
from smartmeter_cloud.imports.home_assistant import HomeAssistantFile
from smartmeter_cloud.imports.importer import Imported, Importer
from smartmeter_cloud.imports.line_protocol import PRECISIONS, LineProtocolFile
from smartmeter_cloud.imports.points import UNIT_NAMES, Source, Unreadable
from smartmeter_cloud.ingest.message import OBIS_CODE
from smartmeter_cloud.store.households import DEFAULT
from smartmeter_cloud.store.interface import Store, StoreUnavailable
from smartmeter_cloud.store.rows import Meter
from smartmeter_cloud.store.slices import QUARTER_MS

CSV, DSMR_READER, HOME_ASSISTANT, LINES = "csv", "dsmr-reader", "home-assistant", "line-protocol"
FORMS = (CSV, DSMR_READER, HOME_ASSISTANT, LINES)
SLICES_AT_A_TIME = 400  # in a transaction, so that ingest never waits long
_WHO = "command line"


def add(commands: Any) -> None:
    about = "import the history of a meter from a file"
    made = commands.add_parser("import", help=about, description=about)
    made.add_argument("file", metavar="FILE", type=Path)
    made.add_argument("--config", metavar="FILE", type=Path, help=HELP)
    made.add_argument("--meter", metavar="ID", required=True, help="created if it does not exist")
    made.add_argument("--household", metavar="ID", help=f"of a new meter; default: {DEFAULT}")
    made.add_argument("--form", choices=FORMS, default=CSV, help="csv: of a grid operator")
    made.add_argument(
        "--column", action="append", default=[], metavar="CODE=NAME",
        help="the column, statistic or field of an OBIS code; 1.29.0 is energy of an interval",
    )  # fmt: skip
    made.add_argument("--time", action="append", default=[], metavar="NAME", help="csv: its column")
    made.add_argument("--unit", choices=sorted(UNIT_NAMES.values()), help="of the values")
    made.add_argument("--stamp", choices=(START, END), help="csv: the time is an interval's")
    made.add_argument("--zone", help="of times without one, as Europe/Vienna; default: the store's")
    made.add_argument("--precision", choices=PRECISIONS, default="ns", help="of line protocol")
    made.add_argument(
        "--tag", action="append", default=[], metavar="NAME=VALUE", help="line protocol: a series"
    )


def run(store: Store, chosen: argparse.Namespace) -> int:
    """Failed."""
    try:
        zone = ZoneInfo(chosen.zone) if chosen.zone else store.zone
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Failed(f"--zone: {chosen.zone} is not a time zone such as Europe/Vienna") from None
    try:
        meter = _meter_of(store, chosen.meter, chosen.household)
        source = _source(chosen, zone)
        done = Importer(store, meter, zone).run(source, _progress)
        if done.new:
            what = f"imported {done.new} readings of meter {chosen.meter} from {chosen.file.name}"
            store.note(int(time.time() * 1000), _WHO, what, meter.household)
        slices = _roll(store)
    except Unreadable as e:
        raise Failed(str(e)) from None
    except StoreUnavailable as e:
        raise Failed(f"the store cannot be used: {e}; import again, nothing is doubled") from None
    print(_summary(chosen.meter, source, done, slices))
    return 0


def _meter_of(store: Store, meter: str, household: str | None) -> Meter:
    """The stored meter of that name, or one to be created."""
    known = next((m for m in store.meters() if m.name == meter), None)
    if known is not None:
        if household not in (None, known.household):
            raise Failed(f"meter {meter} belongs to household {known.household}; see move")
        if known.medium.name:
            raise Failed(f"{meter} is a sub-meter; only the history of main meters is imported")
        return known
    for name, option in ((meter, "--meter"), (household or DEFAULT, "--household")):
        if not is_id(name):
            raise Failed(f"{option} must be 1 to 64 of A-Z a-z 0-9 . _ -")
    if main_of(meter):
        raise Failed(
            f"{meter} is an id of a sub-meter; only the history of main meters is imported"
        )
    return Meter(meter, household or DEFAULT, "")


def _source(chosen: argparse.Namespace, zone: Any) -> Source:
    columns = _pairs("--column", chosen.column)
    for code in columns:
        if not OBIS_CODE.match(code):
            raise Failed(f"--column: {code!r} is not an OBIS code such as 1.8.0")
    unit = chosen.unit or ""
    if chosen.form == DSMR_READER:
        return DsmrReaderFile(chosen.file, zone)
    if chosen.form == HOME_ASSISTANT:
        return HomeAssistantFile(chosen.file, columns, unit)
    if chosen.form == LINES:
        tags = _pairs("--tag", chosen.tag)
        return LineProtocolFile(chosen.file, columns, tags, unit, chosen.precision)
    options = Options(zone, columns, chosen.time, unit, chosen.stamp or "")
    return GridOperatorFile(chosen.file, options)


def _pairs(option: str, texts: list[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not name or not sign or not value:
            raise Failed(f"{option}: {text!r} is not NAME=VALUE")
        found[name] = value
    return found


def _roll(store: Store) -> int:
    """Rolls up what has come in; a running ingest may do a part of it."""
    slices = 0
    until = int(time.time() * 1000) - QUARTER_MS
    while rolled := store.roll(SLICES_AT_A_TIME, until):
        slices += rolled
    return slices


def _progress(done: int, total: int) -> None:
    print(f"{done} of {total} readings ({100 * done // total} %)", file=sys.stderr)


def _summary(meter: str, source: Source, done: Imported, slices: int) -> str:
    lines = [f"imported: {done.new} readings of meter {meter}"]
    if done.first is not None and done.last is not None:
        lines[0] += f", from {rfc3339(done.first)} to {rfc3339(done.last)}"
    if done.repeated:
        lines.append(f"already there: {done.repeated}")
    if done.measured:
        lines.append(f"left out, because the meter itself was read at that time: {done.measured}")
    if source.skipped.count:
        lines.append(f"lines that could not be read: {source.skipped.count}")
        lines += [f"  {text}" for text in source.skipped.first]
    lines.append(f"slices that were rolled up: {slices}")
    return "\n".join(lines)
