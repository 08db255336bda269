"""The page keeps to the manners of its browser: locale, touch, contrast, compression."""

import re
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import smartmeter_cloud
from smartmeter_cloud.api.keys import new_key

from tests.cloud.api_process import Site
from tests.cloud.web.pages import Page, expect, now_reading

WEB = Path(smartmeter_cloud.__file__).parent / "web"


@pytest.mark.parametrize(
    ("locale", "title"),
    [("en-GB", "Tuesday,? 1 December 2026"), ("de-AT", "Dienstag, 1. Dezember 2026")],
)
def test_dates_are_those_of_the_whole_locale(
    browser: Any, site: Site, locale: str, title: str
) -> None:
    site.add("m1", now_reading(1, v1_7_0=5))
    view = Page(browser, site.api.address, locale=locale)
    try:
        view.clock(1_796_116_650)  # 2026-12-01T09:17:30Z
        expect(view.card("m1").locator(".period")).to_have_text(re.compile(title))
        assert not view.wrong
    finally:
        view.context.close()


def test_a_status_is_in_words(site: Site, opened: Page) -> None:
    now = int(time.time())
    site.add("m1", now_reading(1, v1_7_0=5))
    status = {"state": "online", "uptime": 90_215, "version": "0.1.0", "heap": 4711}
    site.status("concentrator/house-1/status", status | {"spool": {"rows": 1, "oldest": now}})
    site.status("concentrator/house-2/status", status | {"spool": {"rows": 9, "oldest": now - 999}})
    site.status("concentrator/house-1/smartMeterMessage/m1/status", status | {"rssi": -61})
    steps = opened.page.locator(".steps > li")
    adapter = steps.nth(1)
    first, second = (steps.nth(2).locator(".box", has_text=f"house-{n}") for n in (1, 2))
    adapter.locator("summary").click()
    expect(adapter.locator("dl")).to_contain_text("Running for25 hr")
    expect(adapter.locator("dl")).to_contain_text("Wi-Fi-61 dBm, good")
    expect(adapter.locator("dl")).to_contain_text("heap4711")
    expect(adapter.locator("dl")).not_to_contain_text("uptime")
    # One message on its way is in normal operation.
    expect(first.locator(".remark")).to_have_count(0)
    expect(second.locator(".remark")).to_have_text("Waiting for the Cloud: 9")
    # What has not changed stays, so that its text can be selected and copied.
    ingest = steps.nth(3).element_handle()
    site.status("concentrator/house-3/status", status)
    expect(steps.nth(2)).to_contain_text("house-3")
    assert ingest.evaluate("element => element.isConnected")
    assert not opened.wrong


def test_a_finger_finds_what_it_can_press(browser: Any, site: Site) -> None:
    site.add("m1", now_reading(1, v1_7_0=5, v32_7_0=230))
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    view = Page(browser, site.api.address, **phone)
    try:
        expect(view.card("m1").locator(".voltage")).to_be_visible()
        targets = view.page.locator("button:visible, summary:visible, input:visible")
        sizes = [(one.inner_text(), one.bounding_box()) for one in targets.all()]
        assert len(sizes) > 8
        small = [(text, box) for text, box in sizes if box["height"] < 43.9 or box["width"] < 43.9]
        assert not small
        assert view.page.evaluate("document.documentElement.scrollWidth") == 390
        assert not view.wrong
    finally:
        view.context.close()


def test_high_contrast_keeps_what_colours_mean(browser: Any, site: Site) -> None:
    site.add("m1", now_reading(1, v1_7_0=5, v32_7_0=230))
    view = Page(browser, site.api.address, forced_colors="active")
    try:
        card = view.card("m1")
        expect(card.locator(".voltage")).to_be_visible()
        seen = "element => getComputedStyle(element).backgroundColor"
        blue = card.locator(".legend .in").first.evaluate(seen)
        assert blue not in (card.evaluate(seen), "rgba(0, 0, 0, 0)")
        dot = card.locator(".dot").evaluate(seen)
        assert dot not in (card.locator(".pill").evaluate(seen), "rgba(0, 0, 0, 0)")
        assert not view.wrong
    finally:
        view.context.close()


def test_the_sign_in_page_explains_itself(browser: Any, guarded: Site) -> None:
    key, once = new_key("admin", "admin", None, 1, once=True)
    guarded.store.add_key(key)
    view = Page(browser, f"{guarded.api.address}#login={once}")
    try:
        expect(view.page.locator("article h3")).to_have_text(["m1", "m2"])
        view.page.get_by_role("button", name="Log out").click()
        expect(view.page.get_by_role("heading")).to_have_text(["Smart meters", "Log in"])
        expect(view.page.locator("#link")).to_be_hidden()
        view.page.goto("about:blank")
        view.page.goto(f"{guarded.api.address}#login={once}")
        expect(view.page.get_by_role("alert")).to_contain_text("was already used or has expired")
        view.page.get_by_label("Key").fill(guarded.key("read", "smith"))
        view.page.get_by_role("button", name="Log in").click()
        expect(view.page.locator("article h3")).to_have_text(["m1"])
        expect(view.page.get_by_role("heading", name="System status")).to_be_visible()
    finally:
        view.context.close()


def test_files_come_compressed_and_at_once(site: Site) -> None:
    def get(path: str) -> Any:
        headers = {"Accept-Encoding": "gzip"}
        request = urllib.request.Request(site.api.address + path, headers=headers)
        return urllib.request.urlopen(request, timeout=60)

    for path in ("", "app.js", "style.css", "uplot/uPlot.iife.min.js"):
        with get(path) as answer:
            assert answer.headers["Content-Encoding"] == "gzip", path
            assert len(answer.read()) < (WEB / (path or "index.html")).stat().st_size / 2
    for path in ("v1/meters", "v1/live"):
        with get(path) as answer:
            assert "Content-Encoding" not in answer.headers
    # Whatever a module imports is asked for with the page, not one level after the other.
    page = (WEB / "index.html").read_text()
    modules = {str(p.relative_to(WEB)) for p in [*WEB.glob("*.js"), *WEB.glob("words/*.js")]}
    assert set(re.findall(r'rel="modulepreload" href="(.*?)"', page)) == modules - {"app.js"}
