"""Collects smart-meter readings at home and forwards them to the Cloud."""

import argparse
import contextlib
import getpass
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import smartmeter
from smartmeter_mqtt.settings import BrokerSettings
from smartmeter_service.private_files import PRIVATE_UMASK
from smartmeter_service.toml_file import SettingsError

from ..capture.trials import Asked
from ..config.settings_file import load

_CONFIG = "/etc/smartmeter-gateway/gateway.toml"


def main(argv: list[str] | None = None) -> int:
    """Run one command; return the exit status."""
    os.umask(PRIVATE_UMASK)
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        if sys.stdout:  # None if it was closed before we began
            sys.stdout.flush()
        return status
    except BrokenPipeError:  # head has seen enough
        _say_no_more()
        return 1
    except (KeyboardInterrupt, EOFError):
        return 130
    except SettingsError as why:
        print(f"smartmeter-gateway: {why}", file=sys.stderr)
        return 2
    except OSError as why:
        _say_no_more()
        what = f"{why.filename}: " if why.filename else ""
        reason = (why.strerror or str(why)).lower()
        print(f"smartmeter-gateway: {what}{reason}", file=sys.stderr)
        return 1


def _say_no_more() -> None:
    """Keep Python from writing again at its end what could not be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="smartmeter-gateway", description=__doc__)
    parser.add_argument("--version", action="version", version=smartmeter.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, action: Callable[[argparse.Namespace], int], text: str) -> Any:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(run=action)
        if name not in ("decode", "ports"):
            made.add_argument("--config", type=Path, default=Path(_CONFIG), metavar="FILE")
        return made

    make = command("init", _init, "ask for the settings and write a commented configuration")
    make.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings")
    make.add_argument("--answers", type=Path, metavar="FILE", help="the same in TOML")
    make.add_argument("--secrets", metavar="FILE", help="NAME=VALUE lines; - is standard input")
    make.add_argument("--force", action="store_true", help="replace existing files")
    make.add_argument("--advanced", action="store_true", help="ask for everything")

    try_out = command(
        "check", _check, "try every broker, port, certificate and key in the configuration"
    )
    try_out.add_argument("--seconds", type=float, default=20, help="seconds to read each port")

    command("run", _run, "run the Concentrator until SIGTERM or Ctrl-C")

    ask = command("status", _status, "show the status of the running Concentrator")
    ask.add_argument("--json", action="store_true", help="everything, as JSON")
    ask.add_argument(
        "--running", action="store_true", help="only whether it runs; alarms count as running"
    )

    forget = command(
        "forget-counter",
        _forget_counter,
        "accept telegrams of a meter with a new key or a new meter behind its id",
    )
    forget.add_argument("meter", metavar="METER", help="its id in the topics")

    away = command(
        "forget", _forget, "take a meter away: its status, its memory and what is on the LAN broker"
    )
    away.add_argument("meter", metavar="METER", help="its id in the topics")

    survey = command(
        "ports", _ports, "list the serial ports, and what seems to be connected to them"
    )
    survey.add_argument("--seconds", type=float, default=30, help="seconds to read")

    unit = command("install-service", _install, "run it with systemd, now and at every boot")
    unit.add_argument("--print", action="store_true", help="print the unit and install nothing")

    cert = command(
        "enroll", _enroll, "join the Cloud with the line that `smartmeter-cloud invite` prints"
    )
    cert.add_argument(
        "url", metavar="URL", nargs="?", help="of the Cloud, if you have a token but no line"
    )
    cert.add_argument("token", metavar="-", nargs="?", help="reads the token from a pipe")
    cert.add_argument("--ca", type=Path, metavar="FILE", help="file with the Cloud's CA")

    let_in = command("pair", _pair, "show a code that lets one adapter in, within 15 minutes")
    let_in.add_argument("--port", type=int, help="one that your firewall lets through")

    rules = command(
        "broker-rules",
        _rules,
        "print the access rules for the mosquitto of the Cloud or of the LAN",
    )
    where = rules.add_mutually_exclusive_group()
    where.add_argument("--lan", action="store_true", help="the LAN's, for these settings")
    where.add_argument("--ingest", default="ingest", metavar="NAME", help="the Cloud's own user")

    dec = command("decode", _decode, "decode a capture of a meter's bytes")
    dec.add_argument(
        "capture", metavar="FILE", help="bytes, or text that shows them; - is standard input"
    )
    shown = dec.add_mutually_exclusive_group()
    shown.add_argument(
        "--explain", action="store_true", help="explain what was found; the default on a terminal"
    )
    shown.add_argument(
        "--redact",
        action="store_true",
        help="the same without serial numbers and keys, for a bug report",
    )
    shown.add_argument(
        "--json", action="store_true", help="a line of JSON for each event; the default in a pipe"
    )
    dec.add_argument("--link", metavar="NAME", help="the link layer; detected by default")
    dec.add_argument(
        "--profile", metavar="NAME", help="scale factors, for meters that do not send them"
    )
    dec.add_argument("--zone", metavar="NAME", help="the meter's time zone, such as Europe/Vilnius")
    dec.add_argument("--key", action="store_true", help="ask for the meter's key")
    dec.add_argument("--auth-key", action="store_true", help="ask for the authentication key")
    dec.add_argument("--key-file", type=Path, metavar="FILE", help="default: METER_KEY")
    dec.add_argument("--auth-key-file", type=Path, metavar="FILE", help="else METER_AUTH_KEY")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    # Only here: the other commands need neither broker nor spool.
    from smartmeter_broker import BrokerUnavailable

    from ..app import Concentrator
    from ..integrations.emulation.emulation import EmulationUnavailable
    from ..provisioning.sntp_server import SntpUnavailable
    from ..spool.database import SpoolError
    from ..web.server import HttpUnavailable

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    concentrator = Concentrator(load(arguments.config))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: concentrator.end())
    servers = BrokerUnavailable, HttpUnavailable, SntpUnavailable, EmulationUnavailable
    try:
        concentrator.start()
    except (SpoolError, *servers) as why:
        raise SettingsError(str(why)) from None
    concentrator.wait()
    concentrator.stop()
    return 0


def _init(arguments: argparse.Namespace) -> int:
    from . import init, pair

    config: Path = arguments.config
    made = init.init(
        config,
        arguments.settings,
        arguments.answers,
        arguments.secrets,
        arguments.force,
        arguments.advanced,
    )
    for path in made.secrets:
        print(f"wrote {path}, which only you can read")
    print(f"wrote {config}")
    for line in made.says:
        print(line)
    if made.pairs:
        pair.say_code(config.resolve().parent, print)
    print(f"next: smartmeter-gateway check --config {config}")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from ..monitoring.registry import log
    from . import check

    log.addHandler(logging.NullHandler())  # the lines below report what the parts log
    wrong = 0
    for fine, line in check.check(load(arguments.config), arguments.seconds):
        print(f"{'ok    ' if fine else 'WRONG '} {line}", flush=True)
        wrong += not fine
    if wrong:
        print(f"{wrong} of these lines are WRONG; mend them, and type the same command again")
        return 1
    print(f"all is right; next: smartmeter-gateway run --config {arguments.config}")
    print("or, to start it now and at every boot: sudo smartmeter-gateway install-service")
    return 0


def _ports(arguments: argparse.Namespace) -> int:
    from . import serial_scan

    serial_scan.survey(arguments.seconds, lambda line: print(line, flush=True))
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from . import status

    config = load(arguments.config)
    try:
        document = status.fetch(config)
    except SettingsError as why:
        if not arguments.running:
            raise
        print(f"smartmeter-gateway: {why}", file=sys.stderr)
        return 1  # container engines keep 2 for themselves
    if arguments.running:
        print(f"Concentrator {document['concentrator']} is running")
        return 0
    print(json.dumps(document, indent=1) if arguments.json else status.text(document))
    return 0 if not document["alarms"] else 1


def _forget_counter(arguments: argparse.Namespace) -> int:
    from . import forget_counter

    forget_counter.forget(load(arguments.config), arguments.meter)
    print("Done. The next telegram of this meter is accepted with whatever counter it has.")
    return 0


def _forget(arguments: argparse.Namespace) -> int:
    from . import forget

    print(forget.forget(load(arguments.config), arguments.meter))
    return 0


def _install(arguments: argparse.Namespace) -> int:
    from .systemd import SERVICE

    load(arguments.config)
    if arguments.print:
        print(SERVICE.unit(arguments.config), end="")
        return 0
    for line in SERVICE.install(arguments.config):
        print(line)
    return 0


def _enroll(arguments: argparse.Namespace) -> int:
    from ..provisioning import invitation
    from . import enroll

    if arguments.url is None:
        line = _hidden(None, "Invitation")
        print(enroll.by_invitation(arguments.config, invitation.parse(line), arguments.ca))
        print(f"next: smartmeter-gateway check --config {arguments.config}")
    else:
        token = _hidden(arguments.token, "Token")
        print(enroll.by_token(arguments.config, arguments.url, token, arguments.ca))
    return 0


def _hidden(argument: str | None, what: str) -> str:
    """A secret from a prompt or a pipe: everybody on the machine can read arguments."""
    if argument not in (None, "-"):
        raise SettingsError(
            "leave out the token, because other users can read the arguments of a program; "
            "type it at the prompt, or give - and a pipe"
        )
    if argument is None and sys.stdin.isatty():
        return getpass.getpass(f"{what}: ").strip()
    return sys.stdin.readline().strip()


def _pair(arguments: argparse.Namespace) -> int:
    from . import pair

    if arguments.port is not None and not 0 < arguments.port < 65536:
        raise SettingsError("--port must be a port, 1 to 65535")
    pair.show(load(arguments.config), print, arguments.port)
    return 0


def _rules(arguments: argparse.Namespace) -> int:
    from ..provisioning.broker_acl import mosquitto, mosquitto_lan

    if arguments.lan:
        config = load(arguments.config)
        if not isinstance(config.lan, BrokerSettings):
            raise SettingsError("--lan: the settings name no broker in [lan]; it needs no rules")
        user = config.lan.user or "concentrator"
        print(mosquitto_lan(config.id, user, config.home.prefix if config.home else None), end="")
        return 0
    try:
        print(mosquitto(arguments.ingest), end="")
    except ValueError as why:
        raise SettingsError(f"--ingest: {why}") from None
    return 0


def _decode(arguments: argparse.Namespace) -> int:
    from . import decode

    key = decode.find_key(arguments.key_file, arguments.key, "METER_KEY", "key")
    auth_key = decode.find_key(
        arguments.auth_key_file, arguments.auth_key, "METER_AUTH_KEY", "authentication key"
    )
    asked = Asked(key, auth_key, arguments.link, arguments.profile, arguments.zone)
    with contextlib.ExitStack() as closing:
        stream = sys.stdin.buffer
        if arguments.capture != "-":
            try:
                stream = closing.enter_context(open(arguments.capture, "rb"))
            except OSError as why:
                reason = (why.strerror or str(why)).lower()
                raise SettingsError(f"{arguments.capture}: {reason}") from None
        explained = arguments.explain or (_is_terminal() and not arguments.json)
        return decode.run(stream, asked, explained, arguments.redact)


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


if __name__ == "__main__":
    sys.exit(main())
