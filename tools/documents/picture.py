"""Takes the README's picture: the page with a filled month, on a desk and on a phone.

python -m tools.documents.picture            writes docs/page.png, 1200 x 700
"""

import base64
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright import sync_api as playwright

from tools.environment.prepare import REPOSITORY, program

FILE = REPOSITORY / "docs" / "page.png"
WIDTH, HEIGHT = 1200, 700
_DESK = {"width": 1180, "height": 936}
_PHONE = {"width": 390, "height": 780}
_SETTINGS = """[broker]
embedded = true
port = 0
password_file = "broker.password"
[store]
path = "history.sqlite"
time_zone = "Europe/Vienna"
[http]
port = 0
access = "open"
"""
_FRAME = """<!doctype html><style>
body {{ margin: 0; width: 1200px; height: 700px; overflow: hidden; position: relative;
        background: linear-gradient(135deg, #dfe9f5, #f4efe6); }}
img {{ position: absolute; border-radius: 10px; box-shadow: 0 6px 28px #0003; display: block; }}
#desk {{ left: 24px; top: 28px; width: 812px; height: 644px;
         object-fit: cover; object-position: top; }}
#phone {{ right: 24px; top: 34px; width: 316px; height: 632px; border: 7px solid #23272e;
          border-radius: 30px; box-sizing: border-box; object-fit: cover; object-position: top; }}
</style><img id="desk" src="data:image/png;base64,{desk}">
<img id="phone" src="data:image/png;base64,{phone}">"""


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="smartmeter-picture-") as name:
        folder = Path(name)
        config = folder / "cloud.toml"
        config.write_text(_SETTINGS)
        secret = folder / "broker.password"
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_hex(16))
        fill = ["-m", "tools.household_history", str(config), "--meters", "2"]
        subprocess.run([sys.executable, *fill], cwd=REPOSITORY, check=True)
        serve = [sys.executable, "-m", "smartmeter_cloud", "serve", "--config", str(config)]
        cloud = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
        try:
            FILE.write_bytes(_taken(_address(cloud)))
        finally:
            cloud.terminate()
            cloud.wait(15)
    print(FILE.relative_to(REPOSITORY))
    return 0


def _address(cloud: "subprocess.Popen[str]") -> str:
    assert cloud.stdout
    for line in cloud.stdout:
        if line.startswith("the page is at "):
            return line.split()[-1]
    raise RuntimeError("the Cloud did not start; its messages are above")


def _taken(address: str) -> bytes:
    with playwright.sync_playwright() as play:
        # its sandbox does not start as root; it only sees our own page
        browser = play.chromium.launch(
            executable_path=program("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        desk = _page(browser, address, _DESK, "light")
        phone = _page(browser, address, _PHONE, "dark")
        frame = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        frame.set_content(
            _FRAME.format(
                desk=base64.b64encode(desk).decode(), phone=base64.b64encode(phone).decode()
            )
        )
        taken = frame.screenshot()
        browser.close()
        return taken


def _page(
    browser: playwright.Browser, address: str, size: playwright.ViewportSize, scheme: str
) -> bytes:
    """The page with the last month of its first meter."""
    page = browser.new_page(
        viewport=size,
        locale="en-GB",
        timezone_id="Europe/Vienna",
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.goto(address)
    card = page.locator("article").first
    card.wait_for()
    card.get_by_role("tab", name="Month").click()
    card.get_by_role("button", name="Previous period", exact=True).click()
    page.wait_for_timeout(2_000)  # the charts are drawn after their data has come
    page.mouse.move(0, 0)
    return page.screenshot()


if __name__ == "__main__":
    sys.exit(main())
