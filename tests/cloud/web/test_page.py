"""The page in a real headless Chromium, over a real api process."""

import re
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from smartmeter_cloud.api.keys import new_key

from tests.cloud.api_process import Site
from tests.cloud.harness import reading
from tests.cloud.web.pages import Page, expect, now_reading, volts

ATTACK = "<img src=x onerror=\"document.title='hit'\"><script>document.title='hit'</script>"


def test_readings_appear_and_change_without_reload(site: Site, opened: Page) -> None:
    expect(opened.page.locator("#empty")).to_contain_text("No reading has been stored yet")
    full = now_reading(
        1, v1_7_0=1234, v2_7_0=0, v16_7_0=1234, v1_8_0=1136784, v2_8_0=5000,
        v32_7_0=230.0, v31_7_0=0.99, v52_7_0=228.8, v51_7_0=0.42, v72_7_0=260.1, v71_7_0=17,
    )  # fmt: skip
    site.add("kitchen", full)
    card = opened.card("kitchen")
    expect(card.locator(".big")).to_contain_text("1,234 W")
    expect(card.locator(".way")).to_have_text("from the grid")
    expect(card.locator(".totals")).to_contain_text("1,136.784 kWh")
    expect(card.locator(".totals")).to_contain_text("5.000 kWh")
    expect(card.locator(".phases")).to_contain_text("230.0 V")
    expect(card.locator(".phases li").nth(2)).to_have_attribute("data-fine", "false")
    expect(card.locator(".phases li").nth(0)).to_have_attribute("data-fine", "true")
    expect(card.locator(".foot")).to_contain_text("authenticated")
    # What the meter does not send is not there.
    expect(card.get_by_text("Reactive").first).to_be_hidden()
    site.add("kitchen", now_reading(2, v1_7_0=0, v2_7_0=640, v1_8_0=1136784))
    expect(card.locator(".big")).to_contain_text("640 W")
    expect(card.locator(".way")).to_have_text("to the grid")
    expect(card.locator(".phases")).to_be_hidden()
    assert opened.page.evaluate("performance.getEntriesByType('navigation').length") == 1
    assert not opened.wrong


def test_texts_from_the_wire_stay_texts(site: Site, opened: Page) -> None:
    site.add("m1", now_reading(1))
    evil = {"state": ATTACK, ATTACK: ATTACK, "deep": {ATTACK: [ATTACK]}, "alarms": [ATTACK]}
    site.status("concentrator/house-1/status", evil)
    site.status("concentrator/house-1/smartMeterMessage/m1/status", evil)
    site.store.name_meter("m1", ATTACK, None)
    box = opened.page.locator(".box", has_text="house-1")
    expect(box.locator(".remark")).to_have_text(ATTACK)
    expect(opened.page.locator("article h3")).to_have_text(ATTACK)
    box.locator("summary").click()
    expect(box.locator("dd", has_text="onerror").first).to_be_visible()
    assert opened.page.locator("main img, main script").count() == 0
    assert opened.page.title() == "Smart meters"
    assert not opened.wrong


def test_the_page_says_that_it_lost_the_server_and_found_it_again(
    browser: Any, own_site: Site
) -> None:
    site, opened = own_site, Page(browser, own_site.api.address)
    site.add("m1", now_reading(1, v1_7_0=100))
    expect(opened.card("m1").locator(".big")).to_contain_text("100 W")
    address = site.api.address
    port = address.rstrip("/").rsplit(":", 1)[1]
    site.api.kill()
    expect(opened.page.locator("#link")).to_contain_text("No connection to the server")
    expect(opened.page.locator("#said")).to_have_text("The connection to the server was lost.")
    site.config.write_text(f'[http]\nport = {port}\naccess = "open"\n')
    site.add("m1", now_reading(2, v1_7_0=200))
    site.api.start()
    expect(opened.page.locator("#link")).to_have_text("live", timeout=30000)
    expect(opened.card("m1").locator(".big")).to_contain_text("200 W", timeout=15000)
    opened.context.close()


def test_a_silent_meter_and_a_dead_ingest_are_named(site: Site, opened: Page) -> None:
    site.add("m1", now_reading(1, v1_7_0=1), received=int(time.time() * 1000) - 300_000)
    expect(opened.card("m1").locator(".pill")).to_contain_text("no data for 5 min")
    steps = opened.page.locator(".steps > li")
    expect(steps.nth(0)).to_contain_text(re.compile("No data for 5 min, since .*Check the adapter"))
    offline = {"state": "offline"}
    site.status("concentrator/house-1/smartMeterMessage/m1/status", offline)
    expect(steps.nth(0)).to_contain_text("Its adapter is offline")
    expect(steps.nth(1)).to_contain_text(re.compile("Offline for .*, since .*: no power"))
    site.status("concentrator/house-1/status", offline)
    expect(steps.nth(0)).to_contain_text("Its Concentrator house-1 is offline")
    expect(steps.nth(3)).to_contain_text("Has never run on this database")
    expect(steps.nth(5)).to_contain_text("Shows new data")


def gas_of_days(site: Site, meter: str) -> None:
    """Noon of the last four days: 0.5 m3 a day."""
    noon = int(time.time()) // 86400 * 86400 - 4 * 86400 + 43200
    for day in range(4):
        for hour in (0, 1):
            moment = time.strftime(
                "%Y-%m-%dT%H:%M:%SZ", time.gmtime(noon + day * 86400 + hour * 60)
            )
            gas = reading(day * 2 + hour, moment, v24_2_1=90 + day * 2 + hour / 2)
            site.add(meter, gas | {"medium": "gas", "units": {"24.2.1": "m3"}})
    while site.store.roll(50, 2**60):
        pass


def test_a_gas_meter_has_a_card_with_its_days(browser: Any, site: Site, opened: Page) -> None:
    site.add("m1", now_reading(1, v1_7_0=1, v1_8_0=5))
    gas_of_days(site, "m1-1")
    card = opened.card("m1-1")
    expect(card.locator(".way")).to_have_text("Gas")
    expect(card.locator(".totals")).to_have_text("Meter reading96.5 m³")
    # It is from yesterday, and a sub-meter sends when its value changes.
    expect(card.locator(".foot")).to_contain_text("12:01")
    expect(card.locator(".part")).to_have_text("6.5 m³ in total")
    card.locator("summary", has_text="table").click()
    row = card.locator("tbody tr").nth(26)
    expect(row).to_contain_text("0.5 m³")
    card.get_by_role("button", name="Name of this meter").click()
    opened.page.keyboard.type("Cellar")
    opened.page.keyboard.press("Enter")
    expect(opened.card("Cellar")).to_be_visible()
    expect(opened.card("m1").locator(".big")).to_contain_text("1 W")
    view = Page(browser, site.api.address, locale="de-AT")
    try:
        german = view.card("Cellar")
        expect(german.locator(".totals")).to_have_text("Zählerstand96,5 m³")
        expect(german.locator(".part")).to_have_text("6,5 m³ insgesamt")
        assert not view.wrong
    finally:
        view.context.close()


TEXTS = {
    "1.6.0": "2026-09-03T18:45:00+02:00",
    "96.13.0": "<b>Planned work</b>",
    "98.1.0": "2026-09-01T00:00:00+02:00,2026-08-14T19:00:00+02:00,14229;"
    "2026-08-01T00:00:00+02:00,,",
    "99.97.0": "2026-08-14T19:00:00+02:00,240",
}


def test_what_p1_says_besides(site: Site, opened: Page) -> None:
    counts = {"v96_14_0": 2, "v96_7_21": 7, "v96_7_9": 3, "v32_32_0": 1, "v52_32_0": 0}
    site.add(
        "m1",
        now_reading(1, v1_7_0=5, v1_6_0=4100, v1_4_0=250, v32_36_0=4, **counts)
        | {"ratio": 60, "texts": TEXTS},
    )
    site.add("m2", now_reading(1, v1_7_0=5))
    further = opened.card("m1").locator("section", has_text="Further values")
    expect(further.locator("dl > div")).to_have_text(
        [
            "Peak of this month4,100 W, Sep 3, 2026, 4:45 PM",
            "Average of this quarter hour250 W",
            "Present tariff2",
            "Power failures7",
            "Long power failures3",
            "Voltage sags by phase1, 0",
            "Voltage swells by phase4",
            "Message<b>Planned work</b>",
            "Transformer ratio, already applied60",
        ]
    )
    further.locator("summary", has_text="Peaks of past months").click()
    expect(further.locator("li:visible")).to_have_text(["Aug 14, 2026, 5:00 PM: 14.23 kW"])
    further.locator("summary", has_text="Log of long power failures").click()
    expect(further.locator("li:visible").last).to_have_text("Aug 14, 2026, 5:00 PM: 4 min")
    expect(opened.card("m2").locator("section", has_text="Further values")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Any, site: Site, scheme: str) -> None:
    hour = time.time() - 3600
    site.add("m1", *volts(hour, 1, 230, 200), now_reading(100, v1_7_0=1234, v1_8_0=5, v32_7_0=260))
    site.add("m2", now_reading(1, v1_7_0=1), received=int(time.time() * 1000) - 300_000)
    site.add("m3", now_reading(1, v1_7_0=1, v1_6_0=4100) | {"ratio": 60, "texts": TEXTS})
    gas_of_days(site, "m3-1")
    site.status("concentrator/house-1/status", {"state": "online", "alarms": ["look"]})
    view = Page(
        browser,
        site.api.address,
        viewport={"width": 390, "height": 844},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    try:
        expect(view.card("m1").locator(".voltage")).to_be_visible()
        view.card("m3-1").scroll_into_view_if_needed()
        expect(view.card("m3-1").locator(".chart")).to_be_visible()
        for summary in view.page.locator("summary").all():
            if summary.is_visible():
                summary.click()
        view.page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text())
        found = view.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        told = [
            (one["id"], node["html"][:200], node["failureSummary"])
            for one in found["violations"]
            for node in one["nodes"]
        ]
        assert not told
        assert len(found["passes"]) > 20
    finally:
        view.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 820, 1280])
def test_it_fits_and_can_be_read(browser: Any, site: Site, width: int, scheme: str) -> None:
    site.add(
        "7d9f2a60-31c4-4a52-b8de-0c51e3a7f9d4",
        now_reading(1, v1_7_0=12345.6, v1_8_0=123456789.1, v32_7_0=229.4, v31_7_0=0.5),
    )
    site.status("concentrator/" + "h" * 64 + "/status", {"state": "online", "x" * 200: "y" * 900})
    view = Page(
        browser, site.api.address, viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    try:
        expect(view.page.locator("article .big")).to_contain_text("12.35 kW")
        expect(view.page.locator("article .voltage .legend")).to_contain_text(
            "L1: voltage within limits 100%"
        )
        view.page.locator(".steps summary").first.click()
        assert view.page.evaluate("document.documentElement.scrollWidth") == width
        for selector in (".big", ".way", ".foot", ".box p", ".about", "dt", "h2"):
            assert contrast(view.page, selector) >= 4.5, selector
        assert not view.wrong
    finally:
        view.context.close()


def contrast(page: Any, selector: str) -> float:
    """WCAG 2.2 contrast of the first such element's text against what is behind it."""
    return float(
        page.evaluate(
            """selector => {
              const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
              const light = (c) => {
                const [r, g, b] = c.slice(0, 3).map((v) => v / 255)
                  .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
              };
              let element = document.querySelector(selector);
              const ink = light(rgb(getComputedStyle(element).color));
              let ground;
              for (; element; element = element.parentElement) {
                const color = rgb(getComputedStyle(element).backgroundColor);
                if (color.length === 3 || color[3] === 1) { ground = light(color); break; }
              }
              return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
            }""",
            selector,
        )
    )


def test_the_theme_is_chosen_and_kept(site: Site, opened: Page) -> None:
    button = opened.page.locator("#theme")
    for label, value in (
        ("Theme: light", "light"),
        ("Theme: dark", "dark"),
        ("Theme: system", None),
    ):
        button.click()
        expect(button).to_have_text(label)
        assert opened.page.evaluate("document.documentElement.dataset.theme ?? null") == value
    button.click()
    opened.page.reload()
    expect(button).to_have_text("Theme: light")


def test_every_control_and_picture_has_a_name(site: Site, opened: Page) -> None:
    site.add("m1", now_reading(1))
    opened.card("m1").wait_for()
    nameless = opened.page.evaluate(
        """() => [...document.querySelectorAll('button, a, [role=img], [tabindex="0"]')]
          .filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim())).length"""
    )
    assert nameless == 0
    assert opened.page.evaluate("document.documentElement.lang") == "en"


def test_a_meter_gets_a_name(site: Site, opened: Page) -> None:
    site.add("m1", now_reading(1, v1_7_0=1))
    opened.card("m1").get_by_role("button", name="Name of this meter").click()
    opened.page.get_by_role("textbox", name="Name of this meter").fill("<b>Kitchen</b>")
    opened.page.keyboard.press("Enter")
    card = opened.card("<b>Kitchen</b>")
    assert not opened.wrong
    expect(card).to_be_visible()
    opened.page.reload()
    expect(card).to_be_visible()
    assert opened.page.locator("article h3 b").count() == 0


def test_all_readings_as_csv(site: Site, opened: Page) -> None:
    site.add("m1", now_reading(1, v1_7_0=1, v1_8_0=77))
    with opened.page.expect_download() as found:
        opened.card("m1").get_by_role("button", name="Export all readings (CSV)").click()
    assert ",77," in Path(found.value.path()).read_text()


def test_the_page_in_german(browser: Any, site: Site) -> None:
    site.add("m1", now_reading(1, v1_7_0=1234.5, v1_8_0=1136784))
    view = Page(browser, site.api.address, locale="de-AT")
    try:
        expect(view.page.locator(".way")).to_have_text("Bezug aus dem Netz")
        expect(view.page.locator(".big")).to_contain_text("1 234,5 W")  # as Austria writes it
        assert view.page.evaluate("document.documentElement.lang") == "de"
        view.page.get_by_role("button", name="English").click()
        expect(view.page.locator(".way")).to_have_text("from the grid")
        assert not view.wrong
    finally:
        view.context.close()


def test_both_languages_have_every_sentence(repository: Path) -> None:
    folder = repository / "cloud" / "src" / "smartmeter_cloud" / "web"
    sentences = {
        name: dict(
            re.findall(
                r'^  "?([\w ]+?)"?:\s+"(.*)",$', (folder / "words" / name).read_text(), re.MULTILINE
            )
        )
        for name in ("en.js", "de.js")
    }
    english, german = sentences["en.js"], sentences["de.js"]
    assert len(english) > 100
    assert english.keys() == german.keys()
    for key, text in english.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", german[key])), key
    code = "".join(p.read_text() for p in folder.glob("*.js"))
    code += (folder / "index.html").read_text()
    for key in english:
        assert f'"{key}"' in code or " " in key or key in ("ok", "warn", "down", "unknown"), key


def test_a_guarded_page_asks_for_a_key(browser: Any, guarded: Site) -> None:
    site = guarded
    view = Page(browser, site.api.address)
    try:
        expect(view.page.get_by_role("heading", name="Log in")).to_be_visible()
        assert view.page.locator("article").count() == 0
        view.page.get_by_label("Key").fill("smc_wrong")
        view.page.get_by_role("button", name="Log in").click()
        expect(view.page.get_by_role("alert")).to_contain_text("is unknown")
        view.page.get_by_label("Key").fill(site.key("read", "smith"))
        view.page.get_by_role("button", name="Log in").click()
        expect(view.page.locator("article h3")).to_have_text(["m1"])
        view.page.get_by_role("button", name="Log out").click()
        expect(view.page.get_by_role("heading", name="Log in")).to_be_visible()
        key, once = new_key("admin", "admin", None, 1, once=True)
        site.store.add_key(key)
        view.page.goto(f"{site.api.address}#login={once}")
        view.page.reload()
        expect(view.page.locator("article h3")).to_have_text(["m1", "m2"])
        assert "login" not in view.page.url
    finally:
        view.context.close()
