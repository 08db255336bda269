"""Provisions a board: writes settings and keys to its NVS, and waits for the first reading.

    smartmeter-provision                          asks for everything
    smartmeter-provision --browser                the same on a page, for Chrome and Edge
    smartmeter-provision --config adapter.toml    asks for the secrets only
    smartmeter-provision --config adapter.json    the Cloud's adapterConfig: asks for the rest
    ... | smartmeter-provision --config adapter.toml --secrets -

In the repository, `python -m tools.provision` is the same. The secrets are lines NAME=value, with
NAME one of wifi_password, broker_password, meter_key and meter_auth_key. firmware/README.md has an
example of the configuration.
"""

import argparse
import functools
import hashlib
import json
import sys
from pathlib import Path

from . import IS_INSTALLED, device, questions, watch
from . import answers as answering
from .answers import ASKED, Answers
from .browser.server import serve
from .mpremote import BoardRefused
from .prompt import Refused

_DIGEST_DIGITS = 8  # enough to tell two keys apart, but no help in finding one
_KEPT = Path("smartmeter-answers.json")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--board", metavar="PORT", help="default: the connected board")
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML or JSON, no secrets")
    parser.add_argument("--secrets", metavar="FILE", help="NAME=value lines; - is a pipe")
    parser.add_argument("--no-watch", action="store_true", help="restart the board and exit")
    parser.add_argument(
        "--timeout", type=float, default=180, help="seconds to wait for the first reading"
    )
    parser.add_argument(
        "--browser", action="store_true", help="serve a page that asks, at 127.0.0.1"
    )
    arguments = parser.parse_args()
    try:
        return serve() if arguments.browser else _provision(arguments)
    except (Refused, BoardRefused) as why:
        print(f"provision: {why}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print("\nprovision: cancelled; the settings on the board are unchanged", file=sys.stderr)
        return 130


def _shown(key: bytes | None) -> str:
    return f"digest {hashlib.sha256(key).hexdigest()[:_DIGEST_DIGITS]}" if key else "none"


def _board(port: str | None, person: bool) -> str:
    port = port or device.find()
    print(f"board on {port}")
    if person and IS_INSTALLED and not device.is_flashed(port):
        print("The firmware is not on the board: copying it takes a minute (Ctrl-C cancels) ...")
        device.flash(port)
    device.flashed(port)
    return port


def _provision(arguments: argparse.Namespace) -> int:
    person = sys.stdin.isatty() and arguments.secrets != "-"
    port = arguments.board
    if person and not arguments.config:  # before ten questions are answered without success
        port = _board(port, person)
    answers = answering.from_file(arguments.config) if arguments.config else Answers()
    if arguments.secrets:
        answers.secrets |= answering.from_pipe(arguments.secrets)
    if person:
        _ask(arguments, answers, port)
    elif not arguments.config:
        raise Refused("this is not a terminal; name a file with --config")
    answers = answers.checked()

    if not person or arguments.config:
        port = _board(port, person)
    then = "stopped; some settings may be on the board, so provision it again"
    try:
        device.write(port, answers)
        then = "stopped watching; the settings are on the board, and it goes on"
        return _watch(arguments, port, answers, person)
    except (KeyboardInterrupt, EOFError):
        print(f"\nprovision: {then}", file=sys.stderr)
        return 130


def _ask(arguments: argparse.Namespace, answers: Answers, port: str | None) -> None:
    """Asks for what is missing. A person who cancels keeps the answers, except the secrets."""
    family = None
    try:
        if not answers.is_complete:
            around = functools.cache(_surroundings)
            family = questions.ask_settings(answers, lambda: around(port))
        if not arguments.secrets:
            questions.ask_secrets(answers, family)
    except (KeyboardInterrupt, EOFError):
        _keep(answers)
        raise


def _surroundings(port: str | None) -> device.Surroundings:
    """What the board has and hears; without an answer, nothing is listed or proposed."""
    try:
        return device.surroundings(port or device.find())
    except (BoardRefused, Refused) as why:
        print(why)
        return device.Surroundings(has_psram=True, networks=[])


def _keep(answers: Answers) -> None:
    document = {name: values for name, values in answers.settings.items() if values}
    for section, files in answers.files.items():
        document[section] = document.get(section, {}) | files
    if "broker_ca" in answers.secrets and "ca" not in document.get("broker", {}):
        document.pop("broker", None)  # a Concentrator gave it for a code, which is used up
    if not document:
        return
    try:
        _KEPT.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    except OSError as why:
        print(f"\nprovision: {_KEPT} cannot be written: {why.strerror}", file=sys.stderr)
        return
    print(
        f"\nprovision: your answers, without secrets, are in {_KEPT}; to go on, add "
        f"--config {_KEPT}",
        file=sys.stderr,
    )


def _watch(arguments: argparse.Namespace, port: str, answers: Answers, person: bool) -> int:
    print(f"meter id {answers.settings['meter']['id']}")
    for name in ("meter_key", "meter_auth_key"):
        print(f"{name}: {_shown(answers.secrets.get(name))}")
    if arguments.no_watch:
        device.reset(port)
        return 0
    print("restarting the board and waiting for the first reading ...")
    settled: set[str] = set() if person else {*ASKED, *questions.SETTINGS}
    restart = True
    while stopped := watch.until_reading(port, arguments.timeout, settled, restart):
        if stopped.is_late:
            print(f"{stopped.stage}.")
        restart = person and questions.correct(answers, stopped.questions)
        if restart:
            answers = answers.checked()
            device.write(port, answers)
        elif stopped.is_late:
            raise Refused(
                f"settings are saved and the board keeps trying, but no reading "
                f"reached the broker in {arguments.timeout:.0f} s: {stopped.stage}"
            )
        else:
            settled.update(stopped.questions)
    print("done: the first reading has reached the broker")
    return 0


if __name__ == "__main__":
    sys.exit(main())
