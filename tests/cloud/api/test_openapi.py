"""The API's own description: complete, true, and shown without the internet."""

import json
import re
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
        assert operation["description"], name
        assert operation["description"] != operation["summary"] + ".", name
        assert "400" in operation["responses"], name
        for status, answer in operation["responses"].items():
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"], (name, status)
        ways = {way for one in operation["security"] for way in one}  # [] of public ones
        assert ("401" in operation["responses"]) == bool(ways) or path == "/v1/session", name
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (name, parameter["name"])
        if "requestBody" in operation:
            assert operation["requestBody"]["content"], name


def test_generated_clients_get_good_names(api: Any) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(api)]
    assert len(set(ids)) == len(ids)
    assert {"listMeters", "getEnergy", "queryMeterReadings"} <= set(ids)
    assert all(re.fullmatch("[a-z]+([A-Z][a-z]+)*", one) for one in ids), ids


def test_it_says_where_the_api_is_and_under_which_licence(api: Any) -> None:
    assert [server["url"] for server in api["servers"]] == ["/"]
    assert api["info"]["license"]["identifier"] == "Apache-2.0"


def fields(schema: Any) -> Any:
    """Every part of a schema that is an object, itself included."""
    if isinstance(schema, dict):
        yield schema
    for part in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(part, dict | list):
            yield from fields(part)


def test_times_have_a_format_and_nothing_is_a_tuple(api: Any) -> None:
    schemas = api["components"]["schemas"]
    for schema, name in (
        ("Reading", "received"),
        ("MeterReading", "readingTime"),
        ("Power", "from"),
        ("AuditLine", "time"),
    ):
        assert schemas[schema]["properties"][name]["format"] == "date-time"
    for part in fields(api):
        assert "prefixItems" not in part
        if part.get("description") == "RFC 3339":
            assert part["format"] == "date-time"


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
        operation = view.page.locator("details#queryMeterReadings")
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
