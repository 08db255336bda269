"""What an emulated device is for the servers that carry its protocol."""

from typing import NamedTuple, Protocol

UNAVAILABLE = 503  # the status while the meter has nothing that is fresh
REQUEST_MAX = 1024  # bytes of a body or datagram; those that are known have about 100


class Answer(NamedTuple):
    """status: as in HTTP; body: JSON."""

    status: int
    body: bytes


class Device(Protocol):
    """For any thread. It answers, and nothing that is asked changes anything."""

    def http(self, method: str, target: str, body: bytes) -> Answer: ...
    def udp(self, datagram: bytes) -> Answer | None: ...
