"""Provisions a board: writes settings and keys to its NVS, and waits for the first reading.

    python -m tools.provision                          asks for everything
    python -m tools.provision --config adapter.toml    asks for the secrets only
    python -m tools.provision --config adapter.json    the Cloud's adapterConfig: asks for the rest
    ... | python -m tools.provision --config adapter.toml --secrets -

The secrets are lines NAME=value, with NAME one of wifi_password, broker_password, meter_key
and meter_auth_key. firmware/README.md has an example of the configuration.
"""

import argparse
import hashlib
import sys
from pathlib import Path

from tools.mpremote import BoardRefused
from tools.provision import answers as answering
from tools.provision import device, watch
from tools.provision.answers import ASKED, Answers, Refused

_DIGEST_DIGITS = 8  # enough to tell two keys apart, but no help in finding one


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
    arguments = parser.parse_args()
    try:
        return _provision(arguments)
    except (Refused, BoardRefused) as why:
        print(f"provision: {why}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print("\nprovision: cancelled; the board is unchanged", file=sys.stderr)
        return 130


def _shown(key: bytes | None) -> str:
    return f"digest {hashlib.sha256(key).hexdigest()[:_DIGEST_DIGITS]}" if key else "none"


def _board(port: str | None) -> str:
    port = port or device.find()
    print(f"board on {port}")
    device.flashed(port)
    return port


def _provision(arguments: argparse.Namespace) -> int:
    person = sys.stdin.isatty() and arguments.secrets != "-"
    port = arguments.board
    if person and not arguments.config:  # before ten questions are answered without success
        port = _board(port)
    answers = answering.from_file(arguments.config) if arguments.config else Answers()
    if arguments.secrets:
        answers.secrets |= answering.from_pipe(arguments.secrets)
    if person:
        if not answers.leads_somewhere:
            answering.ask(answers)
        if not arguments.secrets:
            answering.ask_secrets(answers)
    elif not arguments.config:
        raise Refused("this is not a terminal; name a file with --config")
    answers = answers.checked()

    if not person or arguments.config:
        port = _board(port)
    device.write(port, answers)
    print(f"meter id {answers.settings['meter']['id']}")
    for name in ("meter_key", "meter_auth_key"):
        print(f"{name}: {_shown(answers.secrets.get(name))}")
    if arguments.no_watch:
        device.reset(port)
        return 0
    print("restarting the board and waiting for the first reading ...")
    settled: set[str] = set() if person else set(ASKED)
    restart = True
    while wrong := watch.until_reading(port, arguments.timeout, settled, restart):
        if wrong == watch.TIME_OVER:
            raise Refused(
                f"settings are saved and the board keeps trying, but no reading "
                f"reached the broker in {arguments.timeout:.0f} s"
            )
        restart = answering.ask_again(answers, wrong)
        if restart:
            device.write(port, answers)
        else:
            settled.add(wrong)
    print("done: the first reading has reached the broker")
    return 0


if __name__ == "__main__":
    sys.exit(main())
