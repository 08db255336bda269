"""A program on a terminal, and the person in front of it: waits for questions, types answers."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


class Stuck(Exception):
    """A program did not say what a person waits for; the text is the end of its screen."""


class Terminal:
    """Starts at once, and writes the screen to `transcript`."""

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], transcript: Path
    ) -> None:
        self._master, slave = pty.openpty()
        self._transcript = transcript.open("ab")
        self.screen = ""
        self.answers = 0
        self._read = 0
        self.process = subprocess.Popen(
            argv, env=dict(environment), stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True,
        )  # fmt: skip
        os.close(slave)

    def wait_for(self, *texts: str, seconds: float = 300) -> str:
        """The first of these texts that comes after what was waited for last. Raises Stuck."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            unread = self.screen[self._read :]
            found = [(unread.index(text), text) for text in texts if text in unread]
            if found:
                at, text = min(found)
                self._read += at + len(text)
                return text
            if not self._listen() and not self._more():
                break
        raise Stuck(
            f"waited for {' or '.join(map(repr, texts))}; the screen:\n{self.screen[-2000:]}"
        )

    def answer(self, question: str, text: str, seconds: float = 300) -> None:
        """Wait for a question, and type. It counts."""
        self.wait_for(question, seconds=seconds)
        self.type(text)

    def type(self, text: str) -> None:
        """An answer to the question that is on the screen."""
        self.wait_for(": ", seconds=10)
        time.sleep(0.2)  # a hidden prompt empties the line before it listens
        os.write(self._master, text.encode() + b"\n")
        self.answers += 1

    def end(self, seconds: float = 300) -> int:
        """Wait for the program's end; its exit status. Raises Stuck."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if not self._listen() and self.process.poll() is not None:
                return self.process.returncode
        raise Stuck(f"the program does not end; the screen:\n{self.screen[-2000:]}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._transcript.close()
        os.close(self._master)

    def _listen(self) -> bool:
        """Whether something came within a moment."""
        if not select.select([self._master], [], [], 0.2)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the program has closed its side
            time.sleep(0.05)
            return False
        self._transcript.write(data)
        self._transcript.flush()
        self.screen += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)

    def _more(self) -> bool:
        return self.process.poll() is None
