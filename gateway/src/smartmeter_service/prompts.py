"""The questions of `init`: answered by name, by a default, or by a person at a terminal."""

import contextlib
import getpass
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .atomic_file import write_file
from .toml_file import SettingsError

# Raises SettingsError or ValueError, whose text is a sentence, if an answer is wrong.
Check = Callable[[str], object]

_YES = ("y", "yes", "true", "j", "ja")
_NO = ("n", "no", "false", "nein")


@dataclass(frozen=True)
class Person:
    """The person at the terminal: how to ask, how to ask for a secret, how to say something."""

    ask: Callable[[str], str]
    ask_hidden: Callable[[str], str]
    say: Callable[[str], None]


@dataclass
class Answers:
    """What was answered beforehand: given by --set, hidden by --secrets. The rest is asked."""

    given: dict[str, str]
    hidden: dict[str, str]
    person: Person | None = None  # None: nobody is there to answer
    # Answers of an interrupted `init`, or what follows from others: they replace the defaults.
    proposed: dict[str, str] = field(default_factory=dict)
    proposed_secrets: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def text(
        self, name: str, question: str, default: str | None = None, check: Check | None = None
    ) -> str:
        """An answer, or the default. A person is asked again until check() accepts the answer.

        Raises SettingsError if there is neither an answer nor a default.
        """
        self.used.add(name)
        if name in self.given:
            return self.given[name]
        default = self.proposed.get(name, default)
        if self.person is None:
            if default is None:
                raise SettingsError(f"{name} is missing: {question}; give it with --set {name}=...")
            return default
        hint = f" [{default}]" if default else ""
        while True:
            answer = self.person.ask(f"{question}{hint}: ").strip() or (default or "")
            if not answer and default is None:
                self.person.say("This answer is required; Ctrl-C cancels.")
            elif not answer or self._is_right(answer, check):
                self.proposed[name] = answer
                return answer

    def yes(self, name: str, question: str, default: bool = False) -> bool:
        text = self.text(name, question + " (yes/no)", "yes" if default else "no", _check_yes_or_no)
        return text.lower() in _YES

    def choice(
        self, name: str, question: str, options: Sequence[tuple[str, str]], default: str
    ) -> str:
        """One of the options, each a value and its words; a person types its number."""
        if self.person is None or name in self.given:
            return self.text(name, question, default)
        values = [value for value, _ in options]
        for number, (_, words) in enumerate(options, 1):
            self.person.say(f"{number:3}  {words}")
        proposed = self.proposed.get(name, default)
        start = str(values.index(proposed) + 1) if proposed in values else "1"
        self.proposed[name] = start
        number = int(self.text(name, question, start, lambda text: _check_number(text, values)))
        self.proposed[name] = values[number - 1]
        return values[number - 1]

    def secret(self, name: str, question: str, check: Check | None = None) -> str:
        """A password or key, from --secrets or a prompt that does not show it; "" if none."""
        self.used.add(name)
        if name in self.given:
            raise SettingsError(f"{name} is a secret; give it with --secrets")
        if name in self.hidden:
            return self.hidden[name]
        kept = self.proposed_secrets.get(name, "")
        if self.person is None:
            return kept
        while True:
            hint = " [the one of before]" if kept else ""
            answer = self.person.ask_hidden(f"{question}{hint}: ").strip() or kept
            if not answer or self._is_right(answer, check):
                self.proposed_secrets[name] = answer
                return answer

    def check_all_used(self) -> None:
        """Raise SettingsError if an answer has no question. Call it after the last question."""
        for name in sorted({*self.given, *self.hidden} - self.used):
            questions = ", ".join(sorted(self.used))
            raise SettingsError(f"{name} is not one of the questions, which are {questions}")

    def keep(self, path: Path) -> None:
        """Write what was answered so far to a file that only its owner can read."""
        document = {"answers": self.proposed, "secrets": self.proposed_secrets}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, (json.dumps(document, indent=1) + "\n").encode(), 0o600)

    def recall(self, path: Path) -> bool:
        """Propose what keep() wrote; whether there is such a file."""
        try:
            document = json.loads(path.read_bytes())
            self.proposed |= {str(k): str(v) for k, v in document["answers"].items()}
            self.proposed_secrets |= {str(k): str(v) for k, v in document["secrets"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False
        return True

    def _is_right(self, answer: str, check: Check | None) -> bool:
        assert self.person is not None
        try:
            if check:
                check(answer)
        except (SettingsError, ValueError) as why:
            self.person.say(str(why))
            return False
        return True


def _check_yes_or_no(text: str) -> None:
    if text.lower() not in (*_YES, *_NO):
        raise ValueError(f"type yes or no, not {text!r}")


def _check_number(text: str, values: Sequence[str]) -> None:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= len(values)):
        raise ValueError(f"type a number from 1 to {len(values)}")


def prompting(given: dict[str, str], hidden: dict[str, str]) -> Answers:
    """Answers that prompt for the rest if you sit at a terminal and gave none by --set."""
    if sys.stdin.isatty() and not given:
        return Answers(given, hidden, Person(input, getpass.getpass, print))
    return Answers(given, hidden)


@contextlib.contextmanager
def kept(answers: Answers, config: Path) -> Iterator[None]:
    """Around `init`: a person who cancels finds the answers again at the next start.

    They are in CONFIG.answers until the configuration is there.
    """
    path = config.with_name(config.name + ".answers")
    person = answers.person
    if person and answers.recall(path):
        person.say(f"Your answers of before are in brackets (they are in {path}).")
    try:
        yield
    except (KeyboardInterrupt, EOFError):
        if person and (answers.proposed or answers.proposed_secrets):
            answers.keep(path)
            person.say(f"\nYour answers are kept; run the same command again ({path}).")
        raise
    finally:
        if config.exists():
            path.unlink(missing_ok=True)


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
