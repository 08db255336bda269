"""The commands for certificates: invite, revoke, certificate."""

import argparse
import time
from pathlib import Path
from typing import Any

from smartmeter.wire.topics import is_id

from smartmeter_cloud.app import Failed
from smartmeter_cloud.config.settings import HELP, Config, HttpSettings
from smartmeter_cloud.pki.authority import Authority, AuthorityError
from smartmeter_cloud.pki.enrolment import HOURS_MAX, Enrolment, NotAllowed
from smartmeter_cloud.store.interface import Store

COMMANDS = ("invite", "revoke", "certificate")
_DAYS = 730  # of the Cloud's own parts, which a person renews
_WHO = "command line"


def add(commands: Any) -> None:
    def command(name: str, about: str, subject: str) -> Any:
        made = commands.add_parser(name, help=about, description=about)
        made.add_argument("name", metavar=subject)
        made.add_argument("--config", metavar="FILE", type=Path, help=HELP)
        return made

    invite = command("invite", "print the line that lets a Concentrator join", "CONCENTRATOR")
    invite.add_argument("--household", metavar="ID", help="its new household")
    invite.add_argument("--hours", type=float, default=24, help="how long it is valid")
    command("revoke", "revoke a Concentrator's certificates and tokens", "CONCENTRATOR")
    own = command("certificate", "create a certificate for a part of the Cloud itself", "NAME")
    own.add_argument(
        "--host", action="append", default=[], help="name or address of a server; none: a client"
    )


def run(settings: Config, store: Store, chosen: argparse.Namespace) -> int:
    """Failed."""
    try:
        if not is_id(chosen.name):
            raise Failed(f"{chosen.name} must be 1 to 64 of A-Z a-z 0-9 . _ -")
        if chosen.command == "certificate":
            return _certificate(settings, chosen)
        enrolment = Enrolment(store, settings.http.enrolment)
        if chosen.command == "invite":
            return _invite(settings.http, store, enrolment, chosen)
        gone = enrolment.revoke(chosen.name)
        what = f"revoked {gone} certificates of Concentrator {chosen.name}"
        store.note(_now(), _WHO, what, store.concentrators().get(chosen.name))
        print(f"revoked: {gone}")
        if gone:
            folder = settings.http.enrolment.folder
            print(f"the broker's list is {folder / 'crl.pem'}; have the broker read it again")
        return 0
    except (AuthorityError, NotAllowed) as e:
        raise Failed(str(e)) from None
    finally:
        store.close()


def _invite(
    http: HttpSettings, store: Store, enrolment: Enrolment, chosen: argparse.Namespace
) -> int:
    if chosen.household is not None and not is_id(chosen.household):
        raise Failed("--household is 1 to 64 of A-Z a-z 0-9 . _ -")
    if not 0 < chosen.hours <= HOURS_MAX:
        raise Failed(f"--hours must be more than 0 and at most {HOURS_MAX}")
    token, _ = enrolment.invite(chosen.name, chosen.hours, chosen.household)
    if chosen.household is not None:
        store.place_concentrator(chosen.name, chosen.household)
        what = f"gave Concentrator {chosen.name} to household {chosen.household}"
        store.note(_now(), _WHO, what, chosen.household)
    household = store.concentrators().get(chosen.name)
    store.note(_now(), _WHO, f"invited Concentrator {chosen.name}", household)
    print("On the Concentrator, type `smartmeter-gateway init`, or `smartmeter-gateway enroll` if")
    print("it is set up. Paste this line there; it works once:")
    print(enrolment.line(http.url, chosen.name, token))
    return 0


def _certificate(settings: Config, chosen: argparse.Namespace) -> int:
    http = settings.http
    authority = Authority(http.enrolment.folder, http.enrolment.days)
    if not chosen.host and chosen.name not in http.enrolment.reserved:
        names = ", ".join(sorted(http.enrolment.reserved))
        raise Failed(
            f"a client with the name {chosen.name} would be a Concentrator at the broker: "
            f"run smartmeter-cloud invite, or use {names}"
        )
    for path in authority.issue_files(chosen.name, tuple(chosen.host), _DAYS):
        print(path)
    return 0


def _now() -> int:
    return int(time.time() * 1000)
