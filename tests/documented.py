"""Holds real messages against the published schemas: docs/schemas, by docs/asyncapi.json."""

import functools
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs

_OF_A_TOPIC = 50  # messages; what floods a client must not wait for this
DOCS = Path(__file__).resolve().parents[1] / "docs"


def validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


@functools.cache
def _validators() -> list[tuple[re.Pattern[str], jsonschema_rs.Draft202012Validator | None]]:
    """For each channel: the pattern of its topics, and what validates it if it is JSON."""
    document = json.loads((DOCS / "asyncapi.json").read_text())
    found = []
    for name, channel in document["channels"].items():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(channel["address"]))
        message = channel["messages"][name]
        schema = {"$ref": f"#/channels/{name}/messages/{name}/payload"} | {
            "channels": document["channels"]
        }
        is_json = message["contentType"] == "application/json"
        found.append((re.compile(pattern), validator(schema) if is_json else None))
    return found


def fault(topic: str, payload: bytes) -> str | None:
    """Why a message is not as documented, or None. An empty one withdraws a retained one."""
    for pattern, validates in _validators():
        if pattern.fullmatch(topic):
            if validates is None or not payload:
                return None
            try:
                validates.validate(json.loads(payload))
            except (ValueError, jsonschema_rs.ValidationError) as why:
                return f"{topic}: {why}"
            return None
    return f"{topic}: not a documented topic"


class Witness:
    """Hears messages in a client's thread; says at the end what was not as documented."""

    def __init__(self, is_ours: Callable[[str, bytes], bool] = lambda *_: True) -> None:
        """is_ours: which messages are to be as documented, and not a test's own invention."""
        self._is_ours = is_ours
        self._heard: Counter[str] = Counter()
        self.faults: list[str] = []

    def hear(self, topic: str, payload: bytes) -> None:
        self._heard[topic] += 1
        if self._heard[topic] > _OF_A_TOPIC:
            return
        if self._is_ours(topic, payload) and (found := fault(topic, payload)):
            self.faults.append(found)
