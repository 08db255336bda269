"""What the page knows: boards, meters, questions, stages and scripts, as one JSON document."""

import uuid
from typing import Any

from adapter import line_setting
from smartmeter.meters import families, zone_names
from smartmeter.meters.countries import NAMES
from smartmeter.meters.families import Family

from .. import boards, device, questions, stages
from ..answers import ASKED
from ..meters import has_authentication_key, has_key, line_of
from ..wording import QUESTIONS, is_optional, plain

# The format of the compiled modules: MPY_VERSION of py/persistentcode.h, 6 since release 1.19.
MPY_VERSION = 6
MICROPYTHON = (1, 24)  # the least that the firmware runs on


def catalog() -> dict[str, Any]:
    """The document; {"meter": a new id, "countries": [code, ...], ...}."""
    return {
        "id": str(uuid.uuid4()),
        "micropython": {"least": list(MICROPYTHON), "mpy": MPY_VERSION},
        "boards": [_board(name) for name in boards.names()],
        "countries": list(NAMES),
        "families": [_family(family) for family in families.FAMILIES],
        "zones": zone_names.names(),
        "what": [
            {"name": name, "meaning": meaning, "decrypts": name != "ciphered"}
            for name, meaning in questions.WHAT.items()
        ],
        "questions": {
            name: {"text": plain(text), "optional": is_optional(text)}
            for name, text in (QUESTIONS | ASKED).items()
        },
        "secrets": list(ASKED),
        "defaults": {
            "board": boards.USUAL,
            "meter.line": line_setting.AUTO,
            "meter.zone": questions.ZONE,
            "publish.what": questions.WITHOUT_PSRAM,
            "broker.port": questions.PORT,
        },
        "stages": [stage._asdict() for stage in stages.STAGES],
        "trouble": [
            {"words": words, "hint": hint, "questions": asked}
            for words, hint, asked in stages.TROUBLE
        ],
        "silence": {
            "bytes": {"seconds": stages.NO_BYTES_S, "hint": stages.NO_BYTES},
            "frames": {"seconds": stages.NO_FRAME_S, "hint": stages.NO_FRAME},
        },
        "scripts": {
            "version": _VERSION,
            "isFlashed": device.IS_FLASHED,
            "look": device.LOOK,
            "restart": device.RESTART,
        },
        "psram": device.PSRAM_BYTES,
        "notTaken": device.NOT_TAKEN,
    }


# Of the image on the board: the release, and which .mpy files it runs.
_VERSION = """
import sys
print("version", *sys.implementation[1][:2])
print("mpy", getattr(sys.implementation, "_mpy", 0) & 0xff)
"""


def _board(name: str) -> dict[str, Any]:
    board = boards.load(name)
    return {
        "name": name,
        "product": board.document["product"],
        "image": board.adapter["image"],
    }


def _family(family: Family) -> dict[str, Any]:
    return {
        "name": family.id,
        "country": family.country,
        "meters": family.meters,
        "operators": family.operators,
        "port": family.port,
        "line": "" if family.line is None else line_of(family),
        "wiring": family.wiring,
        "keys": family.keys,
        "note": family.note,
        "zone": family.zone or questions.ZONE,
        "key": has_key(family),
        "authenticationKey": has_authentication_key(family),
    }
