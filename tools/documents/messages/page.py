"""The same for people: docs/messages.md."""

import json
from pathlib import Path
from typing import Any

from smartmeter import ALLOWED
from smartmeter.wire.values import unit_of_key
from smartmeter_gateway.capture.obis_names import name_of

from . import refused, schemas
from .channels import CHANNELS, CLOUD, LAN, PARAMETERS, Channel

_TEXTS = Path(__file__).parent
_BROKERS = {LAN: "LAN", CLOUD: "Cloud"}


def page(examples: Path) -> str:
    """The page's text; examples: the folder with the programs that it shows."""
    parts = [_text("introduction"), _overview()]
    parts.append(_program("An adapter", "a whole program", examples / "adapter.py"))
    parts.append(_program("A consumer", "a whole program", examples / "consumer.py"))
    parts += [_chapter(channel) for channel in CHANNELS]
    parts += [_values(), _refusals()]
    return "\n".join(parts)


def _text(name: str) -> str:
    return (_TEXTS / f"{name}.md").read_text(encoding="utf-8")


def _overview() -> str:
    rows = [("topic", "broker", "from", "to", "retained", "payload")]
    for c in CHANNELS:
        rows.append(
            (
                f"[`{c.topic}`](#{_anchor(c.title)})",
                " and ".join(_BROKERS[b] for b in c.brokers),
                c.sender,
                c.receivers,
                "yes" if c.retained else "no",
                _payload(c),
            )
        )
    ids = "\n".join(f"- `{{{name}}}` is {text}." for name, text in PARAMETERS.items())
    return f"## All topics\n\n{_table(rows)}\n{ids}\n"


def _payload(channel: Channel) -> str:
    if channel.form is None:
        return "bytes"
    name = channel.form.__name__
    return f"{'array of ' if channel.array else ''}[{name}](schemas/{name}.json)"


def _anchor(title: str) -> str:
    kept = "".join(c for c in title.lower() if c.isalnum() or c in " -")
    return kept.replace(" ", "-")


def _program(title: str, what: str, path: Path) -> str:
    text = path.read_text(encoding="utf-8").rstrip()
    return f"## {title}\n\n[{path.name}](examples/{path.name}), {what}:\n\n```python\n{text}\n```\n"


def _chapter(channel: Channel) -> str:
    brokers = " and ".join(_BROKERS[b] for b in channel.brokers)
    lines = [
        f"## {channel.title}\n",
        f"`{channel.topic}`, broker: {brokers}, QoS 1, "
        f"{'retained' if channel.retained else 'not retained'}\n",
        f"From {channel.sender} to {channel.receivers}. Payload: {_payload(channel)}.\n",
    ]
    lines += [note + "\n" for note in channel.notes]
    if channel.form is not None and _is_first(channel):
        schema = schemas.of(channel.form)
        lines.append(_fields(schema, schema))
        for name, inner in schema.get("$defs", {}).items():
            lines.append(f"{name}: {_first_line(inner)}\n")
            lines.append(_fields(inner, schema))
    for example in channel.examples:
        text = example if isinstance(example, str) else json.dumps(example, ensure_ascii=False)
        lines.append(f"    {text}\n")
    return "\n".join(lines)


def _is_first(channel: Channel) -> bool:
    """Whether its form has not been shown before."""
    return next(c for c in CHANNELS if c.form is channel.form) is channel


def _first_line(schema: dict[str, Any]) -> str:
    return str(schema.get("description", "")).partition("\n")[0]


def _fields(schema: dict[str, Any], root: dict[str, Any]) -> str:
    required = set(schema.get("required", ()))
    rows = [("field", "type", "required", "meaning")]
    for name, field in schema["properties"].items():
        rows.append(
            (
                f"`{name}`",
                _type(field, root),
                "yes" if name in required else "",
                field.get("description", ""),
            )
        )
    return _table(rows)


def _type(field: dict[str, Any], root: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "anyOf" in field:
        return " or ".join(_type(each, root) for each in field["anyOf"])
    if "enum" in field:
        return ", ".join(f"`{json.dumps(each)}`" for each in field["enum"])
    if isinstance(field.get("type"), list):
        return " or ".join(field["type"])
    kind = str(field.get("type", "anything"))
    if kind == "array":
        return f"array of {_type(field['items'], root)}"
    if kind == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"object of {_type(field['additionalProperties'], root)}"
    return "time" if field.get("format") == "date-time" else kind


def _values() -> str:
    rows = [("code", "meaning", "unit")]
    rows += [(f"`{code}`", name_of(f"1-0:{code}"), unit_of_key(code)) for code in ALLOWED]
    return f"{_text('values')}\n{_table(rows)}"


def _refusals() -> str:
    rows = [("published on", "what", "kind", "field", "detail")]
    for case in refused.CASES:
        why = refused.refusal(case)
        rows.append((f"`.../{case.specific}`", case.what, why.kind, why.field, why.detail))
    others = [("kind", "what else is refused"), *refused.OTHERS]
    return f"{_text('refused')}\n{_table(rows)}\nFurther kinds:\n\n{_table(others)}"


def _table(rows: list[tuple[str, ...]]) -> str:
    lines = [rows[0], ("---",) * len(rows[0]), *rows[1:]]
    cells = [[cell.replace("|", "\\|") for cell in row] for row in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells) + "\n"
