"""docs/messages.md, docs/asyncapi.json and docs/schemas are current, and true of the code."""

import json
import re
from typing import Any

import pytest
from smartmeter.wire import refusal, topics
from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_gateway.intake import validation

from tests import documented
from tools.documents.messages import __main__ as messages
from tools.documents.messages import refused, schemas
from tools.documents.messages.channels import CHANNELS, Channel

JSON = [channel for channel in CHANNELS if channel.form is not None]
ASYNCAPI = json.loads((documented.DOCS / "asyncapi.json").read_text())


def named(channel: Channel) -> str:
    return channel.name


def concrete(channel: Channel) -> str:
    return re.sub(r"\{\w+\}", "x", channel.topic)


def test_the_files_are_current() -> None:
    found = messages.stale(documented.DOCS)
    assert not found, "run python -m tools.documents.messages"


def test_a_schema_that_is_stale_or_left_over_is_found(tmp_path: Any) -> None:
    examples = tmp_path / "examples"
    examples.mkdir()
    for program in documented.DOCS.glob("examples/*.py"):
        (examples / program.name).write_text(program.read_text())
    for path, text in messages.files(tmp_path).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert messages.stale(tmp_path) == []
    left_over, changed = tmp_path / "schemas" / "Old.json", tmp_path / "schemas" / "Reading.json"
    left_over.write_text("{}")
    changed.write_text(changed.read_text().replace("seq", "sequence"))
    assert set(messages.stale(tmp_path)) == {left_over, changed}


@pytest.mark.parametrize("channel", CHANNELS, ids=named)
def test_examples_are_as_documented(channel: Channel) -> None:
    for example in channel.examples:
        payload = bytes.fromhex(example) if channel.form is None else json.dumps(example).encode()
        assert documented.fault(concrete(channel), payload) is None


@pytest.mark.parametrize("channel", JSON, ids=named)
def test_without_a_required_field_nothing_is_as_documented(channel: Channel) -> None:
    schema = schemas.for_messages(channel)
    for field in (schema["items"] if channel.array else schema)["required"]:
        document = json.loads(json.dumps(channel.examples[0]))
        del (document[0] if channel.array else document)[field]
        assert documented.fault(concrete(channel), json.dumps(document).encode()) is not None


def test_programs_take_the_examples_of_readings() -> None:
    for channel in JSON:
        for example in channel.examples:
            payload = json.dumps(example).encode()
            if channel.name == "reading":
                assert validation.reading(payload).seq == example["seq"]
            if channel.name == "refusals":
                assert refusal.decode(payload).reason == example["reason"]
            if channel.name.startswith("cloud"):
                batch = MessageBatch()
                batch.add(topics.uplink("x", "x", channel.topic.rpartition("/")[2]), payload, 0)
                assert not batch.unstorable
                assert batch.messages


@pytest.mark.parametrize("case", refused.CASES, ids=lambda case: case.what)
def test_what_is_refused_does_not_fit_the_schema_either(case: refused.Case) -> None:
    """Except for what JSON Schema cannot know: a total below 0."""
    assert refused.refusal(case).kind
    fault = documented.fault(topics.meter("x", case.specific), case.payload)
    assert bool(fault) != (case.payload == b"" or b"-5" in case.payload)


def test_every_specific_topic_of_the_grammar_is_documented() -> None:
    specific = {
        topics.READING,
        topics.READINGS,
        topics.RAW,
        topics.CIPHERED,
        topics.STATUS,
        topics.STATE,
    }
    last = {channel.topic.rpartition("/")[2] for channel in CHANNELS}
    assert last == specific | {topics.UPDATE, "receipts", "refusals"}


def test_asyncapi_s_references_lead_somewhere() -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [r for child in node.values() for r in references(child)]
        return [r for child in node for r in references(child)] if isinstance(node, list) else []

    found = references(ASYNCAPI)
    assert found
    for reference in found:
        node = ASYNCAPI
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
        assert node
    for channel in CHANNELS:
        sends = {True: "send", False: "receive", None: None}[channel.sent]
        assert ASYNCAPI["operations"].get(channel.name, {}).get("action") == sends


def test_the_page_s_links_lead_somewhere() -> None:
    text = (documented.DOCS / "messages.md").read_text()
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    anchors = {"#" + re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles}
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > len(CHANNELS)
    missing = [
        link
        for link in links
        if (link not in anchors if link[0] == "#" else not (documented.DOCS / link).exists())
    ]
    assert not missing
