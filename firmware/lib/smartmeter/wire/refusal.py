"""Refusals: by which a Concentrator learns that the Cloud has not stored a message.

They come on cloud/{concentratorId}/refusals, one JSON object in each message:

    {"digest": "0f3c...", "reason": "one sentence", "final": false, "scope": "meter"}

digest is the refused message's (see receipt.py), in hex. A final refusal says that the message
can never be stored. The Cloud keeps it as a dead letter, and a receipt follows. Otherwise the
Concentrator keeps the message and sends it again later. scope says what else would be refused.

Only the servers load this module.
"""

import json

from smartmeter.wire import receipt, topics

# What is refused for the same reason: this message, all of its meter's, all of the Concentrator's.
MESSAGE = "message"
METER = "meter"
CONCENTRATOR = "concentrator"

_SIZE_MAX = 2048  # bytes of a refusal
_REASON_MAX = 300  # characters


class Refusal:
    """digest: 16 bytes; reason: a sentence that says what to do; final, scope: see above."""

    def __init__(self, digest: bytes, reason: str, final: bool, scope: str = MESSAGE) -> None:
        self.digest = digest
        self.reason = reason
        self.final = final
        self.scope = scope


def topic(concentrator_id: str) -> str:
    """The topic on which the Cloud names the messages that it has not stored."""
    return topics.receipts(concentrator_id).rsplit("/", 1)[0] + "/refusals"


def every_answer(concentrator_id: str) -> str:
    """The topic filter for everything that the Cloud says to a Concentrator."""
    return topics.receipts(concentrator_id).rsplit("/", 1)[0] + "/#"


def encode(refusal: Refusal) -> bytes:
    """A refusal as it travels."""
    return json.dumps(
        {
            "digest": refusal.digest.hex(),
            "reason": refusal.reason[:_REASON_MAX],
            "final": refusal.final,
            "scope": refusal.scope,
        }
    ).encode()


def decode(payload: bytes) -> Refusal:
    """The refusal in a payload; ValueError if there is none."""
    if len(payload) > _SIZE_MAX:
        raise ValueError("a refusal is at most 2048 bytes")
    try:
        document = json.loads(payload)
        digest = bytes.fromhex(document["digest"])
        reason, final, scope = document["reason"], document["final"], document["scope"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError("a refusal is a JSON object of digest, reason, final and scope") from None
    if (
        len(digest) != receipt.SIZE
        or not isinstance(reason, str)
        or not isinstance(final, bool)
        or scope not in (MESSAGE, METER, CONCENTRATOR)
    ):
        raise ValueError("a refusal has a digest of 16 bytes, a text, true or false, and a scope")
    printable = "".join([c if c.isprintable() else " " for c in reason[:_REASON_MAX]])
    return Refusal(digest, printable, final, scope)
