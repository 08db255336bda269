"""The questions of `init`: answered by name, by a default, or at a prompt."""

import getpass
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .toml_file import SettingsError

_YES = ("y", "yes", "true")


@dataclass
class Answers:
    """What was answered beforehand: given by --set, hidden by --secrets. The rest is asked."""

    given: dict[str, str]
    hidden: dict[str, str]
    ask: Callable[[str], str] | None = None  # None: nobody is there to answer
    ask_hidden: Callable[[str], str] | None = None
    used: set[str] = field(default_factory=set)

    def text(self, name: str, question: str, default: str | None = None) -> str:
        """An answer, or the default. Raises SettingsError if there is neither."""
        self.used.add(name)
        if name in self.given:
            return self.given[name]
        if self.ask is None:
            if default is None:
                raise SettingsError(f"{name} is missing: {question}; give it with --set {name}=...")
            return default
        hint = f" [{default}]" if default else ""
        while True:
            answer = self.ask(f"{question}{hint}: ").strip() or (default or "")
            if answer or default is not None:
                return answer

    def yes(self, name: str, question: str, default: bool = False) -> bool:
        return self.text(name, question + " (yes/no)", "yes" if default else "no").lower() in _YES

    def secret(self, name: str, question: str) -> str:
        """A password or key, from --secrets or a prompt that does not show it; "" if none."""
        self.used.add(name)
        if name in self.given:
            raise SettingsError(f"{name} is a secret; give it with --secrets")
        if name in self.hidden:
            return self.hidden[name]
        return self.ask_hidden(f"{question}: ").strip() if self.ask_hidden else ""

    def check_all_used(self) -> None:
        """Raise SettingsError if an answer has no question. Call it after the last question."""
        for name in sorted({*self.given, *self.hidden} - self.used):
            questions = ", ".join(sorted(self.used))
            raise SettingsError(f"{name} is not one of the questions, which are {questions}")


def prompting(given: dict[str, str], hidden: dict[str, str]) -> Answers:
    """Answers that prompt for the rest if you sit at a terminal and gave none by --set."""
    if sys.stdin.isatty() and not given:
        return Answers(given, hidden, input, getpass.getpass)
    return Answers(given, hidden)


def named(lines: Iterable[str]) -> dict[str, str]:
    """The answers in lines of NAME=VALUE. Raises SettingsError."""
    found = {}
    for line in filter(None, map(str.strip, lines)):
        name, equals, value = line.partition("=")
        if not equals:
            raise SettingsError("an answer is given as NAME=VALUE, one a line")
        found[name.strip()] = value.strip()
    return found


def lines_of(name: str | None) -> list[str]:
    """The lines of a file, or of standard input if its name is -. Raises SettingsError."""
    if name is None:
        return []
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"{name}: must be UTF-8 text") from None
    except OSError as e:
        raise SettingsError(f"{name}: {(e.strerror or str(e)).lower()}") from None
    return text.splitlines()
