"""Guessing keys is slow; the keys of neighbors at the same address work at once."""

import http.client
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from smartmeter_cloud.api.rate_limit import KNOWN_MAX, WRONG_MAX, WrongKeyLimit
from smartmeter_gateway.provisioning import invitation

from tests.cloud.api_process import Site, call
from tests.cloud.harness import command

Ask = Callable[..., int]


@pytest.fixture
def ask(own_site: Site) -> Ask:
    """Makes a request over one connection; the status."""
    parts = urlsplit(own_site.api.address)
    client = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)

    def status(method: str, path: str, body: bytes | None = None, **headers: str) -> int:
        client.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = client.getresponse()
        answer.read()
        return answer.status

    return status


def guess(ask: Ask, times: int, **headers: str) -> list[int]:
    guesses = (f"Bearer smc_{i}" for i in range(times))
    return [ask("GET", "/v1/meters", Authorization=text, **headers) for text in guesses]


def test_a_guesser_is_slowed_down_and_a_neighbor_is_not(own_site: Site, ask: Ask) -> None:
    never_used = own_site.key("read")
    once = own_site.key("read")
    assert guess(ask, WRONG_MAX + 1) == [401] * WRONG_MAX + [429]
    assert call(own_site, "POST", "v1/session", {"token": "smc_x"})[0] == 429
    status, _, headers = call(own_site, "GET", "v1/meters", key="smc_x")
    assert (status, 0 < int(headers["Retry-After"]) <= 61) == (429, True)
    # The same address, and keys that were never right before: also after a restart.
    assert call(own_site, "GET", "v1/meters", key=never_used)[0] == 200
    assert call(own_site, "POST", "v1/session", {"token": once})[0] == 200
    assert f"wrong_keys_total {WRONG_MAX + 3:.1f}\n" in own_site.metrics()
    assert own_site.api.said.count("wrong keys") == 1


def test_tokens_for_certificates_are_guesses_as_well(own_site: Site, ask: Ask) -> None:
    told = command("invite", "house-1", "--config", str(own_site.config))
    assert told.status == 0, told.err
    path = "/.well-known/est/simpleenroll"
    answers = [ask("POST", path, b"AAAA", Authorization=f"Bearer smt_{i}") for i in range(101)]
    assert answers == [401] * WRONG_MAX + [429]
    token = invitation.parse(told.out.split()[-1]).token
    assert ask("POST", path, b"AAAA", Authorization=f"Bearer {token}") == 400  # no request


def test_behind_a_proxy_the_guesser_s_own_address_counts(own_site: Site, ask: Ask) -> None:
    """On this machine a proxy is believed by default."""
    bad, good = "203.0.113.7", "203.0.113.8"
    assert guess(ask, WRONG_MAX + 1, X_Forwarded_For=bad)[-1] == 429
    assert guess(ask, 1, X_Forwarded_For=good) == [401]
    assert guess(ask, 1) == [401]


def test_only_the_proxies_in_the_settings_are_believed(tmp_path: Path) -> None:
    site = Site(tmp_path, 'proxies = ["192.0.2.0/24"]\n')
    try:
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
        key = site.key("read")
        _, answer, _ = call(site, "POST", "v1/meterReadings", {"bulk": "csv"}, key=key, **headers)
        assert answer["linkToBulk"].startswith("http://")
    finally:
        site.end()
    site.config.write_text('[http]\nport = 0\nproxies = ["next door"]\n')
    told = command("api", "--config", str(site.config))
    assert "http.proxies must be addresses or networks such as 10.0.0.0/24" in told.err


def test_with_tls_the_cookie_is_bound_to_the_host(own_site: Site) -> None:
    """A service of another port of this host name cannot set or replace it."""
    key = own_site.key("read")
    https = {"X-Forwarded-Proto": "https"}  # as a proxy on this machine says it
    _, _, headers = call(own_site, "POST", "v1/session", {"token": key}, **https)
    cookie = headers["Set-Cookie"]
    assert cookie.startswith("__Host-smartmeter=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    session = cookie.split(";")[0]

    def name(cookie: str) -> str | None:
        status, document, _ = call(own_site, "GET", "v1/session", key=None, Cookie=cookie, **https)
        return document["name"] if status == 200 else None

    assert name(session) == "session of test"
    assert name(session.removeprefix("__Host-")) is None
    status, _, headers = call(own_site, "DELETE", "v1/session", Cookie=session, **https)
    assert (status, headers["Set-Cookie"].startswith("__Host-smartmeter=")) == (200, True)
    assert "Secure" in headers["Set-Cookie"]
    assert name(session) is None


def test_guesses_are_counted_by_network_for_a_minute_and_in_little_memory() -> None:
    now = 0.0
    limit = WrongKeyLimit(lambda: now)
    for i in range(WRONG_MAX):
        assert not limit.wrong(f"2001:db8:1:2::{i:x}")
    assert limit.wrong("2001:db8:1:2:ffff::1")
    assert not limit.wrong("2001:db8:1:3::1")
    for i in range(2 * KNOWN_MAX):
        limit.wrong(f"10.{i // 65536}.{i // 256 % 256}.{i % 256}")
    assert len(limit._wrong) <= KNOWN_MAX
    for _ in range(WRONG_MAX):
        limit.wrong("10.9.9.9")
    assert limit.wrong("10.9.9.9")
    now = 61.0
    assert not limit.wrong("10.9.9.9")


def test_an_answer_that_waits_says_why(own_site: Site, ask: Ask) -> None:
    guess(ask, WRONG_MAX)
    _, problem, _ = call(own_site, "GET", "v1/meters", key="smc_x")
    assert json.dumps(problem["detail"]) == '"too many wrong keys from your address"'
