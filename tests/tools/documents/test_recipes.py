"""The recipes name topics and fields that exist; `make clients` runs those that can be run here."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.documented import DOCS, fault
from tools.documents.messages.channels import CHANNELS

RECIPES = DOCS / "recipes"
STATE = next(channel for channel in CHANNELS if channel.name == "state")
FIELDS = set(json.loads((DOCS / "schemas" / "State.json").read_text())["properties"])
FILES = sorted(path for path in RECIPES.iterdir() if path.is_file())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_fields_and_topics_exist(path: Path) -> None:
    text = path.read_text()
    named = re.findall(r"\b[a-z][a-z0-9_]*_(?:w|kwh|a|v|m3|var)\b", text)
    assert named or path.suffix == ".conf"
    assert set(named) <= FIELDS
    for topic in re.findall(r"(?<![\w/])concentrator/[^\s\"'`,\])]+", text):
        concrete = re.sub(r"\+|\{\w+\}", "x", topic)
        example = STATE.examples[0] if topic.endswith("/state") else {"state": "online"}
        assert fault(concrete, json.dumps(example).encode()) is None


def test_the_files_are_what_their_programs_read() -> None:
    nodes = json.loads((RECIPES / "node-red.json").read_text())
    ids = [node["id"] for node in nodes]
    assert len(set(ids)) == len(ids)
    wired = {to for node in nodes for wires in node.get("wires", ()) for to in wires}
    assert wired <= set(ids)
    grid = yaml.safe_load((RECIPES / "evcc.yaml").read_text())["meters"][0]
    assert grid["power"]["jq"] == ".power_w"
    consumer = tomllib.loads((RECIPES / "telegraf.conf").read_text())["inputs"]["mqtt_consumer"][0]
    parsing = consumer["topic_parsing"][0]
    assert parsing["topic"].count("/") == parsing["tags"].count("/")


def test_each_file_is_linked_and_says_whether_it_was_run() -> None:
    text = (RECIPES / "README.md").read_text()
    for path in FILES:
        assert path.name == "README.md" or f"]({path.name})" in text
    targets = [t for t in re.findall(r"\]\(([^)#]+)", text) if "://" not in t]
    assert not [t for t in targets if not (RECIPES / t).exists()]
    rows = re.findall(r"^\| (?!program|-)(.+) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    assert len(rows) == 9
    assert {row[2].partition(":")[0] for row in rows} == {"yes", "not run here"}
