"""What was made with a key or session ends with it: sessions, keys, streams and downloads."""

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from smartmeter_cloud.api.keys import new_key

from tests.cloud.api_process import Site, call
from tests.cloud.harness import eventually, reading


@pytest.fixture
def site(guarded: Site) -> Site:
    return guarded


def log_in(site: Site, token: str) -> str:
    """The cookie of a new session."""
    status, answer, headers = call(site, "POST", "v1/session", {"token": token})
    assert status == 200, answer
    cookie: str = headers["Set-Cookie"]
    return cookie.split(";")[0]


def key_id(site: Site, name: str) -> str:
    listed = call(site, "GET", "v1/keys", key=site.key("admin"))[1]
    (found,) = (key["id"] for key in listed if key["name"] == name)
    return str(found)


def add(site: Site, name: str, scopes: str = "read", **more: Any) -> str:
    key, text = new_key(name, scopes, more.pop("household", None), more.pop("days", None), **more)
    site.store.add_key(key)
    return text


def remove(site: Site, name: str) -> None:
    path = f"v1/keys/{key_id(site, name)}"
    assert call(site, "DELETE", path, key=site.key("admin"))[0] == 200


def test_a_session_ends_with_its_key(site: Site) -> None:
    cookie = log_in(site, add(site, "leaver"))
    assert call(site, "GET", "v1/meters", Cookie=cookie)[0] == 200
    remove(site, "leaver")
    assert call(site, "GET", "v1/meters", Cookie=cookie)[0] == 401


def test_a_session_is_valid_no_longer_than_its_key(site: Site) -> None:
    key = add(site, "guest", days=1)
    status, answer, headers = call(site, "POST", "v1/session", {"token": key})
    assert status == 200
    age = int(headers["Set-Cookie"].split("Max-Age=")[1].split(";")[0])
    assert age <= 86400
    listed = call(site, "GET", "v1/keys", key=site.key("admin"))[1]
    ends = {k["name"]: k["expires"] for k in listed}
    assert ends["session of guest"] == ends["guest"] == answer["expires"]


def test_a_session_cannot_be_prolonged_by_itself(site: Site) -> None:
    session = log_in(site, add(site, "guest", days=1)).partition("=")[2]
    assert call(site, "POST", "v1/session", {"token": session})[0] == 401
    assert call(site, "GET", "v1/meters", key=session)[0] == 401


def test_what_a_session_or_key_makes_ends_with_it(site: Site) -> None:
    for way in ("key", "session"):
        admin = add(site, f"admin {way}", "admin", days=1)
        sent = {"Authorization": f"Bearer {admin}"}
        if way == "session":
            sent = {"Cookie": log_in(site, admin)}
        body = {"name": f"child of {way}", "scopes": ["admin"], "days": 3650}
        _, child, _ = call(site, "POST", "v1/keys", body, **sent)
        _, link, _ = call(site, "POST", "v1/keys", body | {"name": "link", "once": True}, **sent)
        _, grandchild, _ = call(site, "POST", "v1/keys", body, key=child["key"])
        cookies = [log_in(site, link["key"]), log_in(site, grandchild["key"])]
        for given in (child, link, grandchild):
            ends = datetime.fromisoformat(given["expires"]).timestamp()
            assert ends < time.time() + 2 * 86400
        for cookie in cookies:
            assert call(site, "GET", "v1/meters", Cookie=cookie)[0] == 200
        remove(site, f"admin {way}")
        for given in (child, grandchild):
            assert call(site, "GET", "v1/meters", key=given["key"])[0] == 401
        for cookie in cookies:
            assert call(site, "GET", "v1/meters", Cookie=cookie)[0] == 401


def test_a_download_ends_with_the_key_that_asked_for_it(site: Site) -> None:
    _, answer, _ = call(site, "POST", "v1/meterReadings", {"bulk": "csv"}, key=add(site, "leaver"))
    path = answer["linkToBulk"].removeprefix(site.api.address)
    with urllib.request.urlopen(site.api.address + path, timeout=60) as download:
        assert b"m1" in download.read()
    remove(site, "leaver")
    assert call(site, "GET", path)[0] == 404


@contextmanager
def listening(site: Site, **headers: str) -> Iterator[Any]:
    request = urllib.request.Request(site.api.address + "v1/live", headers=headers)
    with urllib.request.urlopen(request, timeout=60) as stream:
        yield stream


def line_of(stream: Any) -> bytes:
    line: bytes = stream.readline()
    assert line, "the stream has ended"
    return line


@pytest.mark.parametrize("way", ["removed key", "removed key of a session", "logout", "expiry"])
def test_a_stream_ends_with_its_permission(site: Site, way: str) -> None:
    key = add(site, "leaver", days=4 / 86400 if way == "expiry" else None)
    headers = {"Authorization": f"Bearer {key}"}
    if way in ("removed key of a session", "logout"):
        headers = {"Cookie": log_in(site, key)}
    with listening(site, **headers) as stream:
        seen = b""
        while b"event: meters" not in seen:
            seen += line_of(stream)
        if way == "logout":
            assert call(site, "DELETE", "v1/session", **headers)[0] == 200
        elif way == "expiry":
            eventually(lambda: call(site, "GET", "v1/meters", **headers)[0] == 401)
        else:
            remove(site, "leaver")
        time.sleep(1)  # by then the api knows
        site.take(
            "concentrator/house-1/smartMeterMessage/m1/reading",
            reading(2, "2026-09-22T10:00:05Z", v1_7_0=31337),
        )
        rest = stream.read()  # it comes to an end
    assert b"31337" not in rest


def test_a_stream_goes_on_while_its_key_is_valid(site: Site) -> None:
    with listening(site, Authorization=f"Bearer {add(site, 'stayer')}") as stream:
        remove_other = add(site, "leaver")
        assert call(site, "GET", "v1/meters", key=remove_other)[0] == 200
        remove(site, "leaver")
        time.sleep(1)
        site.take(
            "concentrator/house-1/smartMeterMessage/m1/reading",
            reading(2, "2026-09-22T10:00:05Z", v1_7_0=31337),
        )
        seen = b""
        while b"31337" not in seen:
            seen += line_of(stream)
    assert json.loads(seen.split(b"data: ")[1].split(b"\n")[0])
