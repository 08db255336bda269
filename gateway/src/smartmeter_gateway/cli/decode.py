"""`smartmeter-gateway decode`: shows the content of a capture."""

import json
import os
import re
import sys
from collections.abc import Iterator
from getpass import getpass
from pathlib import Path
from typing import BinaryIO

from smartmeter import Fault, Reading, Receiver
from smartmeter.obis import key_of as key_of_code
from smartmeter.wire.reading_encoder import to_json
from smartmeter_service.toml_file import SettingsError

from ..capture import explain
from ..capture.capture_text import Capture
from ..capture.trials import Asked


def key_of(text: str, what: str) -> bytes:
    """The 16 bytes of a key of 32 hex digits; white space, 0x, colons and dashes are ignored."""
    digits = re.sub(r"^\s*0[xX]|[\s:-]", "", text)
    if len(digits) != 32 or not re.fullmatch("[0-9A-Fa-f]+", digits):
        raise SettingsError(
            f"{what} must be 32 hex digits, but has {len(digits)} characters;"
            " copy it again, without the text around it"
        )
    return bytes.fromhex(digits)


def find_key(file: Path | None, prompt: bool, variable: str, what: str) -> bytes | None:
    """A key from a file, from a prompt or from the environment; never from an argument."""
    if file is not None:
        try:
            return key_of(
                file.read_text(encoding="ascii", errors="replace"), f"the {what} in {file}"
            )
        except OSError as why:
            raise SettingsError(f"{file}: {(why.strerror or str(why)).lower()}") from None
    if prompt:
        return key_of(getpass(f"{what} (32 hex digits): "), f"the {what}")
    text = os.environ.get(variable)
    return key_of(text, f"the {what} in {variable}") if text else None


def events(capture: Capture, receiver: Receiver) -> Iterator[Reading | Fault]:
    """The Receiver's events for a capture."""
    for piece in capture:
        yield from receiver.feed(piece)
    yield from receiver.flush()


def line_of(event: Reading | Fault) -> str:
    """An event as one line of JSON: a reading with all its values, or a fault.

    The line of a sub-meter's reading says its channel.
    """
    if isinstance(event, Fault):
        return json.dumps({"fault": event.kind, "detail": event.detail})
    head = f'{{"meter":{json.dumps(event.meter)},'
    if event.channel:
        head += f'"channel":{event.channel},'
        return head + to_json(event, [key_of_code(code) for code in event.codes.values()])[1:]
    return head + to_json(event, event.values)[1:]


def run(stream: BinaryIO, asked: Asked, explained: bool = False, redacted: bool = False) -> int:
    """Print a line of JSON for each event, or an explanation (redacted: without numbers).

    Return 0 if there was at least one reading and no fault.
    """
    receiver = asked.receiver()
    capture = Capture(stream)
    if explained or redacted:
        return explain.run(capture, asked, redacted)
    readings = faults = 0
    for event in events(capture, receiver):
        if isinstance(event, Fault):
            faults += 1
        else:
            readings += 1
        print(line_of(event))
    if not readings and not faults:
        print("no telegram was found in the capture", file=sys.stderr)
    return 0 if readings and not faults else 1
