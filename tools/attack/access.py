"""Attacks on the API: other households' data, keys that outlive, queries that hang."""

import base64
import http.client
import json
import threading
import time

from smartmeter.wire import topics

from tools.attack.attacks import attack, held
from tools.attack.client import connection, document, eventually
from tools.attack.site import HONEST, METER, Site


def _day(start: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start))


@attack("asks without a key, as a proxy and as another host", "H5")
def without_key(site: Site) -> None:
    for headers in (
        {},
        {"Host": "127.0.0.1"},
        {"X_Forwarded_For": "127.0.0.1", "X_Forwarded_Proto": "https"},
        {"CF_Connecting_IP": "127.0.0.1"},
        {"Authorization": "Bearer "},
        {"Cookie": "session=x; __Host-session=x"},
    ):
        for method, path in (("GET", "v1/keys"), ("GET", "v1/meters"), ("POST", "v1/keys")):
            body = {"name": "x", "scopes": ["admin"]} if method == "POST" else None
            status, _ = site.call(method, path, None, body, **headers)
            held(status in (401, 403), f"{method} /{path} with {headers} answers {status}")
    status, _ = site.call("GET", "v1/meters", site.honest_key, Host="attacker.example")
    held(status == 400, "a page of another host name may use this address (DNS rebinding)")


@attack("asks for another household's meter at every address")
def other_household(site: Site) -> None:
    span = f"from={_day(time.time() - 3600)}&to={_day(time.time())}"
    for method, path, body in (
        ("GET", f"v1/meters/{METER}/power?{span}", None),
        ("GET", f"v1/meters/{METER}/voltage?{span}", None),
        ("GET", f"v1/meters/{METER}/energy?{span}&by=hour", None),
        ("GET", f"v1/meters/{METER}/consumption?{span}&by=hour", None),
        ("GET", f"v1/meters/{METER}/adapterConfig", None),
        ("PUT", f"v1/meters/{METER}", {"label": "mine"}),
        ("DELETE", f"v1/meterReadings?id={METER}", None),
        ("PUT", f"v1/meters/{METER}/household", {"household": "h2"}),
    ):
        status, _ = site.call(method, path, site.evil_key, body)
        held(status in (403, 404, 422), f"{method} /{path} answers {status}")
    status, answer = site.call("POST", "v1/meterReadings", site.evil_key, {"meterIds": [METER]})
    held(status in (403, 404) or not answer["content"], "its readings are shown")
    for path in ("v1/meters", "v1/chain", "v1/households"):
        _, answer = site.call("GET", path, site.evil_key)
        held(METER not in json.dumps(answer), f"/{path} shows the other household's meter")
        held(HONEST not in json.dumps(answer), f"/{path} shows the other's Concentrator")


@attack("is administrator of one household, and acts on all", "H8")
def bound_administrator(site: Site) -> None:
    key = site.key("admin of h2", "read admin", "h2")
    for method, path, body in (
        ("POST", "v1/keys", {"name": "x", "scopes": ["read"], "household": "h1"}),
        ("POST", "v1/keys", {"name": "x", "scopes": ["admin"], "household": None}),
        ("POST", f"v1/concentrators/{HONEST}/invitations", {}),
        ("POST", f"v1/concentrators/{HONEST}/invitations", {"household": "h2"}),
        ("PUT", f"v1/concentrators/{HONEST}", {"household": "h2"}),
        ("DELETE", f"v1/concentrators/{HONEST}/certificates", None),
        ("PUT", f"v1/meters/{METER}/household", {"household": "h2"}),
        ("GET", "metrics", None),
    ):
        status, _ = site.call(method, path, key, body)
        held(status in (401, 403, 404, 409, 422), f"{method} /{path} {body} answers {status}")
    for path in ("v1/keys", "v1/audit", "v1/concentrators", "v1/households"):
        status, answer = site.call("GET", path, key)
        told = json.dumps(answer)
        held(status in (200, 403), f"/{path} answers {status}")
        held(HONEST not in told and '"h1"' not in told, f"/{path} shows the other household")


@attack("goes on with a session, key and stream of a key that was removed", "H7, M3")
def revoked_key(site: Site) -> None:
    status, given = site.call(
        "POST", "v1/keys", site.admin, {"name": "leaver", "scopes": ["read"], "household": "h1"}
    )
    held(status == 200, f"a key cannot be made: {given}")
    text = next(v for v in given.values() if str(v).startswith("smc_"))
    stream = http.client.HTTPSConnection(
        "127.0.0.1", site.page_port, timeout=40, context=site.context
    )
    stream.request("GET", "/v1/live", headers={"Authorization": f"Bearer {text}"})
    answer = stream.getresponse()
    held(answer.status == 200, f"the stream answers {answer.status}")
    answer.readline()
    listed = site.call("GET", "v1/keys", site.admin)[1]
    number = next(k["id"] for k in listed if k["name"] == "leaver")
    site.call("DELETE", f"v1/keys/{number}", site.admin)
    held(_refused(site, text), "the removed key is still accepted")
    until = time.monotonic() + 30
    try:
        while answer.readline():
            held(time.monotonic() < until, "the stream goes on after its key was removed")
    except TimeoutError:
        held(False, "the stream stays open after its key was removed")
    finally:
        stream.close()


@attack("reads one household's use out of the aggregate, by invented meters", "H4")
def aggregate(site: Site) -> None:
    now = time.time()
    hour = (int(now) // 3600 - 60) * 3600
    meters = [f"invented-{i}" for i in range(25)]
    with site.evil() as evil:
        digests = [
            evil.send(meter, [document(s, hour + s * 900) for s in range(8)], topics.READINGS)
            for meter in meters
        ]
        eventually(lambda: all(map(evil.answered, digests)), 60)
    # One honest meter, whose hours would be alone among those of the attacker.
    with site.guest() as guest:
        for seq in range(8):
            reading = document(seq, hour + seq * 900) | {"values": {"1.8.0": 5_000 + 137 * seq}}
            own = guest.send("meter-of-guest-2", reading)
        held(eventually(lambda: guest.answered(own)), "the honest Concentrator has no receipt")
    time.sleep(8)  # the slices are rolled up within 5 s
    path = f"v1/aggregate?from={_day(hour - 3600)}&to={_day(hour + 3 * 3600)}&by=hour"
    bare = site.key("only aggregate", "aggregate", "h77")
    for key in (site.evil_key, bare):
        status, sums = site.call("GET", path, key)
        held(status == 200, f"/v1/aggregate answers {status}: {sums}")
        held(not sums, f"it tells a sum of two households: {sums}")
    for meter in meters:
        site.call("DELETE", f"v1/meterReadings?id={meter}", site.evil_key)
    _, sums = site.call("GET", path, site.evil_key)
    held(not sums, "it tells a sum after the invented meters were deleted")


@attack("tries 120 wrong keys from the neighbour's address", "M11", short=False)
def wrong_keys(site: Site) -> None:
    codes = [site.call("GET", "v1/meters", f"smc_wrong{i}")[0] for i in range(120)]
    held(set(codes) <= {401, 429}, f"wrong keys are answered {sorted(set(codes))}")
    held(429 in codes, "nothing limits guesses")
    fresh = site.key("fresh", "read", "h1")  # not used before the attack
    held(site.call("GET", "v1/meters", fresh)[0] == 200, "the neighbour's right key is locked out")


@attack("sends tokens of an issuer that never answers", "M5")
def slow_issuer(site: Site) -> None:
    def token(number: int) -> str:
        head = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"%d"}' % number).rstrip(b"=")
        return f"{head.decode()}.e30.eA"

    threads = [
        threading.Thread(
            target=site.call, args=("GET", "v1/meters", token(i)), kwargs={"seconds": 60}
        )
        for i in range(45)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    status, said = site.call("GET", "healthz", seconds=10)
    own, _ = site.call("GET", "v1/meters", site.honest_key, seconds=10)
    for thread in threads:
        thread.join()
    held(status == 200, f"meanwhile /healthz does not answer within 10 s: {said}")
    held(own == 200, "meanwhile the neighbour has no answer within 10 s")


@attack("asks for codes that do not exist, and for everything, 60 times at once", "M4")
def costly_queries(site: Site) -> None:
    body = {"operationalProperties": [{"specificPropertyName": "OBIS_nonsense' OR 1=1--"}]}
    status, answer = site.call("POST", "v1/meterReadings", site.evil_key, body)
    held(status == 422, f"an unknown code is answered with {status}: {answer}")
    rare = {
        "operationalProperties": [
            {"specificPropertyName": "OBIS_1.7.0", "numericalValueEquals": -7}
        ]
    }
    threads = [
        threading.Thread(target=site.call, args=("POST", "v1/meterReadings", site.evil_key, rare))
        for _ in range(60)
    ]
    for thread in threads:
        thread.start()
    status, _ = site.call("GET", "healthz", seconds=10)
    own, _ = site.call("GET", "v1/meters", site.honest_key, seconds=10)
    for thread in threads:
        thread.join()
    held(status == 200, "meanwhile /healthz does not answer within 10 s")
    held(own == 200, "meanwhile the neighbour has no answer within 10 s")


@attack("opens 200 live streams and drops them, three times", "F1")
def dropped_streams(site: Site) -> None:
    head = (
        f"GET /v1/live HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {site.evil_key}\r\n\r\n"
    ).encode()
    for _ in range(3):
        opened = []
        for _ in range(200):
            sock = connection(site.page_port)
            secure = site.context.wrap_socket(sock, server_hostname="localhost")
            secure.sendall(head)
            opened.append(secure)
        for secure in opened:
            secure.close()
    stream = http.client.HTTPSConnection(
        "127.0.0.1", site.page_port, timeout=30, context=site.context
    )
    try:
        held(
            eventually(lambda: _streams(stream, site.honest_key), 30),
            "a new stream brings no new reading",
        )
    except TimeoutError:
        held(False, "a new stream brings no new reading")
    finally:
        stream.close()


def _refused(site: Site, key: str) -> bool:
    """429 is the answer to a wrong key after many of them."""
    return site.call("GET", "v1/meters", key)[0] in (401, 429)


def _streams(stream: http.client.HTTPSConnection, key: str) -> bool:
    """Whether a stream is answered and brings three events; it is opened again after 503."""
    stream.close()
    stream.request("GET", "/v1/live", headers={"Authorization": f"Bearer {key}"})
    answer = stream.getresponse()
    if answer.status != 200:
        return False
    events = 0
    while events < 3:
        line = answer.readline()
        if not line:
            return False
        events += line.startswith(b"data:")
    return True


@attack("opens 300 connections that send their header byte by byte")
def slow_headers(site: Site) -> None:
    opened = [connection(site.page_port) for _ in range(300)]
    try:
        for sock in opened:
            sock.sendall(b"\x16\x03\x01")
        status, _ = site.call("GET", "v1/meters", site.honest_key, seconds=15)
        held(status == 200, "meanwhile the neighbour has no answer within 15 s")
    finally:
        for sock in opened:
            sock.close()


@attack("sends bodies that are deep, huge or of another site's form")
def odd_bodies(site: Site) -> None:
    for what, body in {
        "100 000 levels": b"[" * 100_000,
        "1000 levels": b'{"meterIds":' + b"[" * 1000 + b"]" * 1000 + b"}",
        "1 MB": b'{"meterIds":["' + b"x" * 1_000_000 + b'"]}',
        "a huge number": b'{"pageNumber":' + b"9" * 5000 + b"}",
        "no JSON": b"\xff\xfe",
    }.items():
        status, _ = site.call("POST", "v1/meterReadings", site.evil_key, body)
        # 0: the server has closed the connection before all of it was sent.
        held(status in (0, 400, 413, 422), f"{what} is answered with {status}")
    status, _ = site.call(
        "POST", "v1/keys", site.admin, b'{"name":"x","scopes":["admin"]}', Content_Type="text/plain"
    )
    held(status in (400, 415, 422), f"a form of another site is answered with {status}")
    for path in ("../cloud.toml", "%2e%2e/cloud.toml", "..%2fauthority%2fca.key", "//etc/passwd"):
        status, _ = site.call("GET", path, site.admin)
        held(status in (400, 404, 405), f"/{path} answers {status}")


@attack("makes a key that is to outlive the key that made it", "H7")
def outliving_keys(site: Site) -> None:
    key = site.key("short-lived", "admin read", "h2")
    _, given = site.call(
        "POST", "v1/keys", key, {"name": "hidden", "scopes": ["read"], "household": "h2"}
    )
    text = next((v for v in given.values() if str(v).startswith("smc_")), None)
    held(text, f"a key cannot be made: {given}")
    number = next(
        k["id"] for k in site.call("GET", "v1/keys", site.admin)[1] if k["name"] == "short-lived"
    )
    site.call("DELETE", f"v1/keys/{number}", site.admin)
    held(_refused(site, text), "a key outlives the one that made it")
