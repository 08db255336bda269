"""The house of the design holds: what stands where, and who may import whom."""

import ast
import subprocess
from pathlib import Path

import pytest

TOP = {"firmware", "gateway", "cloud", "boards", "tools", "tests", "README.md", "Makefile"}
# The usual files of a public repository, and the settings of checks and CI.
PUBLIC = {
    "LICENSE", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md",
    "pyproject.toml", ".pre-commit-config.yaml", ".gitignore", ".github", ".ci",
}  # fmt: skip
OURS = {
    "smartmeter", "adapter", "smartmeter_gateway", "smartmeter_broker", "smartmeter_mqtt",
    "smartmeter_service", "smartmeter_cloud",
}  # fmt: skip

# part -> (its folder, which of ours it may import beside itself)
PARTS = {
    "smartmeter": ("firmware/lib/smartmeter", set()),
    "adapter": ("firmware/adapter", {"smartmeter"}),
    "smartmeter_broker": (
        "gateway/src/smartmeter_broker",
        {"smartmeter", "smartmeter_mqtt", "smartmeter_service"},
    ),
    "smartmeter_service": ("gateway/src/smartmeter_service", {"smartmeter"}),
    "smartmeter_mqtt": ("gateway/src/smartmeter_mqtt", {"smartmeter", "smartmeter_service"}),
    "smartmeter_gateway": (
        "gateway/src/smartmeter_gateway",
        {"smartmeter", "smartmeter_broker", "smartmeter_mqtt", "smartmeter_service"},
    ),
    "smartmeter_cloud": (
        "cloud/src/smartmeter_cloud",
        {"smartmeter", "smartmeter_broker", "smartmeter_mqtt", "smartmeter_service"},
    ),
}

# The modules that both interpreters have; `cryptography` and its like hide behind crypto/aes.py.
CORE_MAY_IMPORT = {"array", "binascii", "gc", "hashlib", "micropython", "sys", "json", "struct"}
CORE_SPEED_UPS = {
    "crypto/aes.py": {"cryptolib"},
    "crypto/aes_native.py": {"cryptography"},
    "crypto/gcm_native.py": {"cryptography"},
}


def imports(path: Path) -> set[str]:
    """First names of all absolute imports in a file, but those that only mypy follows."""
    found: set[str] = set()
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {a.name.split(".")[0] for a in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").split(".")[0])
    return found


def test_top_level_is_the_design_s(repository: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout.split()
    top = {t.split("/")[0] for t in tracked}
    assert top == TOP | PUBLIC


@pytest.mark.parametrize("part", PARTS)
def test_imports_follow_the_arrows(repository: Path, part: str) -> None:
    folder, allowed = PARTS[part]
    files = sorted((repository / folder).rglob("*.py"))
    assert files, f"{folder} is empty"
    wrong = {
        str(f.relative_to(repository)): sorted(forbidden)
        for f in files
        if (forbidden := imports(f) & (OURS | {"tools", "tests"}) - allowed - {part})
    }
    assert not wrong


def test_the_core_imports_only_what_both_interpreters_have(repository: Path) -> None:
    core = repository / PARTS["smartmeter"][0]
    wrong = {}
    for f in sorted(core.rglob("*.py")):
        name = f.relative_to(core).as_posix()
        foreign = imports(f) - CORE_MAY_IMPORT - {"smartmeter"} - CORE_SPEED_UPS.get(name, set())
        if foreign:
            wrong[name] = sorted(foreign)
    assert not wrong


def test_only_one_file_spells_topics(repository: Path) -> None:
    spelled = [
        str(f.relative_to(repository))
        for folder, _ in PARTS.values()
        for f in sorted((repository / folder).rglob("*.py"))
        if any(
            isinstance(n, ast.Constant)
            and isinstance(n.value, str)
            and n.value.startswith(("smartMeterMessage", "concentrator/"))
            and "\n" not in n.value
            for n in ast.walk(ast.parse(f.read_text()))
        )
    ]
    assert spelled == ["firmware/lib/smartmeter/wire/topics.py"]


@pytest.mark.parametrize("folder", ["firmware", "gateway", "cloud", "boards", "tools", "tests"])
def test_each_folder_says_what_lives_there(repository: Path, folder: str) -> None:
    text = (repository / folder / "README.md").read_text()
    assert len(text) > 200
