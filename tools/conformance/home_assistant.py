"""Compares Home Assistant's discovery schema, read from its published source, with our tests.

python -m tools.conformance.home_assistant           compare with what the tests know
python -m tools.conformance.home_assistant --write   write what the tests know

Fetches the newest `homeassistant` wheel from PyPI. The wheel is neither installed nor run, because
it needs a newer Python and some 60 packages. The schemas and tables of its modules are read as
syntax trees. The tests then only need the written file.
"""

import ast
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.environment.prepare import REPOSITORY

FILE = REPOSITORY / "tests" / "gateway" / "integrations" / "home_assistant.json"
_CONST, _SENSOR = "homeassistant/const.py", "homeassistant/components/sensor/const.py"
_MQTT = "homeassistant/components/mqtt"
_MODULES = (_CONST, _SENSOR, *(f"{_MQTT}/{n}.py" for n in ("const", "config", "schemas", "sensor")))

_PYTHON = "3.14.9"  # which all releases have so far; pip leaves out those that need a newer Python

Keys = dict[str, bool]  # key of a schema -> whether it must be there


class Source:
    """The modules of one wheel: their constants, enumerations and schemas, by name."""

    def __init__(self, wheel: Path) -> None:
        self.names: dict[str, ast.expr] = {}
        self.enums: dict[str, dict[str, Any]] = {}
        with zipfile.ZipFile(wheel) as archive:
            for module in _MODULES:
                for node in ast.parse(archive.read(module)).body:
                    self._take(node)

    def _take(self, node: ast.stmt) -> None:
        if isinstance(node, ast.ClassDef):
            self.enums[node.name] = {
                entry.targets[0].id: entry.value.value
                for entry in node.body
                if isinstance(entry, ast.Assign)
                and isinstance(entry.targets[0], ast.Name)
                and isinstance(entry.value, ast.Constant)
            }
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            self.names[node.targets[0].id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            self.names[node.target.id] = node.value

    def value(self, node: ast.expr) -> Any:
        """A constant, a member of an enumeration, or a list of these."""
        match node:
            case ast.Constant():
                return node.value
            case ast.Attribute(value=ast.Name(id=owner)):
                return self.enums[owner][node.attr]
            case ast.Name():
                return self.value(self.names[node.id])
            case ast.Call(func=ast.Name(id="set"), args=[]):
                return []
            case ast.Set():
                parts = [self.value(entry) for entry in node.elts]
                return [v for part in parts for v in (part if isinstance(part, list) else [part])]
            case (
                ast.Call(func=ast.Name(id="set"), args=[ast.Name(id=enum)])
                | ast.Starred(value=ast.Name(id=enum))
            ):
                return list(self.enums[enum].values())
        raise ValueError(f"not understood: {ast.unparse(node)}")

    def table(self, name: str) -> dict[str, list[Any]]:
        """A dict of sets, as sorted lists."""
        found = self.names[name]
        assert isinstance(found, ast.Dict)
        pairs = zip(found.keys, found.values, strict=True)
        return {
            self.value(key): sorted(self.value(entry), key=str)
            for key, entry in pairs
            if key is not None
        }

    def keys(self, schema: ast.expr | str) -> Keys:
        """The keys of a schema and of those it extends, without nested ones."""
        node = self.names[schema] if isinstance(schema, str) else schema
        match node:
            case ast.Name():
                return self.keys(node.id)
            case ast.Attribute(attr="schema"):
                return self.keys(node.value)
            case ast.Dict():
                return dict(self._entries(node))
            case ast.Call(func=ast.Attribute(attr="extend", value=base)):
                return self.keys(base) | self.keys(node.args[0])
            case ast.Call(func=ast.Attribute(attr="Schema")):
                return self.keys(node.args[0])
            case ast.Call(func=ast.Attribute(attr="All")):
                # Functions next to the schema check the whole.
                return self.keys(next(a for a in node.args if "schema" in ast.unparse(a).lower()))
        raise ValueError(f"not understood: {ast.unparse(node)}")

    def _entries(self, node: ast.Dict) -> Iterator[tuple[str, bool]]:
        for key in node.keys:
            assert isinstance(key, ast.Call)
            assert isinstance(key.func, ast.Attribute)
            yield self.value(key.args[0]), key.func.attr == "Required"

    def availability_entry(self) -> Keys:
        """The schema within a list, for one of several availability topics."""
        for node in ast.walk(self.names["_MQTT_AVAILABILITY_LIST_SCHEMA"]):
            if isinstance(node, ast.List) and isinstance(node.elts[0], ast.Dict):
                return self.keys(node.elts[0])
        raise ValueError("the schema of an availability topic has moved")


def read(wheel: Path) -> dict[str, Any]:
    """What the tests need to know about a homeassistant wheel."""
    source = Source(wheel)
    return {
        "source": f"homeassistant {wheel.name.split('-')[1]}, {_MQTT} and {_SENSOR}",
        "message": source.keys("DEVICE_DISCOVERY_SCHEMA"),
        "device": source.keys("MQTT_DEVICE_INFO_SCHEMA"),
        "origin": source.keys("MQTT_ORIGIN_INFO_SCHEMA"),
        "availability": source.availability_entry(),
        "sensor": source.keys("_PLATFORM_SCHEMA_BASE"),
        "units": source.table("DEVICE_CLASS_UNITS"),
        "state_classes": source.table("DEVICE_CLASS_STATE_CLASSES"),
    }


def fetch(folder: Path) -> Path:
    """The newest wheel."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    subprocess.run(
        [*pip, "--python-version", _PYTHON, "--only-binary=:all:", "homeassistant"], check=True
    )
    return next(folder.glob("homeassistant-*.whl"))


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        found = read(fetch(Path(folder)))
    if "--write" in sys.argv[1:]:
        FILE.write_text(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
        print(f"written from {found['source']}")
        return 0
    known = json.loads(FILE.read_text())
    changed = [part for part in found if found[part] != known.get(part) and part != "source"]
    print(f"{found['source']}: {', '.join(changed) + ' changed' if changed else 'as known'}")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
