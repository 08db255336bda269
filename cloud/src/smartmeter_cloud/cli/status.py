"""`status`: the health of all parts, from the store and from /healthz."""

import json
import ssl
import time
import urllib.error
import urllib.request
from typing import Any

from smartmeter.submeters import main_of

from smartmeter_cloud.config.settings import Config, HttpSettings
from smartmeter_cloud.history.freshness import heard
from smartmeter_cloud.history.zone_check import ZoneChecks
from smartmeter_cloud.monitoring.chain import silent_after
from smartmeter_cloud.store.interface import Store
from smartmeter_cloud.store.rows import IMPORTED_CLOCK

ANSWER_SECONDS = 5
BEAT_SILENT_MS = 20_000  # four heartbeats
REFUSED_MS = 600_000  # a Concentrator tries again each minute
REFUSED_TOLD = 10
ZONES_ASKED = 500  # meters whose zone is checked, a second on PostgreSQL; the page checks all
METERS_TOLD = 50  # in the text; JSON has all

_ANY = ("0.0.0.0", "::")  # noqa: S104 (looked for, not listened on)


def answers(http: HttpSettings) -> bool:
    """Whether an API with these settings runs on this machine and reaches its store."""
    host = "127.0.0.1" if http.host in _ANY else http.host
    host = f"[{host}]" if ":" in host else host
    # The request contains no secret, and the certificate is for another name than this address.
    context = ssl._create_unverified_context()  # noqa: S323
    scheme = "https" if http.certificate else "http"
    url = f"{scheme}://{host}:{http.port}/healthz"
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS, context=context) as answer:  # noqa: S310
            return bool(json.load(answer) == {"status": "ok"})
    except (urllib.error.URLError, OSError, ValueError):
        return False


def document(settings: Config, store: Store) -> dict[str, Any]:
    """Times are ms since 1970 UTC, rates readings a second."""
    now = int(time.time() * 1000)
    counters = store.counters()
    meters = {}
    newest = [n for n in store.newest() if n.reading.clock != IMPORTED_CLOCK]
    hours = ZoneChecks(ZONES_ASKED).hours_off(store, newest)
    for n in newest:
        meters[n.reading.meter] = {
            "last": heard(n),
            "silent": now - heard(n) > silent_after(n.gap, bool(n.medium.name)),
            "clock": "wrong" if n.reading.suspect else "right",
            "hours": hours.get(n.reading.meter, 0),
            "concentrator": n.concentrator,
        }
    households = {m.name: m.household for m in store.meters()}
    concentrators = store.concentrators()
    refused = [
        one._asdict()
        | {
            "household": concentrators.get(one.concentrator),
            "meterHousehold": households.get(one.meter) or households.get(main_of(one.meter)),
        }
        for one in store.refused_senders()
    ]
    return {
        "now": now,
        "api": answers(settings.http),
        "ingest": [
            {"name": p.name, "started": p.started, "beat": p.beat} | json.loads(p.state)
            for p in store.processes()
        ],
        "store": {"bytes": store.size(), **counters},
        "deadLetters": [
            {"received": d.received, "topic": d.topic, "reason": d.reason}
            for d in store.dead_letters(5)
        ],
        "refused": refused,
        "fullDeadLetters": store.full_dead_letters(),
        "meters": meters,
    }


def alarms(d: dict[str, Any]) -> list[str]:
    """Problems that need attention."""
    found = []
    running = [p for p in d["ingest"] if p["state"] != "ended"]
    if not running:
        found.append("no ingest is running on this store")
    for p in running:
        silent = d["now"] - p["beat"]
        if silent > BEAT_SILENT_MS:
            found.append(f"{p['name']}: no sign of life for {_span(silent)}")
        elif not p["broker"]["connected"]:
            found.append(f"{p['name']}: not connected to the broker: {p['broker']['detail']}")
        for what in ("receipts", "refusals"):
            if p.get(f"{what}Refused"):  # an older version sends no refusals
                found.append(f"{p['name']}: the broker refuses its {what} (cloud/+/{what})")
        for thread in p.get("faults", {}):  # a process of an older version tells none
            found.append(
                f"{p['name']}: an unexpected error in {thread}, which continues; please report it "
                "with the traceback from its log"
            )
    refused = [_refused(one) for one in d["refused"] if d["now"] - one["last"] < REFUSED_MS]
    found += refused[:REFUSED_TOLD]
    if len(refused) > REFUSED_TOLD:
        found.append(f"{len(refused) - REFUSED_TOLD} more meters are refused (--json has all)")
    for name in d["fullDeadLetters"]:
        found.append(
            f"{f'Concentrator {name}' if name else 'other topics'}: no room for more dead letters; "
            f"replay or delete some: smartmeter-cloud dead-letters --concentrator '{name}'"
        )
    for name, meter in d["meters"].items():
        if hours := meter["hours"]:
            found.append(
                f"{name}: its times are {abs(hours)} h {'ahead of' if hours > 0 else 'behind'} "
                "their arrival; set its zone at the Concentrator or adapter"
            )
    if not d["api"]:
        found.append("the API does not answer on this machine")
    return found


def _refused(one: dict[str, Any]) -> str:
    concentrator, meter = one["concentrator"], one["meter"]
    if not meter:
        return (
            f"Concentrator {concentrator} is refused, because its certificates are revoked. It "
            f"keeps its readings: smartmeter-cloud invite {concentrator}"
        )
    if one["meterHousehold"] in (None, one["household"]):
        return f"Concentrator {concentrator} is refused for meter {meter}: {one['reason']}"
    return (
        f"Concentrator {concentrator} of household {one['household']} is refused for meter {meter} "
        f"of household {one['meterHousehold']}, and keeps its readings. "
        f"smartmeter-cloud move {meter} --household {one['household']} moves the meter; "
        f"smartmeter-cloud place {concentrator} --household {one['meterHousehold']} moves the "
        "Concentrator"
    )


def text(d: dict[str, Any]) -> str:
    """The document as text."""
    lines = []
    for p in d["ingest"]:
        if p["state"] == "ended":
            lines.append(f"{p['name']}: ended {_span(d['now'] - p['beat'])} ago")
            continue
        lines.append(
            f"{p['name']}: up for {_span(d['now'] - p['started'])}, {p['rate']:.1f} readings/s; "
            f"{p['stored']} stored, {p['repeated']} repeated, {p['dead']} dead letters since then"
        )
    lines.append(f"api: {'answers' if d['api'] else 'does NOT answer'}")
    store = d["store"]
    lines.append(
        f"store: {store.get('stored', 0)} readings came in, {store['bytes'] / 1e6:.1f} MB; "
        f"{store.get('dead', 0)} dead letters, {store.get('refused', 0)} messages refused"
    )
    lines += [f"  refused on {one['topic']}: {one['reason']}" for one in d["deadLetters"]]
    meters = sorted(d["meters"].items(), key=lambda m: (not m[1]["silent"], m[0]))
    for name, meter in meters[:METERS_TOLD]:
        line = f"meter {name}: last reading {_span(d['now'] - meter['last'])} ago"
        line += ", SILENT" if meter["silent"] else ""
        lines.append(line + (", its clock is wrong" if meter["clock"] == "wrong" else ""))
    if len(meters) > METERS_TOLD:
        lines.append(f"and {len(meters) - METERS_TOLD} meters more (--json has all)")
    lines += [f"ALARM: {alarm}" for alarm in alarms(d)]
    return "\n".join(lines)


def _span(ms: float) -> str:
    for size, unit in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min")):
        if ms >= size:
            return f"{ms / size:.1f} {unit}"
    return f"{max(0.0, ms / 1000):.0f} s"
