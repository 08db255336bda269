"""By default the page asks for a key, and the first start says how to log in."""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from smartmeter_cloud.app import _reachable
from smartmeter_cloud.config.settings import EnrolmentSettings, HttpSettings
from smartmeter_cloud.store.sqlite import SqliteStore

from tests.cloud.harness import Process, command, encoded


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Process]:
    (tmp_path / "cloud.toml").write_text("[http]\nport = 0\n")
    made = Process("api", tmp_path / "cloud.toml")
    yield made
    made.kill()


def ask(api: Process, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
    """(status, the cookie that is set)."""
    headers |= {"Content-Type": "application/json"} if body else {}
    data = encoded(body) if body else None
    request = urllib.request.Request(api.address + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers.get("Set-Cookie", "")
    except urllib.error.HTTPError as e:
        return e.code, ""


def link(api: Process) -> str:
    """The token of the link that was printed last."""
    api.says("#login=")
    return api.said.split("#login=")[-1].split()[0]


def again(api: Process) -> None:
    api.kill()
    api.log.unlink()
    api.start()
    assert api.address


def test_a_stranger_is_asked_for_a_key(api: Process) -> None:
    for headers in ({}, {"Host": "localhost"}):
        assert ask(api, "GET", "v1/meters", **headers)[0] == 401
        assert ask(api, "POST", "v1/keys", {"name": "x", "scopes": ["admin"]}, **headers)[0] == 401


def test_the_first_link_logs_in_once(api: Process) -> None:
    token = link(api)
    assert f"open {api.address}#login={token}" in api.said
    status, cookie = ask(api, "POST", "v1/session", {"token": token})
    assert status == 200
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    session = cookie.split(";")[0]
    assert ask(api, "GET", "v1/keys", Cookie=session)[0] == 200
    assert ask(api, "POST", "v1/session", {"token": token})[0] == 401
    assert ask(api, "GET", "v1/meters", Authorization=f"Bearer {token}")[0] == 401
    again(api)
    assert ask(api, "GET", "v1/keys", Cookie=session)[0] == 200
    time.sleep(0.5)
    assert "#login=" not in api.said, "somebody has logged in"
    assert ask(api, "DELETE", "v1/session", Cookie=session)[0] == 200
    assert ask(api, "GET", "v1/meters", Cookie=session)[0] == 401


def test_a_link_that_went_astray_or_expired_is_renewed(api: Process) -> None:
    astray = link(api)
    again(api)
    expired = link(api)
    store = SqliteStore(api.log.parent / "smartmeter.sqlite")
    with store._writing() as db:
        db.run(
            "UPDATE access_key SET expires = 1 "
            "WHERE created = (SELECT max(created) FROM access_key)"
        )
    assert ask(api, "POST", "v1/session", {"token": expired})[0] == 401
    again(api)
    assert ask(api, "POST", "v1/session", {"token": link(api)})[0] == 200
    # And with the first login, no other link is left in any log.
    assert ask(api, "POST", "v1/session", {"token": astray})[0] == 401
    store.close()


def test_who_made_a_key_gets_no_link(api: Process) -> None:
    link(api)
    assert command("key", "p", "--scope", "metrics", "--config", str(api.config)).status == 0
    again(api)
    link(api)  # with a key for metrics nobody can log in
    assert command("key", "grafana", "--config", str(api.config)).status == 0
    again(api)
    time.sleep(0.5)
    assert "#login=" not in api.said


def test_the_link_leads_to_where_a_browser_can_go() -> None:
    http = HttpSettings(EnrolmentSettings(Path()))
    assert _reachable(http, "http://127.0.0.1:8080/") == "http://127.0.0.1:8080/"
    assert _reachable(http, "http://0.0.0.0:8080/") == "http://localhost:8080/"
    assert _reachable(http, "https://[::]:8443/") == "https://localhost:8443/"
    named = replace(http, names=("meters.example",))
    assert _reachable(named, "http://0.0.0.0:8080/") == "https://meters.example/"
    direct = replace(named, certificate=Path("page.crt"))
    assert _reachable(direct, "https://0.0.0.0:8443/") == "https://meters.example:8443/"


def test_open_is_refused_by_nginx_as_it_comes(tmp_path: Path) -> None:
    """nginx proxies by HTTP/1.0 and adds nothing; others add one header or the other."""
    (tmp_path / "cloud.toml").write_text('[http]\nport = 0\naccess = "open"\n')
    made = Process("api", tmp_path / "cloud.toml")
    try:
        port = int(made.address.split(":")[2].strip("/"))
        for version, headers in (
            (10, {"Host": f"127.0.0.1:{port}"}),
            (11, {"X-Forwarded-Proto": "https"}),
            (11, {"CF-Connecting-IP": "203.0.113.7"}),
            (11, {"Via": "1.1 x"}),
        ):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            client._http_vsn, client._http_vsn_str = version, f"HTTP/1.{version - 10}"  # type: ignore[attr-defined]
            client.request("GET", "/v1/keys", headers=headers)
            answer = client.getresponse()
            assert answer.status == 401, (version, headers)
            assert "behind a proxy" in json.loads(answer.read())["detail"]
            client.close()
        assert made.get("v1/keys") == []
    finally:
        made.kill()
