"""The command backfill: fills the hours that Home Assistant's statistics lack after an outage."""

import argparse
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from smartmeter_service.file_settings import Secret
from smartmeter_service.tls import tls_context

from smartmeter_cloud.app import Failed
from smartmeter_cloud.cli.times import to_ms
from smartmeter_cloud.config.settings import HELP, LOOPBACK
from smartmeter_cloud.history.timestamps import rfc3339
from smartmeter_cloud.integrations.home_assistant import HomeAssistant, HomeAssistantError
from smartmeter_cloud.integrations.statistics_gap import missing
from smartmeter_cloud.store.interface import Store, StoreUnavailable
from smartmeter_cloud.store.slices import HOUR, HOUR_MS

DAYS = 31  # without --from
DAYS_MAX = 366
_DAY_MS = 86_400_000


def add(commands: Any) -> None:
    about = "fill the hours that Home Assistant's statistics lack after its outage"
    made = commands.add_parser("backfill", help=about, description=about)
    made.add_argument("meter", metavar="METER")
    made.add_argument("--config", metavar="FILE", type=Path, help=HELP)
    made.add_argument("--home-assistant", metavar="URL", required=True, dest="url")
    made.add_argument(
        "--token-file", metavar="FILE", required=True, help="a long-lived token; mode 0600"
    )
    made.add_argument("--drawn", metavar="STATISTIC", help="as sensor.cellar_energy_import")
    made.add_argument("--fed", metavar="STATISTIC", help="as sensor.cellar_energy_export")
    made.add_argument("--from", dest="start", metavar="TIME", help=f"default: {DAYS} days ago")
    made.add_argument("--ca", metavar="FILE", type=Path, help="default: the system's CAs")
    made.add_argument("--no-tls", action="store_true", help="allow http to another machine")
    made.add_argument("--dry-run", action="store_true", help="only print what is missing")


def run(store: Store, chosen: argparse.Namespace) -> int:
    """Failed, SettingsError."""
    statistics = {"drawn": chosen.drawn, "fed": chosen.fed}
    if not any(statistics.values()):
        raise Failed("name a statistic: --drawn sensor.NAME_energy_import, or --fed")
    try:
        if chosen.meter not in {m.name for m in store.meters()}:
            raise Failed(f"{chosen.meter} is not stored")
        now = int(time.time() * 1000)
        start = to_ms("--from", chosen.start, store.zone, now - DAYS * _DAY_MS) // HOUR_MS * HOUR_MS
        if not now - DAYS_MAX * _DAY_MS <= start < now:
            raise Failed(f"--from must be a time within the last {DAYS_MAX} days")
        slices = store.slices(chosen.meter, HOUR, start, now)
        token, context = _token(chosen.token_file), _context(chosen)
        with HomeAssistant(chosen.url, token, context) as home_assistant:
            for name, statistic_id in statistics.items():
                if statistic_id:
                    statistic = home_assistant.statistic(statistic_id)
                    rows = home_assistant.hours(statistic, start, now)
                    hours = list(missing(rows, slices, name, statistic.factor))
                    if hours and not chosen.dry_run:
                        home_assistant.write(statistic, hours)
                    what = "missing" if chosen.dry_run else "filled"
                    line = f"{statistic_id}: {len(hours)} hours {what}"
                    if hours:
                        line += f", {rfc3339(hours[0].start)} to {rfc3339(hours[-1].start)}"
                    print(line)
    except HomeAssistantError as e:
        raise Failed(str(e)) from None
    except StoreUnavailable as e:
        raise Failed(f"the store cannot be used: {e}") from None
    return 0


def _token(file: str) -> str:
    try:
        return Secret.from_setting(file, Path())
    except ValueError as e:
        raise Failed(f"--token-file {e}") from None


def _context(chosen: argparse.Namespace) -> Any:
    """The TLS context; None where the address is without TLS, and may be."""
    parts = urlsplit(chosen.url if "://" in chosen.url else f"http://{chosen.url}")
    if parts.scheme in ("https", "wss"):
        try:
            return tls_context(chosen.ca, None, None)
        except (OSError, ValueError) as e:
            raise Failed(f"--ca: {e}") from None
    if parts.hostname not in LOOPBACK and not chosen.no_tls:
        raise Failed(
            f"{chosen.url} is without TLS, and the token would be readable on the way; use https, "
            "or allow it by --no-tls"
        )
    return None
