"""A page in a real Chromium, and what the tests of it share."""

import time
from typing import Any

from playwright import sync_api as playwright

from tests.cloud.harness import reading


class Page:
    """A page that collects what goes wrong in it."""

    def __init__(self, browser: Any, address: str, script: str = "", **settings: Any) -> None:
        """script: runs before the page's own; settings: of the context."""
        self.wrong: list[str] = []
        self.context = browser.new_context(timezone_id="UTC", **settings)
        self.context.add_init_script(script)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda e: self.wrong.append(str(e)))
        self.page.on("console", lambda m: self.wrong.append(m.text) if m.type == "error" else None)
        self.page.goto(address)

    def clock(self, seconds: float) -> None:
        """Begins the page again as if it were that time, seconds since 1970."""
        self.page.clock.set_fixed_time(seconds)
        self.page.reload()

    def card(self, name: str) -> Any:
        heading = self.page.get_by_role("heading", name=name, exact=True)
        return self.page.locator("article", has=heading)


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


def volts(begin: float, hours: int, low: float, high: float) -> list[dict[str, Any]]:
    """A reading every ten minutes: L1 always low but in every tenth, L2 always 230 V."""
    return [
        reading(
            i,
            time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin + 600 * i)),
            v32_7_0=high if i % 10 == 0 else low,
            v52_7_0=230,
        )
        for i in range(hours * 6)
    ]
