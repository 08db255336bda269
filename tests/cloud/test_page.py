"""The page in a real headless Chromium, over a real api process."""

import calendar
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright import sync_api as playwright
from smartmeter_cloud.api.access import new_key

from tests.cloud.around import eventually, reading
from tests.cloud.sites import Site

ATTACK = "<img src=x onerror=\"document.title='hit'\"><script>document.title='hit'</script>"


class Page:
    """A page that collects what goes wrong in it."""

    def __init__(self, browser: Any, address: str, **settings: Any) -> None:
        self.wrong: list[str] = []
        self.context = browser.new_context(timezone_id="UTC", **settings)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda e: self.wrong.append(str(e)))
        self.page.on("console", lambda m: self.wrong.append(m.text) if m.type == "error" else None)
        self.page.goto(address)

    def clock(self, seconds: float) -> None:
        """Begins the page anew as if it were that time, seconds since 1970."""
        self.page.clock.set_fixed_time(seconds)
        self.page.reload()

    def card(self, name: str) -> Any:
        heading = self.page.get_by_role("heading", name=name, exact=True)
        return self.page.locator("article", has=heading)


@pytest.fixture
def opened(browser: Any, site: Site) -> Iterator[Page]:
    page = Page(browser, site.api.address)
    yield page
    page.context.close()


def now_reading(seq: int, **values: float) -> dict[str, Any]:
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return reading(seq, moment, **values)


def painted(frame: Any, colour: str, begin: float, end: float) -> bool:
    """Whether a chart has that colour of the page's between two parts of its time axis, 0 to 1."""
    return bool(
        frame.evaluate(
            """(frame, [name, begin, end]) => {
              const canvas = frame.querySelector("canvas");
              const over = frame.querySelector(".u-over").getBoundingClientRect();
              const box = canvas.getBoundingClientRect();
              const ratio = canvas.width / box.width;
              const [x, width] = [(over.left - box.left) * ratio, over.width * ratio];
              const text = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);
              const wanted = text.match(/[0-9a-f]{2}/g).map((part) => parseInt(part, 16));
              const [from, to] = [Math.ceil(x + width * begin), Math.floor(x + width * end)];
              const top = (over.top - box.top) * ratio;
              const pixels = canvas.getContext("2d")
                .getImageData(from, top, to - from, over.height * ratio).data;
              const close = (i) =>
                wanted.every((value, n) => Math.abs(pixels[i + n] - value) < 8);
              for (let i = 0; i < pixels.length; i += 4) {
                if (close(i) && pixels[i + 3] > 200) return true;
              }
              return false;
            }""",
            [colour, begin, end],
        )
    )


def expect(locator: Any) -> Any:
    return playwright.expect(locator)


def test_readings_appear_and_change_without_reload(site: Site, opened: Page) -> None:
    expect(opened.page.locator("#empty")).to_contain_text("No reading has been stored yet")
    full = now_reading(
        1, v1_7_0=1234, v2_7_0=0, v16_7_0=1234, v1_8_0=1136784, v2_8_0=5000,
        v32_7_0=230.0, v31_7_0=0.99, v52_7_0=228.8, v51_7_0=0.42, v72_7_0=260.1, v71_7_0=17,
    )  # fmt: skip
    site.add("kitchen", full)
    card = opened.card("kitchen")
    expect(card.locator(".big")).to_contain_text("1,234 W")
    expect(card.locator(".way")).to_have_text("drawn from the grid")
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
    expect(card.locator(".way")).to_have_text("fed into the grid")
    expect(card.locator(".phases")).to_be_hidden()
    assert opened.page.evaluate("performance.getEntriesByType('navigation').length") == 1
    assert not opened.wrong


def test_the_curve_leaves_gaps_and_is_read_by_keyboard(site: Site, opened: Page) -> None:
    midnight = time.time() // 86400 * 86400
    opened.clock(midnight + 20 * 3600)  # late enough for the whole day to be shown

    def at(seconds: int, watt: float) -> dict[str, Any]:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(midnight + seconds))
        return reading(seconds, moment, v1_7_0=watt)

    site.add("m1", at(0, 100), at(10, 300), at(300, 400), at(1500, 900))
    card = opened.card("m1")
    frame = card.locator(".frame").first
    expect(frame).to_have_attribute("aria-label", re.compile("Highest mean 900 W"))
    eventually(lambda: painted(frame, "in", 0, 600 / 86400))
    assert not painted(frame, "in", 800 / 86400, 1350 / 86400)
    assert painted(frame, "in", 1350 / 86400, 2000 / 86400)
    frame.focus()
    opened.page.keyboard.press("Home")
    expect(card.locator(".tip").first).to_contain_text("00:00 – 00:05")
    expect(card.locator(".tip").first).to_contain_text("mean 200 W")
    opened.page.keyboard.press("ArrowRight")
    expect(card.locator(".tip").first).to_contain_text("mean 400 W")
    opened.page.keyboard.press("ArrowRight")
    expect(card.locator(".chart [role=status]").first).to_contain_text("00:25 – 00:30")
    opened.page.keyboard.press("Escape")
    expect(card.locator(".tip").first).to_be_hidden()
    assert not opened.wrong


def test_a_day_that_began_not_long_ago_is_no_sliver(site: Site, opened: Page) -> None:
    midnight = time.time() // 86400 * 86400
    begin = midnight + 36_000 + 130  # 10:02:10

    def at(seconds: int) -> dict[str, Any]:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin + seconds))
        return reading(seconds, moment, v1_7_0=500 + seconds)

    opened.clock(begin + 600)
    site.add("m1", *[at(s) for s in range(0, 600, 10)])
    card = opened.card("m1")
    part = card.locator(".view .part").first
    expect(part).to_have_text(
        "10:00 to 11:00: today's readings began not long ago. The picture grows to the whole day."
    )
    frame = card.locator(".frame").first
    eventually(lambda: painted(frame, "in", 3 / 60, 11 / 60))
    assert not painted(frame, "in", 14 / 60, 1)
    frame.focus()
    opened.page.keyboard.press("Home")
    expect(card.locator(".tip").first).to_contain_text("10:02 – 10:03")
    opened.clock(begin + 7500)
    site.add("m1", at(7500))
    expect(part).to_contain_text("10:00 to 13:00")
    opened.clock(begin + 8 * 3600)
    expect(part).to_be_hidden()
    expect(frame).to_have_attribute("aria-label", re.compile("Highest mean"))
    opened.page.keyboard.press("End")
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
    expect(opened.page.locator("#link")).to_contain_text("no connection to the server")
    expect(opened.page.locator("#said")).to_have_text("The connection to the server is lost.")
    site.config.write_text(f"[http]\nport = {port}\n")
    site.add("m1", now_reading(2, v1_7_0=200))
    site.api.start()
    expect(opened.page.locator("#link")).to_have_text("live", timeout=30000)
    expect(opened.card("m1").locator(".big")).to_contain_text("200 W", timeout=15000)
    opened.context.close()


def test_a_silent_meter_and_a_dead_ingest_are_named(site: Site, opened: Page) -> None:
    site.add("m1", now_reading(1, v1_7_0=1), received=int(time.time() * 1000) - 300_000)
    expect(opened.card("m1").locator(".pill")).to_contain_text("silent for 5 min")
    steps = opened.page.locator(".steps > li")
    expect(steps.nth(0)).to_contain_text("silent for 5 min: look at its adapter")
    expect(steps.nth(3)).to_contain_text("has never run on this store")
    expect(steps.nth(5)).to_contain_text("shows what is stored")


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
        expect(view.page.locator("article .voltage .legend")).to_contain_text("L1: 100%")
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
    for label, value in (("Light", "light"), ("Dark", "dark"), ("Colours as the system", None)):
        button.click()
        expect(button).to_have_text(label)
        assert opened.page.evaluate("document.documentElement.dataset.theme ?? null") == value
    button.click()
    opened.page.reload()
    expect(button).to_have_text("Light")


def test_every_control_and_picture_has_a_name(site: Site, opened: Page) -> None:
    site.add("m1", now_reading(1))
    opened.card("m1").wait_for()
    nameless = opened.page.evaluate(
        """() => [...document.querySelectorAll('button, a, [role=img], [tabindex="0"]')]
          .filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim())).length"""
    )
    assert nameless == 0
    assert opened.page.evaluate("document.documentElement.lang") == "en"


def rolled(site: Site) -> None:
    while site.store.roll(50, 2**60):
        pass


def days_ago(days: int, hour: float) -> str:
    midnight = time.time() // 86400 * 86400
    moment = time.gmtime(midnight - days * 86400 + hour * 3600)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)


def test_a_day_of_energy_with_its_gap_and_its_cost(site: Site, opened: Page) -> None:
    for i, (hour, total) in enumerate([(1, 1000), (2, 2000), (3, 2500), (9, 7500)]):
        site.add("m1", reading(i, days_ago(1, hour), v1_8_0=total, v32_7_0=229.5 + i))
    site.add("m1", reading(9, days_ago(2, 1), v1_8_0=0), reading(10, days_ago(2, 12), v1_8_0=500))
    site.add("m1", now_reading(20, v1_7_0=5, v1_8_0=8000))
    rolled(site)
    card = opened.card("m1")
    card.get_by_role("button", name="the one before").click()
    # 1 kWh and 0.5 kWh in hours that are silent for less than the day, 5 kWh in a silence
    expect(card.locator(".sums")).to_contain_text("Drawn6.50 kWh")
    card.get_by_text("Tariff", exact=True).click()
    card.get_by_label("Price of a kWh drawn").fill("0.5")
    card.get_by_role("button", name="Keep").click()
    expect(card.locator(".sums")).to_contain_text("Cost€3.25")
    tip = card.locator(".tip").first
    over = card.locator(".u-over").first
    width = over.bounding_box()["width"]
    over.hover(position={"x": width / 4 + 1, "y": 50})
    expect(tip).to_contain_text("06:00")
    expect(tip).to_contain_text("without readings, 5.00 kWh drawn")
    over.hover(position={"x": width / 2, "y": 50})
    expect(tip).to_contain_text("no reading")
    assert not opened.wrong


def test_week_month_and_year(site: Site, opened: Page) -> None:
    for day in range(60, -1, -1):
        total = (60 - day) * 10_000
        site.add("m1", reading(100 - day, days_ago(day, 0), v1_8_0=total))
        if day:
            site.add("m1", reading(200 - day, days_ago(day, 23.99), v1_8_0=total + 9990))
    rolled(site)
    card = opened.card("m1")
    tab = card.get_by_role("tab", name="Week")
    tab.click()
    frame = card.locator(".frame").nth(1)
    expect(frame).to_be_visible()
    expect(card.locator(".legend").nth(1)).to_contain_text("the week before")
    eventually(lambda: painted(frame, "ghost", 0, 1))
    opened.page.keyboard.press("ArrowRight")
    expect(card.get_by_role("tab", name="Month")).to_have_attribute("aria-selected", "true")
    card.get_by_role("button", name="the one before").click()
    expect(card.locator(".sums .in")).to_contain_text("against the month before")
    eventually(lambda: painted(frame, "in", 0, 0.05))
    card.get_by_text("As a table").nth(1).click()
    now = time.gmtime()
    year, month = (now.tm_year, now.tm_mon - 1) if now.tm_mon > 1 else (now.tm_year - 1, 12)
    days = calendar.monthrange(year, month)[1]
    rows = card.locator("tbody tr", has_text="kWh")
    expect(rows).to_have_count(days)
    expect(rows.last).to_contain_text("10.00 kWh")
    card.get_by_role("tab", name="Year").click()
    expect(card.locator(".legend").nth(1)).to_contain_text("Drawn")
    expect(card.locator("tbody tr")).to_have_count(12)
    assert not opened.wrong


def test_a_period_that_goes_on_is_compared_with_as_much_of_the_one_before(
    site: Site, opened: Page
) -> None:
    monday = time.time() // 86400 * 86400 - (time.gmtime().tm_wday + 7) * 86400
    opened.clock(monday + 3.5 * 86400)
    total = 0
    for day in range(-10, 4):  # 10 kWh a day, and 20 from that Monday on
        for part, seconds in enumerate((0, 86_000)):
            if part:
                total += 20_000 if day >= 0 else 10_000
            moment = time.strftime(
                "%Y-%m-%dT%H:%M:%SZ", time.gmtime(monday + day * 86400 + seconds)
            )
            site.add("m1", reading(100 + 2 * day + part, moment, v1_8_0=total))
    rolled(site)
    card = opened.card("m1")
    card.get_by_role("tab", name="Week").click()
    note = card.locator(".sums .in .note")
    expect(note).to_have_text("+100% against as much of the week before")
    opened.clock(monday + 0.5 * 86400)
    card.get_by_role("tab", name="Week").click()
    expect(card.locator(".sums .in")).to_contain_text("kWh")
    expect(note).to_have_count(0)  # no day of it is over
    assert not opened.wrong


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
        opened.card("m1").get_by_role("button", name="All readings as CSV").click()
    assert ",77," in Path(found.value.path()).read_text()


def test_the_page_in_german(browser: Any, site: Site) -> None:
    site.add("m1", now_reading(1, v1_7_0=1234.5, v1_8_0=1136784))
    view = Page(browser, site.api.address, locale="de-AT")
    try:
        expect(view.page.locator(".way")).to_have_text("Bezug aus dem Netz")
        expect(view.page.locator(".big")).to_contain_text("1.234,5 W")
        assert view.page.evaluate("document.documentElement.lang") == "de"
        view.page.get_by_role("button", name="English").click()
        expect(view.page.locator(".way")).to_have_text("drawn from the grid")
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
        expect(view.page.get_by_role("alert")).to_contain_text("is not known")
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
