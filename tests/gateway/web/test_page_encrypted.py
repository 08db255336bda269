"""Off localhost the page is encrypted, and its password cannot be sniffed or guessed."""

import base64
import hashlib
import http.client
import json
import re
import socket
import ssl
import stat

import pytest
from smartmeter_gateway.web.rate_limit import WRONG_MAX, WrongPasswordLimit

from tests.gateway.conftest import Between
from tests.gateway.harness import eventually
from tests.gateway.test_home import command

PASSWORD = "open sesame, please"


@pytest.fixture
def page(between: Between) -> Between:
    """A Concentrator whose page the whole network reaches."""
    protect(between, PASSWORD)
    between.process.start().says("SHA-256 of its certificate")
    return between


def protect(between: Between, password: str) -> None:
    secret = between.folder / "http.password"
    secret.write_text(password)
    secret.chmod(0o600)
    text = between.process.config.read_text().replace(
        "[http]", '[http]\nhost = "0.0.0.0"\npassword_file = "http.password"'
    )
    between.process.config.write_text(text)


def ask(page: Between, password: str | None, source: str = "127.0.0.1") -> tuple[int, str]:
    """(status, body) for a client that trusts the page's certificate, by every name of it."""
    context = ssl.create_default_context(cafile=page.folder / "page.crt")
    client = http.client.HTTPSConnection(
        "localhost", page.http, timeout=60, context=context, source_address=(source, 0)
    )
    headers = {}
    if password is not None:
        token = base64.b64encode(f"home:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {token}"
    client.request("GET", "/status", headers=headers)
    answer = client.getresponse()
    body = answer.read().decode()
    client.close()
    return answer.status, body


def test_the_page_is_encrypted_with_a_certificate_of_its_own(page: Between) -> None:
    assert ask(page, None)[0] == 401
    status, body = ask(page, PASSWORD)
    assert (status, json.loads(body)["concentrator"]) == (200, "home")
    assert f"the local page is at https://0.0.0.0:{page.http}/" in page.process.said
    said = re.search(r"SHA-256 of its certificate: ([0-9A-F:]+)", page.process.said)
    assert said
    seen = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", page.http)))
    assert said[1].replace(":", "").lower() == hashlib.sha256(seen).hexdigest()
    assert stat.S_IMODE((page.folder / "page.key").stat().st_mode) == 0o600


def answers(page: Between) -> bool:
    try:
        return ask(page, PASSWORD)[0] == 200
    except OSError:
        return False


def test_the_certificate_stays_the_same(page: Between) -> None:
    before = (page.folder / "page.crt").read_bytes()
    page.process.kill()
    page.process.start()
    eventually(lambda: page.process.said.count("SHA-256 of its certificate") == 2)
    eventually(lambda: answers(page))
    assert (page.folder / "page.crt").read_bytes() == before


def test_without_encryption_it_shows_nothing_but_where_to_go(page: Between) -> None:
    token = base64.b64encode(f"home:{PASSWORD}".encode()).decode()
    client = http.client.HTTPConnection("127.0.0.1", page.http, timeout=60)
    client.request("GET", "/status", headers={"Authorization": f"Basic {token}"})
    answer = client.getresponse()
    assert (answer.status, b"https://" in answer.read()) == (400, True)


def test_a_handshake_that_stalls_holds_up_nobody(page: Between) -> None:
    with socket.create_connection(("127.0.0.1", page.http)) as silent:
        silent.sendall(b"\x16\x03\x01")
        assert ask(page, PASSWORD)[0] == 200


def test_the_command_line_reaches_it(page: Between) -> None:
    told = command("status", "--json", "--config", str(page.process.config))
    assert json.loads(told.stdout)["state"] == "online"


def test_guessing_is_limited_and_a_neighbor_is_not(page: Between) -> None:
    answers = [ask(page, f"guess {i}")[0] for i in range(WRONG_MAX)]
    assert answers == [401] * WRONG_MAX
    assert ask(page, "another guess")[0] == 429
    status, body = ask(page, PASSWORD)
    assert (status, "wait" in body) == (429, True)
    assert ask(page, PASSWORD, source="127.0.0.2")[0] == 200
    assert page.process.said.count("Traceback") == 0


def test_looking_without_a_password_is_no_guess(page: Between) -> None:
    for _ in range(2 * WRONG_MAX):
        assert ask(page, None)[0] == 401
    assert ask(page, PASSWORD)[0] == 200


def test_a_short_password_is_refused(between: Between) -> None:
    protect(between, "elevenchars")
    told = command("run", "--config", str(between.process.config))
    assert told.returncode == 2
    assert "http.password_file must contain a password of at least 12 characters" in told.stderr
    assert "elevenchars" not in told.stderr


def test_guesses_are_forgotten_after_a_minute_without_any() -> None:
    now = 0.0
    limit = WrongPasswordLimit(lambda: now)
    for _ in range(WRONG_MAX):
        limit.wrong("192.0.2.1")
    assert limit.must_wait("192.0.2.1") == 61
    assert limit.must_wait("192.0.2.2") == 0
    for i in range(2000):
        limit.wrong(f"198.51.100.{i}")
    assert len(limit._wrong) <= 1000
    now = 61.0
    assert limit.must_wait("192.0.2.1") == 0
