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
from smartmeter_cloud.api.keys import new_key

from tests.cloud.around import encoded, eventually, reading
from tests.cloud.sites import Site, call

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


def test_the_first_start_prints_a_link_that_is_good_once(tmp_path: Path) -> None:
    site = Site(tmp_path, 'access = "keys"\n')
    try:
        site.api.says("#login=")
        token = site.api.said.split("#login=")[1].split()[0]
        status, _, headers = call(site, "POST", "v1/session", {"token": token})
        assert status == 200
        cookie = headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        session = cookie.split(";")[0]
        assert call(site, "GET", "v1/keys", Cookie=session)[0] == 200
        assert call(site, "POST", "v1/session", {"token": token})[0] == 401
        assert call(site, "GET", "v1/meters", key=token)[0] == 401
        assert call(site, "DELETE", "v1/session", Cookie=session)[0] == 200
        assert call(site, "GET", "v1/meters", Cookie=session)[0] == 401
        site.api.kill()
        site.api.log.unlink()
        site.store.add_key(new_key("x", "admin", None, None)[0])
        site.api.start()
        assert site.api.address
        assert "#login=" not in site.api.said
    finally:
        site.end()


def used(site: Site, meter: str, hour: int, wh: int, fed: int | None = None) -> None:
    """Stores what a meter used within ten minutes of an hour."""
    for seq, (minute, share) in enumerate(((0, 0), (10, 1)), 10 * hour):
        values: dict[str, float] = {"v1_8_0": 1000 + 100 * hour + share * wh}
        if fed is not None:
            values["v2_8_0"] = 500 + 100 * hour + share * fed
        topic = f"concentrator/house-3/smartMeterMessage/{meter}/reading"
        site.take(topic, reading(seq, f"2026-09-22T{hour:02}:{minute:02}:00Z", **values))


def rolled(site: Site) -> None:
    while site.store.roll(500, 2**60):
        pass


def sums(site: Site, key: str, by: str = "hour", more: str = "") -> Any:
    status, answer, _ = call(site, "GET", f"v1/aggregate?{SPAN}&by={by}{more}", key=key)
    assert status == 200, answer
    return answer


def test_sums_of_few_households_are_not_told(site: Site) -> None:
    key = site.key("aggregate")
    for n in range(3, 20):
        used(site, f"m{n}", 10, 10, fed=5 if n < 10 else None)
    rolled(site)
    assert sums(site, key) == []  # 19 meters, however many readings
    site.add("x", reading(1, "2026-09-22T10:00:00Z", v1_7_0=1))
    rolled(site)
    assert sums(site, key) == []  # a meter without this total hides nobody
    used(site, "m20", 10, 10)
    rolled(site)
    (hour,) = sums(site, key)
    assert (hour["meters"], hour["drawn"], hour["fed"]) == (20, 180, None)  # 7 feed in
    assert sums(site, key, more="&meter=m1") == [hour]  # there is no choice


def test_sums_cannot_be_taken_apart_by_subtraction(site: Site) -> None:
    key = site.key("aggregate")
    for n in range(1, 21):
        used(site, f"x{n}", 10, 10)
    used(site, "x3", 12, 77)  # alone in this hour, and behind a gap
    rolled(site)
    (hour,), (day,) = sums(site, key), sums(site, key, "day")
    # A day less its hours leaves nothing of the hour that is not told, nor of the gap.
    assert (day["drawn"], day["hours"]) == (hour["drawn"], 1)
    # What comes late or is deleted changes nothing that was told.
    used(site, "late", 10, 55)
    rolled(site)
    assert sums(site, key) == [hour]
    assert call(site, "DELETE", "v1/meterReadings?id=x3", key=site.key("delete"))[0] == 200
    rolled(site)
    assert sums(site, key) == [hour]
    assert sums(site, key, "day") == [day]


def test_who_knows_some_of_the_meters_is_told_of_twenty_others(site: Site) -> None:
    """smith sees m1, and could subtract it."""
    everybody, smith = site.key("aggregate"), site.key("aggregate", "smith")
    for n in range(19):
        used(site, f"x{n}", 10, 10)
    rolled(site)
    assert [h["meters"] for h in sums(site, everybody)] == [21]  # with m1 and m2
    assert [h["meters"] for h in sums(site, smith)] == [21]
    site.store.name_meter("x0", None, "smith")
    assert sums(site, smith) == []


def test_an_hour_that_is_not_over_for_a_day_is_not_told(site: Site) -> None:
    now = int(time.time())
    for n in range(1, 21):
        topic = f"concentrator/house-3/smartMeterMessage/n{n}/reading"
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 3 * 3600))
        site.take(topic, reading(1, moment, v1_8_0=1))
    rolled(site)
    span = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + d * 86400)) for d in (-1, 1)]
    path = f"v1/aggregate?from={span[0]}&to={span[1]}&by=hour"
    assert call(site, "GET", path, key=site.key("aggregate"))[1] == []


def test_a_foreign_concentrator_cannot_write_a_households_meter(site: Site) -> None:
    site.take(
        "concentrator/house-2/smartMeterMessage/m1/reading",
        reading(9, "2026-09-22T11:00:00Z", v1_7_0=99999),
    )
    assert "99999" not in json.dumps(call(site, "GET", "v1/meters", key=site.key("read"))[1])
    (dead,) = site.store.dead_letters(5)
    assert "another household" in dead.reason


class Issuer:
    """An OpenID Connect issuer of a few lines, with keys of its own."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
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
