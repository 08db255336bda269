"""The same as an AsyncAPI 3.1 document, from the Concentrator's point of view."""

from typing import Any

import smartmeter

from . import schemas
from .channels import CHANNELS, CLOUD, LAN, PARAMETERS, Channel

_SERVERS = {
    LAN: ("broker.lan:8883", "The LAN's broker: adapters, consumers and the Concentrator."),
    CLOUD: ("cloud.example:8883", "The Cloud's broker: Concentrators and the Cloud."),
}
_BINDING = "0.2.0"  # of MQTT, https://github.com/asyncapi/bindings


def document() -> dict[str, Any]:
    """The document; its schemas are those of docs/schemas."""
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Smart meter chain",
            "version": smartmeter.__version__,
            "description": "Every MQTT message between adapters, Concentrator and Cloud. "
            "docs/messages.md explains them.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            name: {"host": host, "protocol": "secure-mqtt", "description": text}
            for name, (host, text) in _SERVERS.items()
        },
        "channels": {channel.name: _channel(channel) for channel in CHANNELS},
        "operations": {
            channel.name: _operation(channel) for channel in CHANNELS if channel.sent is not None
        },
    }


def _channel(channel: Channel) -> dict[str, Any]:
    schema = schemas.for_messages(channel)
    examples = schema.pop("examples", None)
    message: dict[str, Any] = {
        "title": channel.title,
        "contentType": "application/json" if channel.form else "application/octet-stream",
        "payload": _located(schema, channel.name),
    }
    if channel.form and examples:
        message["examples"] = [{"payload": example} for example in channel.examples]
    return {
        "address": channel.topic,
        "title": channel.title,
        "description": "\n\n".join(channel.notes),
        "servers": [{"$ref": f"#/servers/{name}"} for name in channel.brokers],
        "parameters": {
            name: {"description": text}
            for name, text in PARAMETERS.items()
            if f"{{{name}}}" in channel.topic
        },
        "messages": {channel.name: message},
    }


def _located(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """Here $defs are not at the document's root, and AsyncAPI knows no $schema."""
    at = f"#/channels/{name}/messages/{name}/payload/$defs/"

    def moved(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                k: v.replace("#/$defs/", at) if k == "$ref" else moved(v)
                for k, v in node.items()
                if k != "$schema"
            }
        return [moved(v) for v in node] if isinstance(node, list) else node

    found: dict[str, Any] = moved(schema)
    return found


def _operation(channel: Channel) -> dict[str, Any]:
    mqtt: dict[str, Any] = {"qos": 1, "bindingVersion": _BINDING}
    if channel.sent:
        mqtt["retain"] = channel.retained
    return {
        "action": "send" if channel.sent else "receive",
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "summary": f"From {channel.sender} to {channel.receivers}.",
        "bindings": {"mqtt": mqtt},
    }
