"""Access rights; every refusal that separates one household from another."""

import http.server
import json
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.cloud.api_process import Site, call
from tests.cloud.harness import encoded, eventually, reading

SPAN = "from=2026-09-22T00:00:00Z&to=2026-09-23T00:00:00Z"


@pytest.fixture
def site(guarded: Site) -> Site:
    return guarded


EVERY_READ = (
    "v1/meters",
    "v1/chain",
    "v1/live",
    "v1/households",
    "v1/session",
    f"v1/meters/m1/power?{SPAN}",
    f"v1/meters/m1/voltage?{SPAN}",
    f"v1/meters/m1/energy?{SPAN}",
    f"v1/meters/m1/consumption?{SPAN}",
    "v1/keys",
    "v1/audit",
    f"v1/aggregate?{SPAN}",
)


def test_nothing_is_told_to_a_stranger(site: Site) -> None:
    wrong = {
        "no key": {},
        "an unknown key": {"Authorization": "Bearer smc_guess"},
        "no bearer": {"Authorization": "Basic dXNlcjpwYXNz"},
        "an empty key": {"Authorization": "Bearer "},
        "an unknown cookie": {"Cookie": "smartmeter=smc_guess"},
        "an expired key": {"Authorization": f"Bearer {site.key('read', days=-1)}"},
    }
    for why, headers in wrong.items():
        for path in EVERY_READ:
            status, document, answer = call(site, "GET", path, **headers)
            assert (status, answer["WWW-Authenticate"]) == (401, "Bearer"), (why, path)
            assert document["status"] == 401
    assert call(site, "POST", "v1/meterReadings", {})[0] == 401
    assert call(site, "DELETE", "v1/meterReadings?id=m1")[0] == 401
    assert call(site, "POST", "v1/keys", {"name": "x", "scopes": ["admin"]})[0] == 401


def test_a_household_sees_its_own_and_nothing_else(site: Site) -> None:
    key = site.key("read", "smith")
    assert [m["id"] for m in call(site, "GET", "v1/meters", key=key)[1]] == ["m1"]
    for what in ("power", "voltage", "energy"):
        path = f"v1/meters/m2/{what}?{SPAN}"
        foreign = call(site, "GET", path, key=key)
        nobody = call(site, "GET", path.replace("m2", "nobody"), key=key)
        assert foreign[:2] == nobody[:2]
        assert foreign[0] == 404
        assert call(site, "GET", path.replace("m2", "m1"), key=key)[0] == 200
    for body in ({}, {"meterIds": ["m2"]}, {"meterIds": ["m1", "m2"]}):
        _, answer, _ = call(site, "POST", "v1/meterReadings", body, key=key)
        assert {row["meterId"] for row in answer["content"]} <= {"m1"}
    boxes = call(site, "GET", "v1/chain", key=key)[1]["boxes"]
    assert "house-2" not in json.dumps(boxes)
    assert "m2" not in {b["id"] for b in boxes}
    assert [h["id"] for h in call(site, "GET", "v1/households", key=key)[1]] == ["smith"]
    assert call(site, "PUT", "v1/meters/m2", {"label": "mine"}, key=key)[0] == 404


def test_the_live_stream_tells_a_household_of_its_own(site: Site) -> None:
    request = urllib.request.Request(
        site.api.address + "v1/live",
        headers={"Authorization": f"Bearer {site.key('read', 'jones')}"},
    )
    with urllib.request.urlopen(request, timeout=60) as stream:
        seen = b""
        while b"event: chain" not in seen or b"event: meters" not in seen:
            seen += stream.readline()
        site.take(
            "concentrator/house-1/smartMeterMessage/m1/reading",
            reading(2, "2026-09-22T10:00:05Z", v1_7_0=666),
        )
        site.take(
            "concentrator/house-2/smartMeterMessage/m2/reading",
            reading(2, "2026-09-22T10:00:05Z", v1_7_0=777),
        )
        while b"777" not in seen:
            seen += stream.readline()
    assert b"666" not in seen
    assert b"m1" not in seen


def test_who_listens_later_is_told_as_much(site: Site) -> None:
    """And by what is so now: the first to listen after nobody did."""
    key = site.key("read", "jones")
    for _ in range(2):
        request = urllib.request.Request(
            site.api.address + "v1/live", headers={"Authorization": f"Bearer {key}"}
        )
        with urllib.request.urlopen(request, timeout=60) as stream:
            event, told = b"", {}
            while len(told) < 2:
                line = stream.readline()
                if line.startswith(b"event: "):
                    event = line[7:].strip()
                elif line.startswith(b"data: "):
                    told[event] = json.loads(line[6:])
        assert [m["id"] for m in told[b"meters"]] == ["m2"]
        kinds = {(b["kind"], b["id"]) for b in told[b"chain"]["boxes"]}
        assert kinds >= {("meter", "m2"), ("concentrator", "house-2")}
        assert ("concentrator", "house-1") not in kinds
        eventually(lambda: "smartmeter_cloud_live_streams 0.0\n" in site.metrics())


def test_each_scope_is_good_for_its_own(site: Site) -> None:
    read, delete = site.key("read"), site.key("delete", "jones")
    for path in ("v1/keys", "v1/audit", f"v1/aggregate?{SPAN}"):
        assert call(site, "GET", path, key=read)[0] == 403
    assert call(site, "DELETE", "v1/meterReadings?id=m2", key=read)[0] == 403
    assert call(site, "GET", "v1/meters", key=delete)[0] == 403
    assert call(site, "DELETE", "v1/meterReadings?id=m1", key=delete)[0] == 404
    status, answer, _ = call(site, "DELETE", "v1/meterReadings?id=m2", key=delete)
    assert (status, answer["deleted"] > 1) == (200, True)
    admin = site.key("admin")
    assert [m["id"] for m in call(site, "GET", "v1/meters", key=admin)[1]] == ["m1"]
    whats = [line["what"] for line in call(site, "GET", "v1/audit", key=admin)[1]]
    assert any("deleted meter m2" in what for what in whats)


def test_keys_are_given_shown_once_and_taken_away(site: Site) -> None:
    admin = site.key("admin")
    body = {"name": "app", "scopes": ["read"], "household": "smith"}
    _, given, _ = call(site, "POST", "v1/keys", body, key=admin)
    assert call(site, "GET", "v1/meters", key=given["key"])[0] == 200
    listed = call(site, "GET", "v1/keys", key=admin)[1]
    assert given["key"] not in json.dumps(listed)
    assert given["key"].encode() not in (site.store.path).read_bytes()  # type: ignore[attr-defined]
    assert call(site, "DELETE", f"v1/keys/{given['id']}", key=admin)[0] == 200
    assert call(site, "GET", "v1/meters", key=given["key"])[0] == 401
    for wrong in ({"name": "x", "scopes": ["root"]}, {"name": "x", "scopes": []}, {"name": ""}):
        assert call(site, "POST", "v1/keys", wrong, key=admin)[0] == 422


def test_a_foreign_concentrator_cannot_write_a_households_meter(site: Site) -> None:
    site.take(
        "concentrator/house-2/smartMeterMessage/m1/reading",
        reading(9, "2026-09-22T11:00:00Z", v1_7_0=99999),
    )
    assert "99999" not in json.dumps(call(site, "GET", "v1/meters", key=site.key("read"))[1])
    (refused,) = site.store.refused_senders()
    assert "another household" in refused.reason


def test_a_household_has_the_sub_meters_of_its_meters(guarded: Site) -> None:
    site = guarded
    gas = {"medium": "gas", "units": {"24.2.1": "m3"}}

    def send(concentrator: str, meter: str, seq: int) -> None:
        topic = f"concentrator/{concentrator}/smartMeterMessage/{meter}/reading"
        site.take(topic, reading(seq, v24_2_1=5) | gas)

    send("house-1", "m1-1", 1)
    send("house-2", "m1-2", 1)  # m1 is smith's
    send("house-2", "m2-1", 1)
    smith, jones = site.key("read delete", "smith"), site.key("read delete", "jones")
    seen = [[m["id"] for m in call(site, "GET", "v1/meters", key=k)[1]] for k in (smith, jones)]
    assert seen == [["m1", "m1-1"], ["m2", "m2-1"]]
    span = "from=2026-09-22T00:00:00Z&to=2026-09-23T00:00:00Z"
    path = f"v1/meters/m1-1/consumption?{span}"
    assert [call(site, "GET", path, key=k)[0] for k in (smith, jones)] == [200, 404]
    assert call(site, "DELETE", "v1/meterReadings?id=m1-1", key=jones)[0] == 404
    admin = site.key("admin")
    body = {"household": "jones"}
    status, problem, _ = call(site, "PUT", "v1/meters/m1-1/household", body, admin)
    assert (status, problem["detail"]) == (
        422,
        "m1-1 is a sub-meter: move m1, and it moves as well",
    )
    assert call(site, "PUT", "v1/meters/m1/household", body, admin)[0] == 200
    assert len(call(site, "GET", "v1/meters", key=jones)[1]) == 4
    assert call(site, "DELETE", "v1/meterReadings?id=m1", key=jones)[0] == 200
    assert [m["id"] for m in call(site, "GET", "v1/meters", key=jones)[1]] == ["m2", "m2-1"]


class Issuer:
    """An OpenID Connect issuer of a few lines, with keys of its own."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.answers = threading.Event()
        self.answers.set()
        self.asked = 0
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                issuer.answers.wait(60)
                body = issuer.documents()[self.path]
                self.send_response(200)
                self.end_headers()
                self.wfile.write(encoded(body))

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def documents(self) -> dict[str, Any]:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/keys",
            },
            "/keys": {"keys": [public | {"kid": "k1", "use": "sig"}]},
        }

    def token(self, key: Any = None, kid: str = "k1", **claims: Any) -> str:
        body = {
            "iss": self.url,
            "aud": "meters",
            "sub": "anna",
            "exp": int(time.time()) + 60,
            "scope": "openid read",
            "households": ["smith"],
        } | claims
        body = {k: v for k, v in body.items() if v is not ...}
        return jwt.encode(body, key or self.key, "RS256", headers={"kid": kid})


def test_tokens_of_an_issuer(tmp_path: Path) -> None:
    issuer = Issuer()
    settings = f'[oidc]\nissuer = "{issuer.url}"\naudience = "meters"\n'
    site = Site(tmp_path, settings, guarded=True)
    site.two_households()
    try:
        good = issuer.token()
        eventually(lambda: call(site, "GET", "v1/meters", key=good)[0] == 200)
        assert [m["id"] for m in call(site, "GET", "v1/meters", key=good)[1]] == ["m1"]
        assert call(site, "GET", f"v1/meters/m2/power?{SPAN}", key=good)[0] == 404
        assert call(site, "DELETE", "v1/meterReadings?id=m1", key=good)[0] == 403
        everybody = issuer.token(households="*", scope=["read"])
        assert len(call(site, "GET", "v1/meters", key=everybody)[1]) == 2
        assert call(site, "GET", "v1/meters", key=issuer.token(households=...))[1] == []
        curve = ec.generate_private_key(ec.SECP256R1())
        refused = {
            "expired": issuer.token(exp=int(time.time()) - 60),
            "without an end": issuer.token(exp=...),
            "another audience": issuer.token(aud="bank"),
            "another issuer": issuer.token(iss="https://evil.example"),
            "another key": issuer.token(key=issuer.other),
            "an unknown key": issuer.token(kid="k2"),
            "unsigned": jwt.encode({"sub": "anna"}, None, "none", headers={"kid": "k1"}),
            "symmetric": jwt.encode({"sub": "a"}, "x" * 64, "HS256", headers={"kid": "k1"}),
            "not yet": issuer.token(nbf=int(time.time()) + 600),
            "another kind of key": jwt.encode({"sub": "a"}, curve, "ES256", headers={"kid": "k1"}),
            "cut short": good[:-5],
            "too long": "e" * 20_000,
            "nothing": "..",
            "wrong scopes": issuer.token(scope={"a": 1}),
        }
        for why, token in refused.items():
            assert call(site, "GET", "v1/meters", key=token)[0] == 401, why
        issuer.server.shutdown()
        assert call(site, "GET", "v1/meters", key=good)[0] == 200
    finally:
        site.end()


def test_nobody_waits_for_an_issuer(tmp_path: Path) -> None:
    """Tokens of made-up keys while the issuer is silent: each is answered, and it is asked once."""
    issuer = Issuer()
    issuer.answers.clear()
    settings = f'[oidc]\nissuer = "{issuer.url}"\naudience = "meters"\n'
    site = Site(tmp_path, settings, guarded=True)
    try:
        site.two_households()
        key = site.key("read")
        for i in range(45):
            status, problem, headers = call(site, "GET", "v1/meters", key=issuer.token(kid=f"x{i}"))
            assert (status, headers["Retry-After"]) == (503, "1")
            assert "has not answered yet" in problem["detail"]
        assert call(site, "GET", "v1/meters", key=key)[0] == 200
        assert issuer.asked == 1
        issuer.answers.set()
        good = issuer.token()
        eventually(lambda: call(site, "GET", "v1/meters", key=good)[0] == 200)
        for i in range(45):
            assert call(site, "GET", "v1/meters", key=issuer.token(kid=f"x{i}"))[0] == 401
        assert issuer.asked <= 4  # two documents each time
    finally:
        issuer.answers.set()
        site.end()
