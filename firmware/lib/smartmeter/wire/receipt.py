"""Receipts: they tell a Concentrator that the Cloud's store has a message.

A receipt is the first 16 bytes of SHA-256 over topic, a zero byte and payload.
It needs no field in the payload and no MQTT 5. The payload of a message on
cloud/{concentratorId}/receipts is such digests one behind the other.
"""

from hashlib import sha256

SIZE = 16


def digest(topic: str, payload: bytes) -> bytes:
    """The 16-byte receipt of a message: topic a str, payload bytes, both as published."""
    h = sha256(topic.encode())
    h.update(b"\x00")
    h.update(payload)
    whole: bytes = h.digest()
    return whole[:SIZE]


def split(payload: bytes) -> list[bytes]:
    """The digests in a receipts message; ValueError if its length is not a multiple of 16."""
    if len(payload) % SIZE:
        raise ValueError("a receipts message is a multiple of 16 bytes")
    return [bytes(payload[i : i + SIZE]) for i in range(0, len(payload), SIZE)]
