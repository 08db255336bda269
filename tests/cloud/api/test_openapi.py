"""The API's own description: complete, true, and shown without the internet."""

import json
from typing import Any

import pytest
from playwright import sync_api as playwright

from tests.cloud.api_process import Site
from tests.cloud.web.pages import Page

# What answers no JSON: a stream, downloads, certificates.
OTHER = ("/v1/live", "/v1/bulk/{token}", "/metrics", "/v1/authority/crl")


@pytest.fixture
def api(site: Site) -> Any:
    return site.api.get("openapi.json")


def operations(api: Any) -> Any:
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", path, operation


def test_every_endpoint_says_what_it_does_takes_and_answers(api: Any) -> None:
    tags = {tag["name"] for tag in api["tags"]}
    for name, path, operation in operations(api):
        assert " " in operation["summary"], name
        assert set(operation["tags"]) <= tags, name
        assert len(operation["tags"]) == 1, name
        good = [a for status, a in operation["responses"].items() if status < "400"]
        assert len(good) == 1, name
        if path not in OTHER and not path.startswith("/.well-known/"):
            assert list(good[0]["content"]) == ["application/json"], name
            assert good[0]["content"]["application/json"]["schema"], name
        assert "400" in operation["responses"] or path == "/v1/operationalProperties", name
        for status, answer in operation["responses"].items():
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"], (name, status)
        ways = {way for one in operation.get("security", []) for way in one}
        assert ("401" in operation["responses"]) == bool(ways) or path == "/v1/session", name
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (name, parameter["name"])
        if "requestBody" in operation:
            assert operation["requestBody"]["content"], name


def test_references_lead_somewhere(api: Any) -> None:
    text = json.dumps(api)
    for part in text.split('"$ref": "#/components/schemas/')[1:]:
        assert part.split('"')[0] in api["components"]["schemas"]
    assert "HTTPValidationError" not in text


def test_it_is_shown_offline(browser: Any, site: Site) -> None:
    view = Page(browser, site.api.address + "docs")
    asked: list[str] = []
    view.page.on("request", lambda request: asked.append(request.url))
    try:
        view.page.reload()
        heading = view.page.get_by_role("heading", name="History")
        playwright.expect(heading).to_be_visible()
        operation = view.page.locator("details", has_text="POST /v1/meterReadings ")
        operation.locator("summary").click()
        playwright.expect(operation).to_contain_text("Readings by time, meter, property and value")
        playwright.expect(operation).to_contain_text("readingTimeStart")
        playwright.expect(operation).to_contain_text("OBIS_1.8.0")
        assert view.page.locator("details").count() == sum(
            len(m) for m in site.api.get("openapi.json")["paths"].values()
        )
        assert all(url.startswith(site.api.address) for url in asked)
        width = view.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert width <= 0
        assert not view.wrong
    finally:
        view.context.close()
