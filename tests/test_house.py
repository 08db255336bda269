"""The house of the design holds: what stands where, and who may import whom."""

import ast
import functools
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

TOP = {"firmware", "gateway", "cloud", "boards", "docs", "tools", "tests", "README.md", "Makefile"}
# The usual files of a public repository, and the settings of checks and CI.
PUBLIC = {
    "LICENSE", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md",
    "mkdocs.yml", "pyproject.toml", ".pre-commit-config.yaml", ".gitignore", ".github", ".ci",
}  # fmt: skip


class Part(NamedTuple):
    """One package: its folder, the other packages it may import, and the arrows of its rooms.

    A room is a folder or file directly in the package; "" is the package's __init__.py.
    A room may import what its arrows lead to, directly or through further rooms. A part
    without rooms is one room.
    """

    folder: str
    packages: str
    rooms: dict[str, str]


_GROUND = "context profile reading obis phases fault texts"

HOUSE = {
    "smartmeter": Part(
        "firmware/lib/smartmeter",
        "",
        {
            "": "receiver",
            "links": "",
            "receiver": "links ratio link dlms datalines sml mbus tic kmp",
            "link": "checks " + _GROUND,
            "dlms": "crypto checks meters " + _GROUND,
            "datalines": "dlms submeters",
            "sml": "dlms",
            "tic": "dlms",
            "mbus": "dlms submeters",
            "kmp": "dlms",
            "crypto": _GROUND,
            "checks": _GROUND,
            "meters": _GROUND,
            "dialog": "link",
            "wire": "reading obis texts",
            "submeters": "reading",
            "context": "profile reading obis fault",
            "profile": "",
            "obis": "reading tariffs phases",
            "tariffs": "",
            "phases": "",
            "ratio": "reading",
            "texts": "reading",
            "reading": "",
            "fault": "",
        },
    ),
    "adapter": Part("firmware/adapter", "smartmeter", {}),
    "smartmeter_service": Part("gateway/src/smartmeter_service", "smartmeter", {}),
    "smartmeter_mqtt": Part("gateway/src/smartmeter_mqtt", "smartmeter smartmeter_service", {}),
    "smartmeter_broker": Part(
        "gateway/src/smartmeter_broker", "smartmeter smartmeter_service smartmeter_mqtt", {}
    ),
    "smartmeter_web": Part("gateway/src/smartmeter_web", "", {}),
    "smartmeter_gateway": Part(
        "gateway/src/smartmeter_gateway",
        "smartmeter smartmeter_service smartmeter_mqtt smartmeter_broker smartmeter_web",
        {
            "__main__": "cli",
            "cli": "app capture",
            "app": "intake uplink web integrations provisioning",
            "intake": "spool config monitoring",
            "uplink": "spool config monitoring",
            "web": "config monitoring",
            "integrations": "config monitoring",
            "provisioning": "config monitoring",
            "spool": "config monitoring",
            "capture": "config monitoring",
            "config": "",
            "monitoring": "",
            "": "",
        },
    ),
    "smartmeter_cloud": Part(
        "cloud/src/smartmeter_cloud",
        "smartmeter smartmeter_service smartmeter_mqtt smartmeter_broker smartmeter_web",
        {
            "__main__": "cli",
            "cli": "app imports integrations",
            "imports": "history",
            "integrations": "history",
            "app": "ingest api web",
            "api": "history auth pki provisioning",
            "ingest": "store",
            "history": "store",
            "web": "config monitoring",
            "auth": "config monitoring",
            "pki": "store",
            "provisioning": "config monitoring",
            "store": "config monitoring",
            "config": "",
            "monitoring": "",
            "": "",
        },
    ),
}

# The modules that both interpreters have; `cryptography` and its like hide behind crypto/aes.py.
CORE_MAY_IMPORT = {"array", "binascii", "gc", "hashlib", "micropython", "sys", "json", "struct"}
CORE_SPEED_UPS = {
    "crypto/aes.py": {"cryptolib"},
    "crypto/aes_native.py": {"cryptography"},
    "crypto/gcm_native.py": {"cryptography"},
}

Graph = dict[str, set[str]]  # module -> the modules it imports


def files_of(root: Path) -> dict[str, Path]:
    """Every module of the parts under root, by its dotted name."""
    found = {}
    for package, part in HOUSE.items():
        for path in sorted((root / part.folder).rglob("*.py")):
            names = (package, *path.relative_to(root / part.folder).with_suffix("").parts)
            found[".".join(names[:-1] if names[-1] == "__init__" else names)] = path
    return found


@functools.cache  # the copies below differ in one file from the tree
def imported_names(module: str, is_package: bool, text: str, run_time: bool = False) -> set[str]:
    """The absolute names of all imports in a file's text, at any place in it.

    With run_time, imports for mypy alone are left out.
    """
    package = module.split(".") if is_package else module.split(".")[:-1]
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if run_time and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = base + node.module.split(".") if node.module else base
            found |= {".".join([*base, alias.name]) for alias in node.names}
    return found


def imports(root: Path) -> Graph:
    """The imports between the modules of the parts, and of tools and tests by these."""
    files = files_of(root)
    graph: Graph = {}
    for module, path in files.items():
        graph[module] = set()
        for name in imported_names(module, path.stem == "__init__", path.read_text()):
            target = name if name in files else name.rpartition(".")[0]
            if target in files:
                graph[module].add(target)
            elif (first := name.split(".")[0]) in {*HOUSE, "tools", "tests"}:
                graph[module].add(first)
        graph[module].discard(module)
    return graph


def room_of(module: str) -> str:
    """The room of a module, with its package: smartmeter.dlms for smartmeter.dlms.lists.rows."""
    package, _, inside = module.partition(".")
    if package in HOUSE and HOUSE[package].rooms and inside:
        return package + "." + inside.split(".")[0]
    return package


def below(rooms: dict[str, str], room: str) -> set[str]:
    """The rooms that the arrows of a room lead to."""
    found: set[str] = set()
    left = rooms[room].split()
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += rooms[name].split()
    return found


def wrong_arrows(root: Path) -> set[str]:
    """Imports that the house does not allow, each as "importing room -> imported room"."""
    wrong = set()
    for module, targets in imports(root).items():
        package, _, room = room_of(module).partition(".")
        part = HOUSE[package]
        for target in targets:
            other, _, wanted = room_of(target).partition(".")
            if other != package:
                allowed = other in part.packages.split()
            elif wanted == room:
                allowed = True
            elif room not in part.rooms:
                allowed = False  # a room that the table does not know
            else:
                allowed = wanted in below(part.rooms, room) or not wanted
            if not allowed:
                wrong.add(f"{room_of(module)} -> {room_of(target)}")
    return wrong


def circles(graph: Graph) -> set[tuple[str, ...]]:
    """The sets of modules that import each other, sorted (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = set()

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for target in graph.get(module, ()):
            if target not in index:
                visit(target)
                low[module] = min(low[module], low[target])
            elif target in stack:
                low[module] = min(low[module], index[target])
        if low[module] == index[module]:
            at = stack.index(module)
            circle = tuple(sorted(stack[at:]))
            del stack[at:]
            if len(circle) > 1:
                found.add(circle)

    for module in graph:
        if module not in index:
            visit(module)
    return found


def test_top_level_is_the_design_s(repository: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout.split()
    top = {t.split("/")[0] for t in tracked}
    assert top == TOP | PUBLIC


def test_imports_follow_the_arrows(repository: Path) -> None:
    wrong = sorted(wrong_arrows(repository))
    assert not wrong, f"HOUSE does not allow these imports: {wrong}"


def test_no_files_import_each_other_in_a_circle(repository: Path) -> None:
    found = sorted(circles(imports(repository)))
    assert not found, f"these files import each other: {found}"


@pytest.mark.parametrize("depth", [None, 2], ids=["files", "folders"])
def test_no_tools_import_each_other_in_a_circle(repository: Path, depth: int | None) -> None:
    """By file, and by folder: tools.bench, tools.meters."""
    files = {
        ".".join(path.relative_to(repository).with_suffix("").parts): path
        for path in sorted((repository / "tools").rglob("*.py"))
    }
    graph: Graph = {}
    for module, path in files.items():
        part = ".".join(module.split(".")[:depth])
        names = imported_names(module, path.stem == "__init__", path.read_text())
        targets = {n if n in files else n.rpartition(".")[0] for n in names}
        graph.setdefault(part, set()).update(
            ".".join(target.split(".")[:depth]) for target in targets if target in files
        )
        graph[part].discard(part)
    found = sorted(circles(graph))
    assert not found, f"these tools import each other: {found}"


@pytest.mark.parametrize("package", [name for name, part in HOUSE.items() if part.rooms])
def test_no_arrows_of_the_house_lead_back(package: str) -> None:
    rooms = HOUSE[package].rooms
    assert not [room for room in rooms if room in below(rooms, room)]


def test_every_package_has_its_arrows(repository: Path) -> None:
    sources = [repository / "firmware" / "lib", *repository.glob("*/src")]
    packages = {p.name for s in sources for p in s.iterdir() if any(p.glob("*.py"))}
    assert packages <= set(HOUSE)


# What someone may write by mistake, and what the tests above say of it.
@pytest.mark.parametrize(
    ("file", "line", "arrow"),
    [
        (
            "firmware/lib/smartmeter/fault.py",
            "from .receiver import Receiver",
            "smartmeter.fault -> smartmeter.receiver",
        ),
        (
            "firmware/lib/smartmeter/link/crc.py",
            "def lazy():\n    from ..dlms import axdr",
            "smartmeter.link -> smartmeter.dlms",
        ),
        (
            "firmware/lib/smartmeter/sml/decode.py",
            "if TYPE_CHECKING:\n    from ..mbus.vif import Meaning",
            "smartmeter.sml -> smartmeter.mbus",
        ),
        (
            "firmware/lib/smartmeter/obis.py",
            "import smartmeter_gateway.app",
            "smartmeter.obis -> smartmeter_gateway.app",
        ),
        ("firmware/adapter/clock.py", "from tools import demo", "adapter -> tools"),
        (
            "gateway/src/smartmeter_gateway/config/settings.py",
            "from .. import app",
            "smartmeter_gateway.config -> smartmeter_gateway.app",
        ),
        (
            "gateway/src/smartmeter_gateway/attic/new.py",
            "from ..config import settings",
            "smartmeter_gateway.attic -> smartmeter_gateway.config",
        ),
        (
            "cloud/src/smartmeter_cloud/store/schema.py",
            "import smartmeter_cloud.api",
            "smartmeter_cloud.store -> smartmeter_cloud.api",
        ),
    ],
)
def test_a_wrong_arrow_is_found(
    repository: Path, tmp_path: Path, file: str, line: str, arrow: str
) -> None:
    _copy(repository, tmp_path)
    before = wrong_arrows(tmp_path)
    _append(tmp_path / file, line)
    assert wrong_arrows(tmp_path) - before == {arrow}


@pytest.mark.parametrize(
    "line",
    [
        "from .mbus import Mbus",
        "from . import mbus",
        "import smartmeter.link.mbus",
        "def lazy():\n    from smartmeter.link import mbus",
        "if TYPE_CHECKING:\n    from ..link.mbus import Mbus",
    ],
)
def test_a_circle_is_found(repository: Path, tmp_path: Path, line: str) -> None:
    _copy(repository, tmp_path)
    core = tmp_path / HOUSE["smartmeter"].folder
    before = circles(imports(tmp_path))
    _append(core / "link" / "new.py", line)
    assert circles(imports(tmp_path)) == before
    _append(core / "link" / "mbus.py", "from .new import lazy")
    assert circles(imports(tmp_path)) - before == {("smartmeter.link.mbus", "smartmeter.link.new")}


def _copy(repository: Path, to: Path) -> None:
    for part in HOUSE.values():
        if (repository / part.folder).exists():
            shutil.copytree(
                repository / part.folder, to / part.folder, ignore=shutil.ignore_patterns("*.pyc")
            )


def _append(path: Path, line: str) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        file.write("\n" + line + "\n")


def test_the_core_imports_only_what_both_interpreters_have(repository: Path) -> None:
    core = repository / HOUSE["smartmeter"].folder
    wrong = {}
    for module, path in files_of(repository).items():
        if module.split(".")[0] != "smartmeter":
            continue
        name = path.relative_to(core).as_posix()
        allowed = CORE_MAY_IMPORT | {"smartmeter"} | CORE_SPEED_UPS.get(name, set())
        names = imported_names(module, path.stem == "__init__", path.read_text(), run_time=True)
        first = {n.split(".")[0] for n in names}
        if first - allowed:
            wrong[name] = sorted(first - allowed)
    assert not wrong


def test_only_one_file_spells_topics(repository: Path) -> None:
    spelled = [
        module
        for module, path in files_of(repository).items()
        if any(
            isinstance(n, ast.Constant)
            and isinstance(n.value, str)
            and n.value.startswith(("smartMeterMessage", "concentrator/"))
            and "\n" not in n.value
            for n in ast.walk(ast.parse(path.read_text()))
        )
    ]
    assert spelled == ["smartmeter.wire.topics"]


@pytest.mark.parametrize(
    "folder", ["firmware", "gateway", "cloud", "boards", "docs", "tools", "tests"]
)
def test_each_folder_says_what_lives_there(repository: Path, folder: str) -> None:
    text = (repository / folder / "README.md").read_text()
    assert len(text) > 200
