"""Clients of the emulated devices, as batteries and wallboxes ask them: over real sockets."""

import http.client as http_client
import json
import socket
from typing import Any

TIMEOUT_S = 20


def http(
    port: int, method: str, target: str, body: bytes | None = None, **headers: str
) -> tuple[int, Any]:
    """(status, document) of one request; each has a connection of its own."""
    connection = http_connection(port)
    connection.request(method, target, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, json.loads(content) if content else None


def http_connection(port: int) -> http_client.HTTPConnection:
    return http_client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)


class ShellyByUdp:
    """Sends request frames and matches answers by their id, as a Marstek battery does."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(TIMEOUT_S)
        self.socket.connect(("127.0.0.1", port))
        self.id = 0

    def __enter__(self) -> "ShellyByUdp":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def call(self, method: str, **params: Any) -> Any:
        self.id += 1
        frame = {"id": self.id, "src": "battery", "method": method, "params": params}
        self.socket.send(json.dumps(frame).encode())
        answer = json.loads(self.socket.recv(4096))
        assert (answer["id"], answer["dst"]) == (self.id, "battery")
        return answer
