"""python -m tools.first_hour.browser LINK PICTURE: waits until the page shows a power."""

import re
import sys

from playwright import sync_api as playwright

from tools.environment.prepare import program

_WAIT_MS = 120_000
_POWER = re.compile(r"\d[\d,.\u202f\u00a0 ]*\s*k?W\b")


def main() -> int:
    link, picture = sys.argv[1:]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=program("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(ignore_https_errors=True, viewport={"width": 1200, "height": 900})
        page.goto(link)
        shown = page.get_by_text(_POWER).first
        shown.wait_for(timeout=_WAIT_MS)
        print(" ".join(shown.inner_text().split())[:40])
        page.screenshot(path=picture)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
