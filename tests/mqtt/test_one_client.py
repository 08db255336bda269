"""Clients speak MQTT by paho alone, and the embedded broker by amqtt.

Two files build or parse packets by hand: the load generator of the benches, and the gate in front
of amqtt, which must bound a stranger's CONNECT before amqtt keeps any of it.
"""

import ast
from pathlib import Path

import pytest

MAY_IMPORT = {
    "paho": {"gateway/src/smartmeter_mqtt/session.py"},
    "amqtt": {
        "gateway/src/smartmeter_broker/embedded.py",
        "gateway/src/smartmeter_broker/packets.py",
        "gateway/src/smartmeter_broker/plugins.py",
    },
}
BY_HAND = {"gateway/src/smartmeter_broker/connect_packet.py", "tools/bench/mqtt_wire.py"}


def speaks_mqtt(text: str) -> bool:
    """Whether a source spells the protocol's name, with which each CONNECT begins (3.1.2.1)."""
    return any(
        isinstance(node, ast.Constant) and node.value in ("MQTT", b"MQTT", b"\x00\x04MQTT")
        for node in ast.walk(ast.parse(text))
    )


def libraries(text: str) -> set[str]:
    """The first names of what a source imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").split(".")[0])
    return found


def sources(repository: Path, *folders: str) -> dict[str, str]:
    return {
        path.relative_to(repository).as_posix(): path.read_text()
        for folder in folders
        for path in sorted((repository / folder).rglob("*.py"))
    }


def test_no_other_packet_is_built_by_hand(repository: Path) -> None:
    files = sources(repository, "gateway/src", "cloud/src", "tools")
    assert {name for name, text in files.items() if speaks_mqtt(text)} == BY_HAND


@pytest.mark.parametrize("library", MAY_IMPORT)
def test_each_library_has_its_room(repository: Path, library: str) -> None:
    files = sources(repository, "gateway/src", "cloud/src")
    users = {name for name, text in files.items() if library in libraries(text)}
    assert users == MAY_IMPORT[library]


def test_paho_s_own_thread_is_not_used(repository: Path) -> None:
    """It costs twice as much, and messages of a lost connection live on in it."""
    for name, text in sources(repository, "gateway/src", "cloud/src").items():
        called = {n.attr for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Attribute)}
        assert not called & {"loop_start", "loop_forever", "enable_logger"}, name
