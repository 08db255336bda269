"""The commands that say whose a Concentrator or a meter is: place, move."""

import argparse
import time
from pathlib import Path
from typing import Any

from smartmeter.wire.topics import is_id

from smartmeter_cloud.app import Failed
from smartmeter_cloud.config.settings import HELP
from smartmeter_cloud.store.households import main_meter
from smartmeter_cloud.store.interface import Store

COMMANDS = ("place", "move")
_WHO = "command line"


def add(commands: Any) -> None:
    place = commands.add_parser("place", help="assign a Concentrator to a household")
    place.add_argument("name", metavar="CONCENTRATOR")
    move = commands.add_parser("move", help="move meters, and their history, to a household")
    move.add_argument("names", metavar="METER", nargs="+")
    for made in (place, move):
        made.add_argument("--household", metavar="ID", required=True)
        made.add_argument("--config", metavar="FILE", type=Path, help=HELP)


def run(store: Store, chosen: argparse.Namespace) -> int:
    """Failed."""
    try:
        if not is_id(chosen.household):
            raise Failed("--household is 1 to 64 of A-Z a-z 0-9 . _ -")
        if chosen.command == "move":
            return _move(store, chosen.names, chosen.household)
        return _place(store, chosen.name, chosen.household)
    finally:
        store.close()


def _place(store: Store, concentrator: str, household: str) -> int:
    if not is_id(concentrator):
        raise Failed(f"{concentrator} must be 1 to 64 of A-Z a-z 0-9 . _ -")
    store.place_concentrator(concentrator, household)
    note = f"gave Concentrator {concentrator} to household {household}"
    store.note(_now(), _WHO, note, household)
    print(f"Concentrator {concentrator} belongs to household {household}")
    own = {m.name for m in store.meters() if m.household == household}
    sent = {n.reading.meter for n in store.newest() if n.concentrator == concentrator}
    if elsewhere := sorted(sent - own):
        print("These meters, last sent by it, stay with their household. To move them:")
        print(f"smartmeter-cloud move {' '.join(elsewhere)} --household {household}")
    return 0


def _move(store: Store, meters: list[str], household: str) -> int:
    before = {m.name: m.household for m in store.meters()}
    if unknown := [meter for meter in meters if meter not in before]:
        raise Failed(f"{unknown[0]} is not stored; nothing was moved")
    for meter in meters:
        if main := main_meter(meter, store.meters()):
            raise Failed(f"{meter} is a sub-meter: move {main}, and it moves as well")
    for meter in meters:
        store.move_meter(meter, household)
        note = f"moved meter {meter} from household {before[meter]} to {household}"
        for concerned in sorted({before[meter], household}):
            store.note(_now(), _WHO, note, concerned)
        print(f"meter {meter} belongs to household {household}, with all of its readings")
    return 0


def _now() -> int:
    return int(time.time() * 1000)
