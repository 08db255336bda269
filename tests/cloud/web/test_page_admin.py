"""The administrators' part of the page: a Concentrator is invited and revoked."""

from pathlib import Path
from typing import Any

from smartmeter_gateway.provisioning import est_client, invitation

from tests.cloud.api_process import Site
from tests.cloud.web.pages import Page, expect


def test_a_concentrator_is_invited_and_shut_out(browser: Any, site: Site, tmp_path: Path) -> None:
    site.status("concentrator/house-1/status", {"state": "online"})
    view = Page(browser, site.api.address, viewport={"width": 390, "height": 844})
    page = view.page
    try:
        page.get_by_text("Concentrators: certificates and access").click()
        admin = page.locator(".admin")
        page.get_by_label("Concentrator ID").fill("house-9")
        page.get_by_label("Household").fill("smith")
        page.get_by_role("button", name="Invite").click()
        command = admin.locator("pre")
        expect(command).to_contain_text("smartmeter-gateway enroll")
        entry = admin.locator("li", has_text="house-9")
        expect(entry).to_contain_text("household smith")
        expect(entry).to_contain_text("invited until")

        invited = invitation.parse(command.inner_text().split()[-1])
        assert invited.concentrator == "house-9"
        own = est_client.Identity("house-9", invited.url, tmp_path / "crt", tmp_path / "key", None)
        est_client.enroll(own, invited.token, tmp_path / "ca")
        page.reload()
        page.get_by_text("Concentrators: certificates and access").click()
        expect(entry).to_contain_text("certificate until")
        entry.get_by_role("button", name="Revoke").click()
        entry.get_by_role("button", name="Really revoke?").click()
        expect(entry).to_contain_text("certificate revoked")
        expect(entry.get_by_role("button")).to_be_hidden()
        assert site.store.certificates("house-9")[0].revoked

        page.get_by_label("Concentrator ID").fill("ingest")
        page.get_by_role("button", name="Invite").click()
        expect(admin.get_by_role("status")).to_contain_text("a name of the Cloud itself")
        view.wrong = [w for w in view.wrong if "403" not in w]
        assert not view.wrong
        width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert width <= 0
    finally:
        view.context.close()


def test_it_is_not_for_everybody(browser: Any, guarded: Site) -> None:
    view = Page(browser, guarded.api.address)
    try:
        view.page.get_by_label("Key").fill(guarded.key("read", "smith"))
        view.page.get_by_role("button", name="Log in").click()
        expect(view.page.locator("article h3")).to_have_text(["m1"])
        assert view.page.locator(".admin").count() == 0
    finally:
        view.context.close()
