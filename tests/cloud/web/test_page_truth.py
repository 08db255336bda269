"""What the page shows is true, or it says that it does not know: at every device scale."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud.api_process import Site
from tests.cloud.harness import eventually, reading
from tests.cloud.web.pages import Page, expect, now_reading, painted

# A scale of 1 changes what is drawn least; `make page` takes all for all tests.
SCALES = (1, 2, 3) if os.environ.get("PAGE_SCALES") else (1,)
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}

# Every text of a chart with the size of its font in pixels of the device.
FONTS = """
window.sizes = [];
const draw = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (...all) {
  window.sizes.push(parseFloat(this.font));
  return draw.apply(this, all);
};
"""


@pytest.fixture(params=SCALES)
def scale(request: pytest.FixtureRequest) -> int:
    factor: int = request.param
    return factor


@pytest.fixture
def view(browser: Any, site: Site, scale: int) -> Iterator[Page]:
    """A phone, with a finger."""
    page = Page(browser, site.api.address, FONTS, device_scale_factor=scale, **PHONE)
    yield page
    page.context.close()


def measure(site: Site, begin: float, number: int) -> None:
    """10 kWh on each of those days, 5 of them before 06:00."""
    out = []
    for day in range(number):
        for part, (hour, total) in enumerate([(0, 0), (5.99, 5000), (12, 5000), (23.99, 10_000)]):
            moment = time.gmtime(begin + day * 86400 + hour * 3600)
            text = time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)
            out.append(reading(4 * day + part, text, v1_8_0=10_000 * day + total))
    site.add("m1", *out, received=int((begin + number * 86400) * 1000))
    while site.store.roll(50, 2**60):
        pass


def midnight(year: int, month: int, day: int) -> float:
    return float(time.mktime((year, month, day, 0, 0, 0, 0, 0, 0)) - time.timezone)


@pytest.mark.parametrize("scale", [1, 2, 3], indirect=True)
def test_labels_have_one_size(site: Site, view: Page, scale: int) -> None:
    site.add("m1", now_reading(1, v1_7_0=1234, v1_8_0=5, v32_7_0=230))
    card = view.card("m1")
    expect(card.locator(".voltage")).to_be_visible()
    for tab in ("Week", "Month", "Year", "Day"):
        card.get_by_role("tab", name=tab).click()
        expect(card.locator(".view")).to_have_attribute("aria-busy", "false")
    site.add("m1", now_reading(2, v1_7_0=9876, v1_8_0=6, v32_7_0=231))
    expect(card.locator(".big")).to_contain_text("9,876 W")
    view.page.wait_for_function("window.sizes.length > 60")
    assert set(view.page.evaluate("window.sizes")) == {12 * scale}
    assert not view.wrong


def test_a_year_with_a_night_rate_costs_what_its_hours_cost(site: Site, view: Page) -> None:
    measure(site, midnight(2025, 1, 1), 365)
    view.clock(midnight(2026, 1, 2))
    card = view.card("m1")
    card.get_by_text("Tariff", exact=True).click()
    card.get_by_label("Price per kWh imported").fill("0.4")
    card.get_by_label("Night rate").fill("0.2")
    card.get_by_role("button", name="Save").click()
    card.get_by_role("tab", name="Month").click()
    expect(card.locator(".period")).to_have_text("January 2026")
    card.get_by_role("tab", name="Year").click()
    card.get_by_role("button", name="Previous period").click()
    expect(card.locator(".period")).to_have_text("2025")
    expect(card.locator(".sums")).to_contain_text("Import3,650.00 kWh")
    # Half of it from 22:00 to 06:00, at half the price.
    expect(card.locator(".sums")).to_contain_text("Cost€1,095.00")
    assert not view.wrong


def test_a_failed_load_leaves_no_picture(site: Site, view: Page) -> None:
    site.add("m1", now_reading(1, v1_7_0=500, v1_8_0=5))
    card = view.card("m1")
    frame = card.locator(".frame").first
    eventually(lambda: painted(frame, "in", 0, 1))
    view.page.route("**/energy?*by=month", lambda route: route.fulfill(status=422))
    card.get_by_role("tab", name="Year").click()
    expect(card.locator(".view")).to_contain_text("This period could not be loaded.")
    expect(card.locator(".period")).to_have_text(time.strftime("%Y", time.gmtime()))
    assert card.locator(".frame:visible").count() == 0
    assert card.locator(".sums > *").count() == 0
    # It is tried again soon, and comes.
    view.page.unroute("**/energy?*by=month")
    expect(card.locator(".frame:visible")).to_have_count(1)
    expect(card.get_by_text("could not be loaded")).to_be_hidden()
    view.wrong = [text for text in view.wrong if "422" not in text]
    assert not view.wrong


def test_a_period_that_was_not_measured_whole_gives_no_percentage(site: Site, view: Page) -> None:
    measure(site, midnight(2025, 1, 20), 386)  # to 2026-02-09
    view.clock(midnight(2026, 2, 10))
    card = view.card("m1")
    card.get_by_role("tab", name="Year").click()
    note = card.locator(".sums .in .note")
    expect(note).to_have_text("no data to compare with")
    card.get_by_role("tab", name="Month").click()
    expect(note).to_have_text("0% vs. last month to date")
    assert not view.wrong


def test_a_backlog_is_no_sign_of_life(site: Site, view: Page) -> None:
    begin = int(time.time()) - 6 * 3600

    def minute(i: int, power: int) -> dict[str, Any]:
        text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin + 60 * i))
        return reading(i, text, v1_7_0=power, v1_8_0=i)

    for part in range(3):  # an hour each, which arrive now and end 3 h 1 min ago
        site.add("m1", *[minute(60 * part + i, 1865) for i in range(60)])
    state = view.card("m1").locator(".pill")
    expect(state).to_have_text("no data for 3 hr")
    expect(view.page.locator(".steps > li").first).to_contain_text("No data for 3 hr")
    # A clock that is some minutes slow is still a living meter's.
    for seconds in (610, 600):
        slow = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))
        site.add("m1", reading(1000 - seconds, slow, v1_7_0=20, v1_8_0=900))
    expect(state).to_have_text("live")
    view.page.clock.set_fixed_time(time.time() + 900)
    expect(state).to_have_text("no data for 15 min")
    assert not view.wrong


def test_a_server_that_hangs_is_not_live(browser: Any, site: Site, scale: int) -> None:
    view = Page(browser, site.api.address, device_scale_factor=scale)
    process = site.api.process
    assert process is not None
    try:
        view.page.clock.install()
        view.page.reload()
        site.add("m1", now_reading(1, v1_7_0=100))
        link = view.page.locator("#link")
        state = view.card("m1").locator(".pill")
        expect(link).to_have_text("live")
        expect(state).to_have_text("live")
        process.send_signal(signal.SIGSTOP)
        view.page.clock.fast_forward(26_000)
        expect(link).to_have_text("No connection to the server. Reconnecting …")
        expect(state).to_have_text("Unknown")
        expect(view.page.locator(".steps [data-state=ok]")).to_have_count(0)
        process.send_signal(signal.SIGCONT)
        expect(link).to_have_text("live")
        expect(state).not_to_have_text("Unknown")
        assert not view.wrong
    finally:
        process.send_signal(signal.SIGCONT)
        view.context.close()


def test_a_tooltip_stays_for_who_has_touched(site: Site, view: Page) -> None:
    measure(site, midnight(2025, 12, 1), 31)
    view.clock(midnight(2025, 12, 31) + 86000)
    card = view.card("m1")
    card.get_by_role("tab", name="Month").click()
    over = card.locator(".u-over:visible")
    expect(over).to_have_count(1)
    over.scroll_into_view_if_needed()
    expect(card.locator(".view")).to_have_attribute("aria-busy", "false")
    box = over.bounding_box()
    tip = card.locator(".tip:visible")
    y = box["y"] + 90

    def at(day: int) -> float:
        return float(box["x"] + box["width"] * (day - 0.5) / 31)

    view.page.touchscreen.tap(at(10), y)
    expect(tip).to_contain_text("December 10")
    expect(tip).to_contain_text("Import 10.00 kWh")
    view.page.touchscreen.tap(at(20), y)
    expect(tip).to_contain_text("December 20")
    touch = view.context.new_cdp_session(view.page)

    def send(kind: str, *points: float) -> None:
        where = [{"x": x, "y": y} for x in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

    send("touchStart", at(20))
    for day in range(20, 4, -1):
        send("touchMove", at(day))
    send("touchEnd")
    expect(tip).to_contain_text("December 5")
    view.page.evaluate("scrollBy(0, 40)")
    expect(tip).to_have_count(0)
    view.page.evaluate("scrollBy(0, -40)")
    view.page.touchscreen.tap(at(3), y)
    expect(tip).to_contain_text("December 3")
    card.locator(".period").tap()
    expect(tip).to_have_count(0)
    assert not view.wrong
