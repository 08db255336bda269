"""`python -m tools.meters FORM --port-link PATH --seed N`: a virtual meter on its own port."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from pathlib import Path
from typing import Any

from . import forms
from .conversation import converse
from .form import Meter
from .household import Household
from .line import Line
from .pusher import Time, push


def read_key(path: Path) -> bytes:
    """A key of 32 hexadecimal digits; ValueError does not quote the file."""
    text = "".join(path.read_text(encoding="ascii", errors="replace").split())
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 16:
        raise ValueError(f"{path} does not contain a key of 32 hexadecimal digits")
    return key


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.meters", description=__doc__)
    parser.add_argument("form", nargs="?", help="the form of meter; --list names them")
    parser.add_argument("--list", action="store_true", help="print all forms")
    parser.add_argument("--port-link", type=Path, metavar="PATH", help="path of the port")
    parser.add_argument("--seed", type=int, default=1, help="number of the household (default 1)")
    parser.add_argument("--pv", action="store_true", help="a household that exports energy")
    parser.add_argument("--phases", type=int, choices=(1, 3), default=3)
    parser.add_argument("--interval", type=float, metavar="S", help="seconds between telegrams")
    parser.add_argument("--key-file", type=Path, metavar="F", help="the key, in hexadecimal")
    parser.add_argument("--auth-key-file", type=Path, metavar="F")
    parser.add_argument("--truth", type=Path, metavar="FILE", help="append what was sent, as JSON")
    parser.add_argument("--count", type=int, metavar="N", help="stop after so many telegrams")
    parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="times real time")
    parser.add_argument(
        "--strict-baud",
        action="store_true",
        help="for a meter that answers: garble data if the reader's bit rate is wrong",
    )
    given = parser.parse_args(argv)
    if not given.list and (given.form is None or given.port_link is None):
        parser.error("name a form and --port-link PATH, or ask for --list")
    if given.interval is not None and not 0.05 <= given.interval <= 86_400:
        parser.error("--interval is in seconds, 0.05 to 86400")
    if not 0.01 <= given.speed <= 10_000:
        parser.error("--speed is 0.01 to 10000 times real time")
    if given.count is not None and given.count < 1:
        parser.error("--count is at least 1")
    return given


def print_forms() -> None:
    width = max(len(name) for name in forms.FORMS)
    for name, form in forms.FORMS.items():
        keys = "key and authentication key" if form.tagged else "key" if form.ciphered else "plain"
        wire = f"{form.baud} {form.frame}"
        print(
            f"{name:{width}}  {form.link:9} {wire:11} {form.interval:5g} s  {keys:26}  {form.about}"
        )


def run(given: argparse.Namespace) -> None:
    keys: dict[str, Any] = {}
    if given.key_file:
        keys["key"] = read_key(given.key_file)
    if given.auth_key_file:
        keys["auth_key"] = read_key(given.auth_key_file)
    household = Household(given.seed, given.pv, given.phases)
    options = {} if given.interval is None else {"interval": given.interval}
    meter: Meter = forms.make(given.form, household, **keys, **options)
    stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: stop.append(number))
    with contextlib.ExitStack() as stack:
        truth = given.truth and stack.enter_context(given.truth.open("a", encoding="utf-8"))
        line = stack.enter_context(Line(given.port_link, lambda: bool(stop)))
        clock = Time(given.speed)
        if meter.form.interactive:
            responder = meter.form.responder(meter)
            strict = given.strict_baud
            converse(
                responder, meter.form, line, clock, truth, given.count, lambda: bool(stop), strict
            )
        else:
            push(meter, line, clock, meter.form.interval, truth, given.count, lambda: bool(stop))


def main(argv: list[str]) -> int:
    given = arguments(argv)
    try:
        if given.list:
            print_forms()
        else:
            run(given)
    except (ValueError, OSError) as problem:
        print(f"meters: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
