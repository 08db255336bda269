"""The Concentrator tells adapters the time where [sntp] is in its settings."""

import socket
import struct
import time

import pytest

from tests.gateway.conftest import Between
from tools.environment.mosquitto import free_port

_1900 = 2_208_988_800
_REQUEST = b"\x1b" + bytes(39) + b"originat"  # version 3, client


def _ask(port: int, request: bytes, seconds: float = 20.0) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(seconds)
        client.sendto(request, ("127.0.0.1", port))
        return client.recv(512)


def test_it_answers_as_a_server_of_its_own_clock(between: Between) -> None:
    port = free_port()
    between.configure(f'[sntp]\nhost = "127.0.0.1"\nport = {port}\n')
    between.process.start().says("Concentrator home runs")
    before = time.time()
    answer = _ask(port, _REQUEST)
    after = time.time()
    assert len(answer) == 48
    assert answer[0] == 0x1C  # no leap second, version 3, server
    assert answer[1] == 10
    assert answer[24:32] == b"originat"
    seconds, fraction = struct.unpack("!II", answer[40:])
    told = seconds - _1900 + fraction / (1 << 32)
    assert before - 0.001 <= told <= after + 0.001


def test_what_no_client_sends_has_no_answer(between: Between) -> None:
    """A server that answered servers would talk to them forever."""
    port = free_port()
    between.configure(f'[sntp]\nhost = "127.0.0.1"\nport = {port}\n')
    between.process.start().says("Concentrator home runs")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        for wrong in (b"", _REQUEST[:47], b"\x1c" + _REQUEST[1:]):
            client.sendto(wrong, ("127.0.0.1", port))
        client.sendto(_REQUEST, ("127.0.0.1", port))
        assert client.recv(512)[24:32] == b"originat"
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(512)


def test_a_port_in_use_is_one_sentence(between: Between) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        between.configure(f'[sntp]\nhost = "127.0.0.1"\nport = {port}\n')
        between.process.start().says(f"[sntp] cannot listen on 127.0.0.1:{port}: address already")
