"""What the house sees: the local page, /status, /metrics, and `status` on the command line."""

import datetime
import http.client
import json
import re
import socket
import subprocess
import sys
import time
from typing import Any

from playwright import sync_api as playwright
from smartmeter_gateway.intake import validation
from smartmeter_gateway.monitoring import document
from smartmeter_gateway.monitoring.daily_energy import DailyEnergy
from smartmeter_gateway.monitoring.registry import Registry
from smartmeter_gateway.monitoring.states import States
from smartmeter_gateway.spool.batch import NewRow

from tests.gateway.conftest import Between
from tests.gateway.harness import Adapter, eventually, reading

METER = "meter-1"


def command(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "smartmeter_gateway", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_status_and_metrics_tell_the_same(between: Between, adapter: Adapter) -> None:
    between.process.start().says("LAN broker: connected")
    adapter.publish_and_wait(METER, reading(3, power=421))
    adapter.publish_and_wait("bad", b"")
    eventually(lambda: json.loads(between.ask("/status"))["refused"] == {"empty": 1})
    status = json.loads(between.ask("/status"))
    assert status["meters"][METER]["values"]["1.7.0"] == 421
    eventually(lambda: "_power_watts" in between.ask("/metrics"))  # the spool has committed
    metrics = between.ask("/metrics")
    for line in (
        'smartmeter_gateway_refused_messages_total{kind="empty"} 1.0',
        'smartmeter_gateway_link_up{link="LAN broker"} 1.0',
        f'smartmeter_gateway_power_watts{{direction="import",meter="{METER}"}} 421.0',
        f'smartmeter_gateway_readings_total{{meter="{METER}"}} 1.0',
        "# TYPE smartmeter_gateway_spool_messages gauge",
    ):
        assert line in metrics.splitlines()
    sample = re.compile(r'[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [-+.e0-9]+')
    assert all(line.startswith("# ") or sample.fullmatch(line) for line in metrics.splitlines())
    told = command("status", "--config", str(between.process.config))
    assert told.returncode == 0, told.stderr
    assert "LAN broker: connected" in told.stdout
    assert re.search(rf"meter {METER}: 1 readings, last \d+ s ago, 421 W", told.stdout)


def test_a_container_engine_learns_whether_it_runs_whatever_alarms_there_are(
    between: Between, adapter: Adapter
) -> None:
    arguments = "status", "--running", "--config", str(between.process.config)
    before = command(*arguments)
    assert (before.returncode, "no Concentrator answers" in before.stderr) == (1, True)
    between.process.start().says("LAN broker: connected")
    early = json.loads(reading(1)) | {"time": "2099-01-01T00:00:00Z"}
    adapter.publish_and_wait(METER, json.dumps(early).encode())
    eventually(lambda: json.loads(between.ask("/status"))["alarms"])
    now = command(*arguments)
    assert (now.returncode, now.stdout) == (0, "Concentrator home is running\n")


def test_texts_the_ratio_and_sub_meters_are_told(
    between: Between, adapter: Adapter, browser: Any
) -> None:
    between.process.start().says("LAN broker: connected")
    texts = {"96.13.0": "<b>Planned work</b>", "1.6.0": "2026-11-03T18:45:00+01:00"}
    sent = json.loads(reading(3, power=421)) | {"ratio": 60, "texts": texts}
    adapter.publish_and_wait(METER, json.dumps(sent).encode())
    gas = json.loads(reading(1)) | {"values": {"24.2.1": 92.287}}
    gas |= {"medium": "gas", "units": {"24.2.1": "m3"}}
    adapter.publish_and_wait(METER + "-1", json.dumps(gas).encode())
    adapter.publish_and_wait("bad", json.dumps(sent | {"texts": {"hello": "x"}}).encode())
    adapter.publish_and_wait("bad", json.dumps(sent | {"ratio": 0}).encode())
    adapter.publish_and_wait("bad", json.dumps(sent | {"texts": {"1.6.0": 1}}).encode())
    eventually(lambda: json.loads(between.ask("/status"))["refused"] == {"content": 3})
    status = json.loads(between.ask("/status"))
    main, submeter = status["meters"][METER], status["meters"][METER + "-1"]
    assert (main["texts"], main["ratio"]) == (texts, 60)
    assert (submeter["medium"], submeter["units"]) == ("gas", {"24.2.1": "m3"})
    told = command("status", "--config", str(between.process.config)).stdout
    assert "  multiplied by its transformers' ratio of 60" in told
    assert "  96.13.0: <b>Planned work</b>" in told
    assert re.search(rf"meter {METER}-1: 1 readings, last \d+ s ago, gas: 92.287 m3", told)
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{between.http}/")
    card = page.locator(".card", has=page.get_by_role("heading", name=METER, exact=True))
    playwright.expect(card.locator(".totals")).to_contain_text("Message<b>Planned work</b>")
    playwright.expect(card.locator(".totals")).to_contain_text("Ratio of the transformers60")
    card = page.locator(".card", has=page.get_by_role("heading", name=METER + "-1", exact=True))
    playwright.expect(card.locator(".totals")).to_have_text("gas, 24.2.192.287 m3")
    playwright.expect(card.locator(".now")).to_be_hidden()
    page.close()


def test_a_code_in_full_is_the_same_value(between: Between, adapter: Adapter) -> None:
    between.process.start().says("LAN broker: connected")
    sent = json.loads(reading(3)) | {"values": {"1-0:1.7.0": 421, "0-2:24.2.1": 5}}
    adapter.publish_and_wait(METER, json.dumps(sent).encode())
    eventually(lambda: METER in json.loads(between.ask("/status"))["meters"])
    shown = json.loads(between.ask("/status"))["meters"][METER]["values"]
    assert shown == {"1.7.0": 421, "0-2:24.2.1": 5}


def test_page_and_consumers_agree_on_who_is_silent() -> None:
    """Each meter by its own rhythm: one that sends each 15 min is not silent after 2."""
    registry = Registry()
    states = States(registry, {})
    now = time.time()
    for meter, interval in (("fast", 5), ("slow", 900)):
        for ago in (3 * interval + 600, 2 * interval + 600, interval + 600, 600):
            row = NewRow(meter, "reading", reading(int(now) - ago, at=int(now) - ago))
            states.take([row], {}, (), now - ago)
            states.committed()
    silent = document.shown(registry, states.reasons(now))["silent"]
    assert silent.keys() == {"fast"}
    made = states.payload("fast")
    assert made is not None
    assert json.loads(made[0])["reason"] == silent["fast"]


def test_head_is_answered_like_get(between: Between) -> None:
    between.process.start().says("the local page is at")
    for path, status in (("/", 200), ("/status", 200), ("/metrics", 200), ("/nothing", 404)):
        connection = http.client.HTTPConnection("127.0.0.1", between.http, timeout=60)
        connection.request("HEAD", path)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (status, b"")
        assert int(answer.headers["Content-Length"]) > 0
        connection.close()


def test_another_one_answers(between: Between) -> None:
    between.process.start().says("the local page is at")
    text = between.process.config.read_text().replace('"home"', '"house-2"')
    (between.folder / "other.toml").write_text(text)
    told = command("status", "--config", str(between.folder / "other.toml"))
    assert told.returncode == 2
    assert "the Concentrator home answers at http://127.0.0.1:" in told.stderr


def test_who_is_silent_is_told_with_the_reason(between: Between, adapter: Adapter) -> None:
    port = between.folder / "no-port"
    between.configure(f'[[port]]\ndevice = "{port}"\nmeter = "cellar"\nbaud = 2400\n', cloud="")
    between.process.start().says("LAN broker: connected")
    adapter.publish_and_wait("roof", b'{"state":"offline","progress":"no bytes"}', "status")
    adapter.publish_and_wait("yard", b'{"state":"online","progress":"no bytes"}', "status")
    adapter.publish_and_wait(METER, reading(1, at=int(time.time())))
    silent = {
        "cellar": f"port {port}: no such file or directory",
        "roof": "its adapter is offline",
        "yard": "no bytes: is the cable on the meter, and its interface switched on?",
    }
    eventually(lambda: json.loads(between.ask("/status"))["silent"] == silent)
    told = command("status", "--config", str(between.process.config))
    assert "meter roof is SILENT: its adapter is offline" in told.stdout
    adapter.publish_and_wait("roof", b"", "status")  # taken back
    eventually(lambda: "roof" not in json.loads(between.ask("/status"))["silent"])


ADAPTER = {
    "state": "online", "version": "1.4.0", "time": "2026-11-23T11:00:00+01:00", "rssi": -61,
    "clock_set": "2026-11-23T06:00:00+01:00", "clock_offset": -7, "silent": 3600, "dropped": 0,
    "faults": {"tag": 1, "checksum": 12}, "heap": 41000,
}  # fmt: skip


def test_what_an_adapter_tells_of_itself_is_shown_in_short(
    between: Between, adapter: Adapter
) -> None:
    hostile = {
        "state": "\x1b[2J" + "x" * 5000, "version": ["1"], "rssi": 10**30, "silent": True,
        "clock_offset": 1e308, "time": "9" * 40, "last_trouble": "one\ntwo\u202e",
        "faults": {f"{n}\x07{'k' * 200}": n for n in range(40)} | {"x": -1, "y": "2"},
    }  # fmt: skip
    between.process.start().says("LAN broker: connected")
    adapter.publish_and_wait("cellar", json.dumps(ADAPTER).encode(), "status")
    adapter.publish_and_wait("roof", json.dumps(hostile).encode(), "status")
    told = eventually(lambda: json.loads(between.ask("/status"))["adapters"].get("roof"))
    assert set(told) == {"state", "time", "last_trouble", "faults", "short"}
    assert told["last_trouble"] == "one two"
    assert len(json.dumps(told)) < 2500
    said = command("status", "--config", str(between.process.config)).stdout
    assert (
        "adapter of cellar: online, version 1.4.0, signal -61 dBm, the meter's clock is 7 s behind,"
        " no reading since 2026-11-23T10:00:00+01:00, faults: 12 checksum, 1 tag,"
        " reported at 2026-11-23T11:00:00+01:00\n"
    ) in said
    assert all(character.isprintable() for character in said.replace("\n", ""))


def test_what_today_took_is_counted_from_midnight() -> None:
    midnight = datetime.datetime(2026, 11, 23).astimezone().timestamp()
    today = DailyEnergy()
    for hours, total in ((1, 1010), (-0.1, 1000), (30, 5000), (2, 1020), (-26, 900), (29, 4990)):
        today.add(midnight + hours * 3600, {"1.8.0": total, "2.8.0": 7})
    # The newest of all began another day; late readings belong to the one before.
    grown = {"wh": 10, "since": midnight + 29 * 3600}
    assert today.grown(midnight + 31 * 3600)["1.8.0"] == grown
    assert today.grown(midnight + 49 * 3600) == {}
    today = DailyEnergy()
    for hours, total in ((-0.1, 1000), (1, 1010), (3, 1030), (2, 1020)):
        today.add(midnight + hours * 3600, {"1.8.0": total})
    assert today.grown(midnight + 4 * 3600) == {"1.8.0": {"wh": 30, "since": midnight}}
    today.add(midnight + 5 * 3600, {"1.8.0": 3})  # another meter in its place
    assert today.grown(midnight + 6 * 3600) == {}


def test_a_clock_that_is_wrong_does_not_hide_what_is_right() -> None:
    registry = Registry()
    now = int(time.time())
    for n, at in enumerate((now + 86_400 * 365, now - 86_400 * 3, now)):
        values = validation.reading(reading(n, power=77, at=at))
        registry.reading(METER, values.time, values.values, "port")
    assert registry.curves[METER].points() == [(now // 300 * 300, 77.0)]


def test_nobody_answers(between: Between) -> None:
    told = command("status", "--config", str(between.process.config))
    assert told.returncode == 2
    assert "no Concentrator answers at http://127.0.0.1:" in told.stderr


def test_without_a_cloud_the_spool_is_the_history_and_the_curve_survives_a_restart(
    between: Between, adapter: Adapter
) -> None:
    between.configure(cloud="")
    now = int(time.time()) // 300 * 300
    between.process.start().says("LAN broker: connected")
    for n in range(20):
        adapter.publish_and_wait(METER, reading(n, power=100 + n, at=now - 300 * (n // 2)))
    curve = [[now - 300 * k, 100.5 + 2 * k] for k in range(9, -1, -1)]

    def drawn() -> bool:
        try:
            return bool(json.loads(between.ask(f"/curve/{METER}")) == curve)
        except OSError:
            return False

    eventually(drawn)
    between.process.kill()
    between.process.start()
    eventually(lambda: between.process.said.count("the local page is at") == 2)
    eventually(drawn)


def test_another_site_s_page_cannot_read_this_one(between: Between) -> None:
    """DNS rebinding: a name of theirs that points to the loopback."""
    between.process.start().says("the local page is at")
    for host, code in (("evil.example", 421), ("localhost", 200), ("127.0.0.1:1", 200)):
        connection = http.client.HTTPConnection("127.0.0.1", between.http, timeout=60)
        connection.request("GET", "/status", headers={"Host": host})
        assert connection.getresponse().status == code
        connection.close()


def test_off_the_loopback_a_password_is_needed(between: Between) -> None:
    text = between.process.config.read_text().replace("[http]", '[http]\nhost = "0.0.0.0"')
    between.process.config.write_text(text)
    refused = command("run", "--config", str(between.process.config))
    assert "http.password_file is missing: what listens on 0.0.0.0" in refused.stderr


def test_a_taken_port_is_said(between: Between) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", between.http))
        taken.listen()
        told = command("run", "--config", str(between.process.config))
    assert told.returncode == 2
    assert f"cannot listen on 127.0.0.1:{between.http}: address already in use" in told.stderr


def test_the_page_in_a_browser_on_a_phone(between: Between, adapter: Adapter, browser: Any) -> None:
    between.process.start().says("LAN broker: connected")
    adapter.publish_and_wait(METER, reading(1, power=1234, at=int(time.time())))
    page = browser.new_page(viewport={"width": 360, "height": 740})
    troubles: list[str] = []
    page.on("console", lambda m: troubles.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: troubles.append(str(e)))
    page.goto(f"http://127.0.0.1:{between.http}/")
    card = page.locator(".card")
    playwright.expect(card.locator(".watts")).to_have_text(re.compile("1.?234"))
    playwright.expect(card.locator(".way")).to_have_text("from the grid")
    playwright.expect(card.locator("tbody tr")).to_have_count(1)
    playwright.expect(page.locator("#facts")).to_contain_text("LAN broker")
    adapter.publish_and_wait(METER, reading(2, power=77, at=int(time.time())))
    playwright.expect(card.locator(".watts")).to_have_text("77")  # without a reload
    playwright.expect(card.locator(".totals")).to_contain_text("Import, total1,136.786 kWh")
    markup = "<img src=x onerror=alert(1)><script>alert(2)</script>" + "x" * 99
    about = json.dumps(ADAPTER | {"version": markup}).encode()
    adapter.publish_and_wait(METER, about, "status")
    playwright.expect(card.first.locator(".adapter")).to_contain_text(f"version {markup[:100]}")
    playwright.expect(page.locator("img, .card script")).to_have_count(0)
    adapter.publish_and_wait("meter-2", b'{"state":"offline"}', "status")
    silent = page.locator(".card", has_text="meter-2")
    playwright.expect(silent.locator(".silent")).to_have_text("No data: its adapter is offline")
    playwright.expect(silent.locator(".now")).to_be_hidden()
    playwright.expect(card.first.locator(".silent")).to_be_hidden()
    adapter.publish_and_wait("x" * 64, b'{"time":1}')
    facts = page.locator("#facts")
    playwright.expect(facts).to_contain_text("Last refused from xxx")
    playwright.expect(facts).to_contain_text("time must be an RFC 3339 time")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360, "it has to be scrolled sideways on a phone"
    page.close()
    assert troubles == []
