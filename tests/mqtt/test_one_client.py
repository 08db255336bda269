"""Packets of MQTT are built and parsed by paho and amqtt alone, and by umqtt on the adapter.

Two folders are exceptions. The load generator in tools/bench must cost less than what it loads, and
tools/attack sends packets that no library builds.
"""

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

PAHO, AMQTT = "gateway/src/smartmeter_mqtt/session.py", "gateway/src/smartmeter_broker/"
SOURCES = ("gateway/src", "cloud/src", "firmware", "tools")
LOAD_GENERATOR = "tools/bench/"
EXCEPTIONS = (LOAD_GENERATOR, "tools/attack/")
UNREAD = shutil.ignore_patterns("__pycache__", "static", "data")

LIBRARIES = {"paho", "amqtt", "umqtt"}
# Types of control packets that no other protocol calls so (MQTT 3.1.1, 2.2.1).
OWN_WORDS = re.compile("connack|puback|pubrec|pubrel|pubcomp|suback|pingreq|pingresp", re.I)
# The others: the number, and the first byte with the flags that clients may set.
NUMBERS = {
    "connect": {1, 0x10},
    "publish": {3, *range(0x30, 0x3E)},
    "subscribe": {8, 0x80, 0x82},
    "unsubscribe": {10, 0xA0, 0xA2},
    "disconnect": {14, 0xE0},
}
# Whole fixed headers of packets with two bytes behind it, or none.
SHORT = tuple(
    bytes([first, size])
    for size, firsts in {
        0: b"\xc0\xd0\xe0",
        2: b"\x20\x40\x50\x62\x70\xb0",
    }.items()
    for first in firsts
)


def signs_of_a_codec(text: str) -> set[str]:
    """What in a source shows that it builds or parses packets of MQTT itself."""
    tree = ast.parse(text)
    theirs = names_from_libraries(tree)
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and is_protocol_name(node.value):
            found.add("the protocol's name")
        if isinstance(node, ast.Constant) and is_short_packet(node.value):
            found.add("the bytes of a packet")
        if OWN_WORDS.search(identifier(node, theirs)) or numbers_a_type(node):
            found.add("the type of a packet")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and counts_in_sevens(node):
            found.add("a remaining length")
    return found


def names_from_libraries(tree: ast.AST) -> set[str]:
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in LIBRARIES
        for alias in node.names
    }


def is_protocol_name(value: object) -> bool:
    """With it each CONNECT begins (3.1.2.1)."""
    if isinstance(value, bytes):
        return b"MQTT" in value or b"MQIsdp" in value
    return value in ("MQTT", "MQIsdp")


def is_short_packet(value: object) -> bool:
    return isinstance(value, bytes) and len(value) <= 4 and value.startswith(SHORT)


def identifier(node: ast.AST, theirs: set[str]) -> str:
    """The name that a node gives or uses; none if it is a library's."""
    if isinstance(node, ast.Attribute):
        of_library = isinstance(node.value, ast.Name) and node.value.id in theirs
        return "" if of_library else node.attr
    name = getattr(node, "id", None) or getattr(node, "name", None) or getattr(node, "arg", None)
    return name if isinstance(name, str) and name not in theirs else ""


def numbers_a_type(node: ast.AST) -> bool:
    """Whether it gives a name such as _PUBLISH its number."""
    return any(
        word in re.split("[^a-z]+", name.lower()) and number in numbers
        for name, number in assigned(node)
        for word, numbers in NUMBERS.items()
    )


def assigned(node: ast.AST) -> Iterator[tuple[str, object]]:
    if isinstance(node, ast.Assign | ast.AnnAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            for name, value in zip(names, values, strict=False):
                if isinstance(name, ast.Name) and isinstance(value, ast.Constant):
                    yield name.id, value.value
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            for one, other in ((key, value), (value, key)):
                if isinstance(one, ast.Constant) and isinstance(other, ast.Constant):
                    yield str(one.value), other.value


def counts_in_sevens(function: ast.AST) -> bool:
    """Whether it takes bits in groups of seven, as in a remaining length (2.2.3)."""
    operations = [n for n in ast.walk(function) if isinstance(n, ast.BinOp | ast.AugAssign)]
    shifts = [n for n in operations if isinstance(n.op, ast.LShift | ast.RShift)]
    scales = [n for n in operations if isinstance(n.op, ast.Mult | ast.FloorDiv | ast.Mod)]
    calls = [n for n in ast.walk(function) if isinstance(n, ast.Call)]
    widths = {width.id for shift in shifts if isinstance(width := by(shift), ast.Name)}
    steps = [n for n in operations if isinstance(n.op, ast.Add) and 7 in numbers_in(by(n))]
    in_sevens = (
        any(7 in numbers_in(by(shift)) for shift in shifts)
        or any(128 in numbers_in(by(scale)) for scale in scales)
        or any(128 in numbers_in(call) for call in calls if called(call) == "divmod")
        or any(getattr(of(step), "id", "") in widths for step in steps)
    )
    return in_sevens and not numbers_in(function).isdisjoint({127, 128})


def by(operation: ast.BinOp | ast.AugAssign) -> ast.expr:
    return operation.right if isinstance(operation, ast.BinOp) else operation.value


def of(operation: ast.BinOp | ast.AugAssign) -> ast.expr:
    return operation.left if isinstance(operation, ast.BinOp) else operation.target


def called(call: ast.Call) -> str:
    return getattr(call.func, "id", "")


def numbers_in(node: ast.AST) -> set[int]:
    constants = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
    return {value for value in constants if isinstance(value, int)}


def sources(repository: Path, *folders: str) -> dict[str, str]:
    return {
        path.relative_to(repository).as_posix(): path.read_text()
        for folder in folders
        for path in sorted((repository / folder).rglob("*.py"))
    }


def codecs(repository: Path) -> dict[str, set[str]]:
    """The files outside the exceptions that build or parse packets, and what shows it."""
    return {
        name: signs
        for name, text in sources(repository, *SOURCES).items()
        if not name.startswith(EXCEPTIONS) and (signs := signs_of_a_codec(text))
    }


def test_no_packet_is_built_or_parsed_by_hand(repository: Path) -> None:
    assert codecs(repository) == {}


def test_a_codec_is_found(repository: Path, tmp_path: Path) -> None:
    """The load generator, put where no codec may be."""
    for folder in SOURCES:
        shutil.copytree(repository / folder, tmp_path / folder, ignore=UNREAD)
    codec = tmp_path / "cloud/src/smartmeter_cloud/ingest/wire.py"
    shutil.copy(repository / LOAD_GENERATOR / "mqtt_wire.py", codec)
    assert list(codecs(tmp_path)) == [codec.relative_to(tmp_path).as_posix()]


PIECES = {
    "a length by divmod": """
def length(n):
    out = bytearray()
    while True:
        n, low = divmod(n, 128)
        out.append(low | 0x80 if n else low)
        if not n:
            return bytes(out)
""",
    "a length by shifts": """
def length(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])
""",
    "a length that is read": """
async def size(reader):
    n = shift = 0
    while True:
        (byte,) = await reader.readexactly(1)
        n |= (byte & 127) << shift
        if byte < 128:
            return n
        shift += 7
""",
    "a length in one line": """
def size(head):
    return sum((byte & 0x7F) << 7 * i for i, byte in enumerate(head))
""",
    "a length by factors": """
def size(head):
    n, factor = 0, 1
    for byte in head:
        n += (byte & 127) * factor
        factor *= 128
    return n
""",
    "the start of a CONNECT": "START = b'\\x00\\x04MQTT\\x04\\x02'",
    "the name alone": "def start(text): return text('MQTT')",
    "an answer": "def answer(packet_id): return b'\\x40\\x02' + packet_id",
    "a ping": "PING = b'\\xc0\\x00'",
    "numbered types": "_CONNECT, _PUBLISH = 1, 3",
    "numbered types by name": "KINDS = {'subscribe': 0x82}",
    "numbered types by number": "KINDS = {3: 'publish'}",
    "a name of its own": "def parse_puback(body): return body[:2]",
    "a type that is compared": "def kind(first): return first >> 4 == PINGREQ",
}


@pytest.mark.parametrize("piece", PIECES)
def test_each_piece_of_a_codec_is_found(piece: str) -> None:
    assert signs_of_a_codec(PIECES[piece])


def test_what_a_library_gives_is_not_a_codec() -> None:
    """Nor is what merely resembles one."""
    assert not signs_of_a_codec("""
from amqtt.mqtt import packet as types
from amqtt.mqtt.puback import PubackPacket
CONNECT_S = 10
ALLOWED = {types.PUBACK, types.PUBLISH}
def answer(packet_id):
    return PubackPacket.build(packet_id).to_bytes()
def length(size):
    return bytes([size]) if size < 0x80 else bytes([0x81, size])
""")


@pytest.mark.parametrize(("library", "room"), [("paho", PAHO), ("amqtt", AMQTT)])
def test_each_library_has_its_room(repository: Path, library: str, room: str) -> None:
    files = sources(repository, "gateway/src", "cloud/src")
    users = {name for name, text in files.items() if library in libraries(text)}
    assert users
    assert {name for name in users if not name.startswith(room)} == set()


def libraries(text: str) -> set[str]:
    """The first names of what a source imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").split(".")[0])
    return found


def test_paho_s_own_thread_is_not_used(repository: Path) -> None:
    """It costs twice as much, and messages of a lost connection live on in it."""
    for name, text in sources(repository, "gateway/src", "cloud/src").items():
        used = {n.attr for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Attribute)}
        assert not used & {"loop_start", "loop_forever", "enable_logger"}, name
