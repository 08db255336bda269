"""What the house sees: the local page, /status, /metrics, and `status` on the command line."""

import http.client
import json
import re
import subprocess
import sys
import time
from typing import Any

from playwright import sync_api as playwright

from tests.gateway.conftest import Between
from tests.gateway.standins import Adapter, eventually, reading

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
    eventually(lambda: METER in between.ask("/status"))
    status = json.loads(between.ask("/status"))
    assert status["meters"][METER]["values"]["1.7.0"] == 421
    assert status["refused"] == {"empty": 1}
    metrics = between.ask("/metrics")
    for line in (
        'smartmeter_gateway_refused_total{kind="empty"} 1',
        'smartmeter_gateway_link_up{link="LAN broker"} 1',
        f'smartmeter_gateway_value{{meter="{METER}",obis="1.7.0"}} 421',
        f'smartmeter_gateway_readings_total{{meter="{METER}"}} 1',
        "# TYPE smartmeter_gateway_spool_rows gauge",
    ):
        assert line in metrics.splitlines()
    sample = re.compile(r'[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [-+.e0-9]+')
    assert all(line.startswith("# ") or sample.fullmatch(line) for line in metrics.splitlines())
    told = command("status", "--config", str(between.process.config))
    assert told.returncode == 0, told.stderr
    assert "LAN broker: connected" in told.stdout
    assert re.search(rf"meter {METER}: 1 readings, last \d+ s ago, 421 W", told.stdout)


def test_another_one_answers(between: Between) -> None:
    between.process.start().says("the local page is at")
    text = between.process.config.read_text().replace('"home"', '"house-2"')
    (between.folder / "other.toml").write_text(text)
    told = command("status", "--config", str(between.folder / "other.toml"))
    assert told.returncode == 2
    assert "the Concentrator home answers at http://127.0.0.1:" in told.stderr


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
    eventually(lambda: METER in between.ask("/status"))
    curve = json.loads(between.ask(f"/curve/{METER}"))
    assert curve == [[now - 300 * k, 100.5 + 2 * k] for k in range(9, -1, -1)]
    between.process.kill()
    between.process.start()
    eventually(lambda: between.process.said.count("the local page is at") == 2)

    def recalled() -> bool:
        try:
            return bool(json.loads(between.ask(f"/curve/{METER}")) == curve)
        except OSError:
            return False

    eventually(recalled)


def test_another_site_s_page_cannot_read_this_one(between: Between) -> None:
    """DNS rebinding: a name of theirs that points to the loopback."""
    between.process.start().says("the local page is at")
    for host, code in (("evil.example", 421), ("localhost", 200), ("127.0.0.1:1", 200)):
        connection = http.client.HTTPConnection("127.0.0.1", between.http, timeout=60)
        connection.request("GET", "/status", headers={"Host": host})
        assert connection.getresponse().status == code
        connection.close()


def test_off_the_loopback_a_password_is_asked_for(between: Between) -> None:
    secret = between.folder / "http.password"
    secret.write_text("open sesame")
    secret.chmod(0o600)
    text = between.process.config.read_text().replace(
        "[http]", '[http]\nhost = "0.0.0.0"\npassword_file = "http.password"'
    )
    between.process.config.write_text(text)
    between.process.start().says("the local page is at")
    connection = http.client.HTTPConnection("127.0.0.1", between.http, timeout=60)
    connection.request("GET", "/status")
    assert connection.getresponse().status == 401
    told = command("status", "--json", "--config", str(between.process.config))
    assert json.loads(told.stdout)["state"] == "online"
    between.process.kill()
    between.process.config.write_text(text.replace('password_file = "http.password"', ""))
    refused = command("run", "--config", str(between.process.config))
    assert "http.password_file is missing: what listens on 0.0.0.0" in refused.stderr


def test_a_taken_port_is_said(between: Between) -> None:
    import socket

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
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360, "it has to be scrolled sideways on a phone"
    page.close()
    assert troubles == []
