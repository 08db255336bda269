"""HTTP that tries to break something: each gets one refusal, and the next request is answered."""

import http.client
import json
import random
import socket
import time
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tests.cloud.api_process import Site, call
from tests.cloud.harness import encoded, reading

INJECTIONS = (
    "m1'; DROP TABLE reading; --",
    "m1' OR '1'='1",
    'm1" OR ""="',
    "m1\\",
    "%",
    "../m1",
    "concentrator/#",
    "+",
    "{7*7}",
    "<script>alert(1)</script>",
    "m1\r\nSet-Cookie: x=1",
    "\ud7ff\uffff",
)


def send(site: Site, body: bytes, path: str = "v1/meterReadings", **headers: str) -> Any:
    """(status, document)."""
    parts = urlsplit(site.api.address)
    client = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
    client.request("POST", f"/{path}", body, {"Content-Type": "application/json"} | headers)
    answer = client.getresponse()
    document = json.loads(answer.read())
    client.close()
    return answer.status, document


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        b"\x00" * 100,
        b"[" * 100_000,
        b'{"meterIds":' * 20_000,
        b'{"maxRows":' + b"9" * 5000 + b"}",
        b'{"maxRows":1e400}',
        b'{"maxRows":NaN}',
        b'{"operationalProperties":[{"specificPropertyName":"OBIS_1.7.0",'
        b'"numericalValueEqualTo":Infinity}]}',
        b'{"meterIds":["' + b"x" * 100 + b'"]}',
        b'{"readingTimeStart":"9999-12-31T23:59:59+14:00"',
        b'{"readingTimeStart":"2026-02-30T00:00:00Z"}',
        b'"\\ud800"',
        b'{"meterIds":["\\ud800"], "x": 1}',
    ],
)
def test_a_body_that_is_made_to_break_something(site: Site, body: bytes) -> None:
    status, document = send(site, body)
    assert (status, document["status"]) in ((400, 400), (422, 422)), document
    assert len(document["detail"]) < 500


def test_a_body_without_end_is_not_read(guarded: Site) -> None:
    """A refusal needs no login."""
    long = b'{"x":"' + b"x" * 300_000 + b'"}'
    status, document = send(guarded, long)
    assert (status, document["detail"]) == (413, "a request may have at most 262144 bytes")
    parts = urlsplit(guarded.api.address)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as s:
        s.sendall(
            b"POST /v1/keys HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        sent = 0
        try:
            while sent < 5_000_000:
                s.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                sent += 0x10000
        except OSError:
            return  # it hung up
        assert s.recv(20).startswith(b"HTTP/1.1 413")
    assert call(guarded, "GET", "healthz")[0] == 200


@pytest.mark.parametrize("text", INJECTIONS)
def test_texts_are_texts(site: Site, text: str) -> None:
    """In paths, queries, bodies and names: they find nothing and break nothing."""
    site.add("m1", reading(1, "2026-09-22T00:00:00Z", v1_7_0=5))
    part = quote(text, safe="")
    span = "from=2026-09-22T00:00:00Z&to=2026-09-23T00:00:00Z"
    for what in ("power", "voltage", "energy"):
        assert call(site, "GET", f"v1/meters/{part}/{what}?{span}")[0] in (404, 405)
    assert call(site, "DELETE", f"v1/meterReadings?id={part}")[0] == 404
    assert call(site, "PUT", f"v1/concentrators/{part}", {"household": "x"})[0] in (404, 405, 422)
    assert call(site, "PUT", "v1/concentrators/house-1", {"household": text})[0] == 422
    assert call(site, "GET", f"v1/bulk/{part}")[0] in (404, 405)
    body: dict[str, Any] = {"meterIds": [text]}
    assert call(site, "POST", "v1/meterReadings", body)[1]["content"] == []
    body = {"operationalProperties": [{"specificPropertyName": f"OBIS_{text}"}]}
    assert call(site, "POST", "v1/meterReadings", body)[0] == 422
    assert call(site, "PUT", "v1/meters/m1", {"label": text})[0] == 200
    assert site.api.get("v1/meters")[0]["label"] == text.strip()
    key = {"name": text, "scopes": ["read"]}
    assert call(site, "POST", "v1/keys", key)[0] == 200
    assert text in [k["name"] for k in site.api.get("v1/keys")]
    assert [m["id"] for m in site.api.get("v1/meters")] == ["m1"]


def test_headers_are_no_way_in(guarded: Site) -> None:
    for name, value in (
        ("Authorization", "Bearer " + "x" * 20_000),
        ("Authorization", "Bearer \xff\xfe"),
        ("Authorization", "Bearer e30.e30.e30"),
        ("Cookie", "smartmeter=' OR 1=1; smartmeter=x"),
        ("X-Forwarded-User", "admin"),
        ("Content-Length", "-1"),
    ):
        parts = urlsplit(guarded.api.address)
        with socket.create_connection((parts.hostname, parts.port), timeout=60) as s:
            head = f"GET /v1/keys HTTP/1.1\r\nHost: localhost\r\n{name}: {value}\r\n\r\n"
            s.sendall(head.encode("latin-1"))
            status = int(s.makefile("rb").readline().split()[1])
        assert status in (400, 401, 431), name


def test_any_bytes_get_an_answer(site: Site) -> None:
    draw = random.Random(20261122)
    good = encoded(
        {
            "readingTimeStart": "2026-09-22T00:00:00Z",
            "pageSize": 10,
            "meterIds": ["m1"],
            "operationalProperties": [
                {"specificPropertyName": "OBIS_1.7.0", "numericalValueLessThan": 5.5}
            ],
        }
    )
    began = time.process_time()
    for _ in range(150):
        body = bytearray(good)
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(len(body))
            body[at : at + draw.randint(0, 3)] = draw.randbytes(draw.randint(0, 3))
        assert send(site, bytes(body))[0] in (200, 400, 422), body
    assert time.process_time() - began < 20
    assert site.api.get("healthz") == {"status": "ok"}
    assert "Traceback" not in site.api.said
