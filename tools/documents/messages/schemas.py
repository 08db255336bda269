"""JSON Schema of each message, from its type and its examples."""

from typing import Any

import msgspec
from smartmeter_gateway.monitoring import quantities

from .channels import CHANNELS, Channel
from .forms import State

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def names() -> dict[str, type]:
    """The types of all JSON messages, by name."""
    return {c.form.__name__: c.form for c in CHANNELS if c.form is not None}


def of(form: type) -> dict[str, Any]:
    """The schema of one type: an object with its fields, and what they refer to in $defs."""
    made = msgspec.json.schema(form)
    definitions: dict[str, Any] = made["$defs"]
    schema = definitions.pop(form.__name__)
    if form is State:
        schema["properties"] |= _values()
        schema["additionalProperties"] = {"type": ["number", "null"]}
    schema["examples"] = [
        example
        for channel in CHANNELS
        if channel.form is form
        for example in (channel.examples[0] if channel.array else channel.examples)
    ][:2]
    found = {"$schema": DRAFT, **schema}
    if definitions:
        found["$defs"] = definitions
    return found


def _values() -> dict[str, Any]:
    """What a state may have beside its own fields, from the Concentrator's table."""
    known = [quantities.quantity(code) for code in quantities.ELECTRIC]
    known += [quantities.quantity("", medium, unit) for medium, unit in quantities.SUBMETERS]
    found: dict[str, Any] = {}
    for quantity in known:
        source = f"OBIS {quantity.code}" if quantity.code else "of a sub-meter"
        unit = f" in {quantity.unit}" if quantity.unit else ""
        description = f"{quantity.title}{unit}, {source}"
        found.setdefault(quantity.field, {"type": ["number", "null"], "description": description})
    return found


def for_messages(channel: Channel) -> dict[str, Any]:
    """What one message of a channel must fit; bytes have no form."""
    if channel.form is None:
        return {"type": "string", "contentEncoding": "base64"}
    schema = of(channel.form)
    if not channel.array:
        return schema
    inner = {k: v for k, v in schema.items() if k not in ("$schema", "$defs", "examples")}
    rest = {k: v for k, v in schema.items() if k == "$defs"}
    return {"$schema": DRAFT, "type": "array", "minItems": 1, "items": inner} | rest
