"""`status`: asks the running Concentrator through its local page, and prints a few lines."""

import base64
import json
import urllib.error
import urllib.request
from typing import Any

from smartmeter_service.toml_file import SettingsError

from ..config.settings import Config
from ..web.certificate import client_context
from ..web.server import EVERY_ADDRESS

_TIMEOUT_S = 5


def fetch(config: Config) -> dict[str, Any]:
    """The status document of the Concentrator that runs with these settings."""
    http = config.http
    if http is None:
        raise SettingsError("[http] is not enabled, so the running Concentrator cannot be asked")
    host = "127.0.0.1" if http.host in EVERY_ADDRESS else http.host
    url = f"{'https' if http.tls else 'http'}://{host}:{http.port}/status"
    request = urllib.request.Request(url)  # noqa: S310
    if http.password is not None:
        token = base64.b64encode(f"home:{http.password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    try:
        context = client_context(config.spool.path.parent) if http.tls else None
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=context) as answer:  # noqa: S310
            document: dict[str, Any] = json.load(answer)
        other = document["concentrator"]
    except (urllib.error.URLError, OSError, ValueError, LookupError, TypeError):
        raise SettingsError(
            f"no Concentrator answers at {url}; is it running? (smartmeter-gateway run)"
        ) from None
    if other != config.id:
        raise SettingsError(
            f"the Concentrator {other} answers at {url}, not {config.id}; set port in [http]"
        )
    return document


def text(d: dict[str, Any]) -> str:
    """The document as text."""
    lines = [
        f"Concentrator {d['concentrator']}, version {d['version']}, up for {_span(d['uptime'])}"
    ]
    for name, link in d["links"].items():
        lines.append(
            f"{name}: " + ("connected" if link["up"] else f"NOT connected: {link['reason']}")
        )
    spool = d["spool"]
    lines.append(
        f"spool: {spool['rows']} messages, {spool['bytes'] / 1e6:.1f} MB, "
        f"{spool['dropped']} dropped"
    )
    for what in ("refused", "faults"):
        if d[what]:
            counts = ", ".join(f"{n} {kind}" for kind, n in sorted(d[what].items()))
            lines.append(f"{what}: {counts}")
    for refusal in d["refusals"]:
        whose = f"meter {refusal['meter']}" if "meter" in refusal else "an unknown meter"
        lines.append(
            f"last refused from {whose}: {refusal['detail']} ({refusal['kind']}, {refusal['time']})"
        )
    for name, meter in d["meters"].items():
        watts = meter["values"].get("16.7.0", meter["values"].get("1.7.0"))
        now = "" if watts is None else f", {watts:g} W"
        grown = meter["today"].get("1.8.0")
        today = f", {grown['wh'] / 1000:.2f} kWh imported today" if grown else ""
        count = f"{meter['readings']} readings, last {_span(meter['age'])} ago"
        lines.append(f"meter {name}: {count}{now}{today}{_submeter(meter)}{_paths(meter)}")
        if "ratio" in meter:
            lines.append(f"  multiplied by its transformers' ratio of {meter['ratio']}")
        lines += [f"  {code}: {text}" for code, text in meter.get("texts", {}).items()]
    for name, adapter in d["adapters"].items():
        what = f"port {adapter['port']}" if "port" in adapter else "adapter"
        lines.append(f"{what} of {name}: {adapter['short']}")
    lines += [f"meter {name} is SILENT: {reason}" for name, reason in d["silent"].items()]
    lines += [f"ALARM: {alarm}" for alarm in d["alarms"]]
    return "\n".join(lines)


def _submeter(meter: dict[str, Any]) -> str:
    """The medium of a sub-meter, and its values with their units."""
    if "medium" not in meter:
        return ""
    units = meter["units"]
    values = [f"{value:.12g} {units.get(c, '')}".strip() for c, value in meter["values"].items()]
    return f", {meter['medium']}: {', '.join(values)}"


def _paths(meter: dict[str, Any]) -> str:
    """The path in use if there are several, and the number of duplicates."""
    others = [path for path in meter.get("paths", []) if path != meter["path"]]
    if not others:
        return ""
    duplicates = meter.get("duplicates", 0)
    by = f", by {meter['path']}, also by {' and by '.join(others)}"
    return f"{by} ({duplicates} duplicates discarded)"


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
