"""smartmeter-gateway: the commands of the Concentrator."""

import argparse
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path

import smartmeter
from smartmeter import Receiver

from . import decode
from .config import load
from .settings_file import SettingsError

_CONFIG = "/etc/smartmeter-gateway/gateway.toml"


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # head has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    except SettingsError as why:
        print(f"smartmeter-gateway: {why}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="smartmeter-gateway", description=__doc__)
    parser.add_argument("--version", action="version", version=smartmeter.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run the Concentrator until SIGTERM or Ctrl-C")
    run.add_argument("--config", type=Path, default=Path(_CONFIG), metavar="FILE")
    run.set_defaults(run=_run)

    dec = commands.add_parser("decode", help="print what a capture of a meter's bytes holds")
    dec.add_argument("capture", metavar="FILE", help="binary or hex digits; - is standard input")
    dec.add_argument("--link", metavar="NAME", help="the link layer; found by itself if not given")
    dec.add_argument("--profile", metavar="NAME", help="a meter's scales, where it tells none")
    dec.add_argument("--key", action="store_true", help="ask for the meter's key")
    dec.add_argument("--auth-key", action="store_true", help="ask for the authentication key")
    dec.add_argument("--key-file", type=Path, metavar="FILE", help="else METER_KEY is looked at")
    dec.add_argument("--auth-key-file", type=Path, metavar="FILE", help="else METER_AUTH_KEY")
    dec.set_defaults(run=_decode)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    # Only here: the other commands need neither broker nor spool.
    from smartmeter_broker import BrokerUnavailable

    from .concentrator import Concentrator
    from .spool import SpoolError

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    concentrator = Concentrator(load(arguments.config))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: concentrator.end())
    try:
        concentrator.start()
    except (SpoolError, BrokerUnavailable) as why:
        raise SettingsError(str(why)) from None
    concentrator.wait()
    concentrator.stop()
    return 0


def _decode(arguments: argparse.Namespace) -> int:
    key = decode.find_key(arguments.key_file, arguments.key, "METER_KEY", "key")
    auth_key = decode.find_key(
        arguments.auth_key_file, arguments.auth_key, "METER_AUTH_KEY", "authentication key"
    )
    try:
        receiver = Receiver(key, auth_key, arguments.link, arguments.profile)
    except ValueError as why:
        raise SettingsError(str(why)) from None
    with contextlib.ExitStack() as closing:
        stream = sys.stdin.buffer
        if arguments.capture != "-":
            try:
                stream = closing.enter_context(open(arguments.capture, "rb"))
            except OSError as why:
                reason = (why.strerror or str(why)).lower()
                raise SettingsError(f"{arguments.capture}: {reason}") from None
        return decode.run(stream, receiver)


if __name__ == "__main__":
    sys.exit(main())
