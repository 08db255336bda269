"""The status of an adapter, or of one of our ports: the part that a household sees.

It came over the network. So only the names below are taken, texts are cut and hold printable
characters only, and numbers are bounded integers.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TEXT_MAX = 100  # characters
_NUMBER_MAX = 10**12
_KINDS_MAX = 6  # kinds of faults: the most frequent ones
_SILENT_S = 60  # the same as on the adapters
_OFFSET_S = 2  # clocks in whole seconds that differ less are taken as equal
_TEXTS = (
    *("state", "version", "time", "line", "port", "progress"),
    *("clock_set", "last_trouble", "last_crash", "restart", "update"),
    "withheld",
)
_NUMBERS = ("rssi", "clock_offset", "ntp_failures", "silent", "dropped")


@dataclass(frozen=True)
class AdapterStatus:
    """state, progress and port explain a silent meter; "" if the status has none.

    facts: all accepted fields, under the names of the status, and `short`, one line of text.
    """

    state: str
    progress: str
    port: str
    facts: dict[str, Any]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "AdapterStatus":
        facts: dict[str, Any] = {}
        for name in _TEXTS:
            text = _text(document.get(name))
            if text:
                facts[name] = text
        for name in _NUMBERS:
            number = document.get(name)
            if _is_number(number):
                facts[name] = number
        faults = _faults(document.get("faults"))
        if faults:
            facts["faults"] = faults
        facts["short"] = ", ".join(_parts(facts))
        state, progress, port = (facts.get(name, "") for name in ("state", "progress", "port"))
        return cls(state, progress, port, facts)


def _text(value: object) -> str:
    if not isinstance(value, str):
        return ""
    # No line breaks, and nothing that controls a terminal.
    return "".join(c if c.isprintable() else " " for c in value[:_TEXT_MAX]).strip()


def _is_number(value: object) -> bool:
    return type(value) is int and -_NUMBER_MAX < value < _NUMBER_MAX


def _faults(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        return {}
    counts = [(n, _text(kind)) for kind, n in value.items() if _is_number(n) and n > 0]
    return {kind: n for n, kind in sorted(counts, reverse=True)[:_KINDS_MAX]}


def _parts(facts: Mapping[str, Any]) -> list[str]:
    said = [facts.get("state", "state unknown")]
    if "version" in facts:
        said.append(f"version {facts['version']}")
    if "rssi" in facts:
        said.append(f"signal {facts['rssi']} dBm")
    ahead = facts.get("clock_offset", 0)
    if abs(ahead) >= _OFFSET_S:
        said.append(f"the meter's clock is {abs(ahead)} s {'ahead' if ahead > 0 else 'behind'}")
    if facts.get("ntp_failures", 0) > 0:
        said.append(f"NTP does not answer ({facts['ntp_failures']} times)")
    silent = facts.get("silent", 0)
    if silent > _SILENT_S:
        said.append(f"no reading since {_before(facts.get('time', ''), silent)}")
    if "faults" in facts:
        said.append("faults: " + ", ".join(f"{n} {k}" for k, n in facts["faults"].items()))
    if facts.get("dropped", 0) > 0:
        said.append(f"{facts['dropped']} dropped")
    if "restart" in facts:
        said.append(f"restarted: {facts['restart']}")
    if "time" in facts:
        said.append(f"reported at {facts['time']}")
    return said


def _before(time: str, seconds: int) -> str:
    """The moment `seconds` before a time, as text."""
    try:
        moment = datetime.datetime.fromisoformat(time) - datetime.timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return f"{seconds} s"
    return moment.isoformat(timespec="seconds")
