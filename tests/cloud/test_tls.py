"""TLS is on, HTTP is redirected to HTTPS, and both are off only on localhost."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud.api_process import Site, call
from tests.cloud.harness import Process
from tools.certificates import Authority
from tools.environment.mosquitto import free_port


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = authority.issue("page", ("localhost", "meters.example"))
    config = folder / "cloud.toml"
    config.write_text(
        f'[http]\nport = 0\nredirect_port = {free_port()}\nnames = ["meters.example"]\n'
        f'certificate = "{certificate}"\nkey = "{key}"\n'
    )
    api = Process("api", config)
    api.says("the page is at ")
    yield api
    assert api.stop() == 0


def plain_port(secure: Process) -> int:
    return int(secure.config.read_text().split("redirect_port = ")[1].split()[0])


def answer(port: int, request: bytes) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as s:
        s.sendall(request)
        s.shutdown(socket.SHUT_WR)
        return s.makefile("rb").read().decode()


def test_http_is_sent_to_https(secure: Process) -> None:
    port = secure.address.rstrip("/").rsplit(":", 1)[1]
    told = answer(plain_port(secure), b"GET /docs?x=1 HTTP/1.1\r\nHost: meters.example\r\n\r\n")
    assert told.startswith("HTTP/1.1 308 ")
    assert f"\r\nlocation: https://meters.example:{port}/docs?x=1\r\n" in told
    local = answer(plain_port(secure), b"POST / HTTP/1.1\r\nhost: LOCALHOST:80\r\n\r\n")
    assert f"location: https://localhost:{port}/\r\n" in local


def test_it_leads_nowhere_else_and_bears_anything(secure: Process) -> None:
    port = plain_port(secure)
    for request in (
        b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: evil.example#localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n",
    ):
        assert answer(port, request).startswith("HTTP/1.1 400 "), request
    for request in (b"", b"GET", b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01" * 20, b"x" * 100_000):
        try:
            told = answer(port, request)
        except ConnectionError:  # closed before all of it was read
            continue
        assert told == "" or told.startswith("HTTP/1.1 400 ")
        assert "location" not in told
    told = answer(port, b"GET /\x0bSet-Cookie:x HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert told.startswith("HTTP/1.1 400 ")
    assert "Set-Cookie" not in told
    for target in (b"//evil.example/", b"http://evil.example/", b"/%0d%0aSet-Cookie:x"):
        told = answer(port, b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert "location: https://localhost:" in told
        assert "\nSet-Cookie" not in told


def test_over_tls(secure: Process, authority: Authority) -> None:
    port = int(secure.address.rstrip("/").rsplit(":", 1)[1])
    context = ssl.create_default_context(cafile=authority.certificate_path)
    client = http.client.HTTPSConnection("localhost", port, timeout=60, context=context)
    client.request("GET", "/healthz")
    got = client.getresponse()
    assert (got.status, got.headers["Strict-Transport-Security"]) == (200, "max-age=15552000")
    client.close()
    client.request("GET", "/v1/meters")
    assert client.getresponse().status == 401  # with TLS it is not open
    client.close()
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(authority.certificate_path)
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("localhost", port), timeout=60) as s,
        pytest.raises(ssl.SSLError),
    ):
        old.wrap_socket(s, server_hostname="localhost")


def test_open_is_not_for_those_behind_a_proxy(site: Site) -> None:
    assert call(site, "GET", "v1/meters")[0] == 200
    for name in ("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via"):
        status, problem, _ = call(site, "GET", "v1/meters", **{name: "203.0.113.7"})
        assert (status, "behind a proxy" in problem["detail"]) == (401, True)


def test_without_tls_there_is_only_the_loopback(tmp_path: Path) -> None:
    config = tmp_path / "cloud.toml"
    config.write_text('[http]\nhost = "0.0.0.0"\nport = 0\n')
    api = Process("api", config)
    assert api.process is not None
    assert api.process.wait(60) == 1
    assert "can be reached from outside" in api.said
