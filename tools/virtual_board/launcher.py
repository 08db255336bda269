"""Starts board.py under MicroPython and acts as its power supply, USB plug and reset line."""

import contextlib
import json
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import termios
import threading
import time
import tty
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from tools.environment.prepare import program
from tools.virtual_board.memory import Heap, Memory, heap_bytes, used

BOARD = Path(__file__).with_name("board.py")
FLASH_BYTES = 512 * 4096

# board.py's exit statuses, and machine.reset_cause() of the start that follows
_EXIT_RESET = 42
_EXIT_POWER_CUT = 43
_EXIT_SOFT_RUN = 44
_EXIT_SOFT_RAW = 45
_POWER_ON, _HARD, _WATCHDOG, _SOFT = 1, 2, 3, 5

# MicroPython ends itself when a second SIGINT comes before it has acted on the first.
_INTERRUPT_PAUSE = 0.25
_PANIC_PAUSE = 1.0
_STOP_S = 30
_UNHEARD_MAX = 65536  # bytes kept for a host that reads slowly; one that does not read loses more


class VirtualBoard:
    """A board whose flash, NVS and RTC memory lie in `folder`, and so outlive it.

    uart:        path of the tty of the meter's wire; it may appear later
    micropython: "micropython" (64 bit), "micropython32", or the path of a binary
    memory:      of its heap: "classic", "c3", "psram", or units of 1024 bytes (memory.py)
    romfs:       the content of its ROMFS partition, or b"" if its image has none
    line:        how the wire is really set, such as "2400 8E1"; another setting of the firmware
                 then hears only rubbish. None: any setting will do
    networks:    the Wi-Fi networks in reach, ssid -> password

    port is the path for mpremote; console() what the board has printed since it was made.
    """

    def __init__(
        self,
        folder: Path,
        uart: Path | str = "/dev/null",
        micropython: str = "micropython",
        memory: Memory = "psram",
        line: str | None = None,
        networks: dict[str, str] | None = None,
        umqtt: Path | None = None,
        romfs: bytes = b"",
    ) -> None:
        self.folder = Path(folder).resolve()
        self.log = self.folder / "console.log"
        self.resets: list[int] = []  # reset causes of all starts so far but soft resets
        self._uart = os.path.abspath(uart)
        self._binary = micropython if os.sep in micropython else program(micropython)
        self._memory = memory
        self._heap = heap_bytes(memory, self._binary)
        self._line = line or "-"
        # stock ESP32 builds have umqtt.simple frozen in; Debian's unix build leaves it out
        self._umqtt = Path(umqtt) if umqtt else Path(program("umqtt")).parents[1]
        (self.folder / "nvs").mkdir(parents=True, exist_ok=True)
        if romfs:
            (self.folder / "romfs.img").write_bytes(romfs)
        flash = self.folder / "flash.img"
        if not flash.exists():
            flash.write_bytes(b"\xff" * FLASH_BYTES)
        self._air: dict[str, Any] = {
            "networks": {"virtual": ""} if networks is None else networks,
            "points": [],
            "refuses": 0,
            "ethernet": True,
            "driver": "",
            "dhcp": True,
            "lease": 1,
            "names": True,
            "tls": [],
            "sockets": 0,
            "nvs": 0,
            "uart": 0,
            "ntp": True,
            "clock": 0,
        }
        self.air()
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)  # and kept open, or closing it would hang up on the board
        os.set_blocking(self._master, False)
        self.port = os.ttyname(self._slave)
        self._process: subprocess.Popen[bytes] | None = None
        self._on = False
        self._passed = [0, 0]  # seconds of pass_time() and pass_idle_time()
        self._dipped = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._interrupted = 0.0
        self._stdin: tuple[int, int] | None = None  # what the host has sent outlives a reset
        self._unheard = b""

    def air(self, **changes: object) -> None:
        """Changes the board's surroundings.

        networks:    {ssid: password} in reach
        points:      their access points, where one for each is not enough: [ssid, six bytes of
                     BSSID, channel, dBm]
        refuses:     the reason (wifi_err_reason_t) for which they turn everybody away, or 0
        ethernet:    whether there is a link
        driver:      what the drivers of both raise, or ""
        dhcp:        whether a router answers
        lease:       its number; another one means that the address held so far has been given up
        names:       whether DNS answers
        ntp:         whether NTP answers, or a list of the only servers that do
        clock:       how many seconds NTP is off the truth
        tls:         arguments of the OSError that a handshake raises, such as [12], or []
        sockets, nvs, uart:
                     the number of the OSError that they raise, or 0
        """
        self._air |= changes
        new = self.folder / "air.json.new"
        new.write_text(json.dumps(self._air))
        new.replace(self.folder / "air.json")

    def pass_time(self, seconds: int, step: int = 20) -> None:
        """Lets time pass for the board alone, faster than here; `step` seconds at a time.

        The first call takes effect with the next start. Six days at the most: asyncio's C part has
        ticks of its own, which nothing turns, and 2^29 ms ahead of them is behind them.
        """
        passed = self._passed[0]
        for at in range(passed + step, passed + seconds + 1, step) if seconds else (0,):
            self._passed[0] = at
            self._turn_clock()
            time.sleep(0.03)  # for its tasks to see that it is later

    def pass_idle_time(self, seconds: int) -> None:
        """The same, but once all tasks of the board wait: no answer of a broker is late by it."""
        self._passed[1] += seconds
        self._turn_clock()

    def _turn_clock(self) -> None:
        assert sum(self._passed) * 1000 < 1 << 29, "no clock can be turned so far"
        ahead = self.folder / "ahead"
        with ahead.open("r+b" if ahead.exists() else "wb") as f:
            f.write(struct.pack("<ii", *self._passed))

    def set_line(self, line: str | None) -> None:
        """Sets the wire from the next start on; None: any setting will do."""
        self._line = line or "-"

    def start(self) -> "VirtualBoard":
        """Switches the power on."""
        assert not self._on, "the board is on"
        for name in ("rtc.mem", "rtc.clock"):
            (self.folder / name).unlink(missing_ok=True)
        self._on = True
        self._stdin = os.pipe()
        os.set_blocking(self._stdin[1], False)
        self._unheard = b""
        self._boot(_POWER_ON)
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()
        return self

    def kill(self) -> None:
        """Cuts the power."""
        self._on = False
        with self._lock:
            if self._process:
                self._process.kill()
        if self._thread:
            self._thread.join(_STOP_S)
            assert not self._thread.is_alive(), f"the board does not stop: {self.console()}"
            self._thread = None
        if self._stdin:
            for fd in self._stdin:
                os.close(fd)
            self._stdin = None

    stop = kill

    def brown_out(self) -> None:
        """The power dips: the chip starts as at power-on, but its RTC memory is still there."""
        with self._lock:
            assert self._process, "the board is between two starts"
            self._dipped = True
            self._process.kill()

    def panic(self) -> None:
        """The chip's exception handler resets it, as after a wild pointer in C."""
        with self._lock:
            assert self._process, "the board is between two starts"
            self._process.send_signal(signal.SIGSEGV)

    def cut_power_at_write(self, n: int) -> None:
        """Cuts the power in the n-th write to flash after the next start; 0: never."""
        cut = self.folder / "cut"
        cut.unlink(missing_ok=True)
        if n:
            cut.write_text(str(n))

    def wait_off(self, seconds: float) -> bool:
        """Whether the power was cut within that time (cut_power_at_write)."""
        if self._thread:
            self._thread.join(seconds)
        return not self._on

    @property
    def pid(self) -> int | None:
        """The process that acts as the chip, until the next reset."""
        return self._process.pid if self._process else None

    def console(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def heap(self) -> Heap:
        """What the firmware used of the heap at its last status."""
        self.wait_console("n_total_bytes", 5)  # the end of a report
        return used(self.console(), self._memory, self._binary)

    def wait_console(self, text: str, seconds: float = 60, after: int = 0) -> None:
        """Returns once `text` is on the console, from character `after` on."""
        until = time.monotonic() + seconds
        while text not in self.console()[after:]:
            if time.monotonic() > until:
                raise TimeoutError(f"no {text!r} on the console in {seconds} s: {self.console()}")
            time.sleep(0.02)

    def close(self) -> None:
        self.kill()
        for fd in (self._master, self._slave):
            with contextlib.suppress(OSError):
                os.close(fd)

    def erase(self) -> None:
        """Resets the board to its factory state: no files, no settings."""
        assert not self._on, "the board is on"
        (self.folder / "flash.img").write_bytes(b"\xff" * FLASH_BYTES)
        shutil.rmtree(self.folder / "nvs")
        (self.folder / "nvs").mkdir()

    def __enter__(self) -> "VirtualBoard":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def set_nvs(self, namespace: str, values: dict[str, bytes], absent: Iterable[str] = ()) -> None:
        """Writes blobs to NVS, like a programmer; absent: names to remove."""
        assert not self._on, "the board is on"
        for name in absent:
            (self.folder / "nvs" / f"{namespace}.{name}").unlink(missing_ok=True)
        for name, value in values.items():
            (self.folder / "nvs" / f"{namespace}.{name}").write_bytes(value)

    def _boot(self, cause: int, mode: str = "run") -> None:
        if cause != _SOFT:
            self.resets.append(cause)
        command = [self._binary, "-X", f"heapsize={self._heap}", str(BOARD), str(self.folder)]
        command += [str(cause), mode, str(self._umqtt), self._uart, self._line]
        assert self._stdin
        with self._lock, _interrupts_held():
            self._process = subprocess.Popen(
                command,
                stdin=self._stdin[0],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                start_new_session=True,
            )

    def _pump(self) -> None:
        """Carries the console between the pty and the chip, and restarts the chip after a reset."""
        with self.log.open("ab", buffering=0) as log:
            while self._on:
                out = self._out()
                unheard = [self._master] if self._unheard else []
                readable, writable, _ = select.select([out, self._master], unheard, [], 0.5)
                if self._master in readable:
                    self._from_host()
                if writable:
                    self._to_host()
                if out in readable:
                    data = os.read(out.fileno(), 4096)
                    if data:
                        log.write(data)
                        if len(self._unheard) < _UNHEARD_MAX:
                            self._unheard += data
                        self._to_host()
                    else:
                        self._ended(log.write)
        if self._process:
            self._end_process()

    def _from_host(self) -> None:
        process = self._process
        if process is None or self._stdin is None:
            return
        try:
            data = os.read(self._master, 4096)
        except (BlockingIOError, OSError):
            return
        if b"\x03" in data:
            termios.tcflush(self._slave, termios.TCIFLUSH)
            self._unheard = b""
            if time.monotonic() - self._interrupted > _INTERRUPT_PAUSE:
                self._interrupted = time.monotonic()
                process.send_signal(signal.SIGINT)
            data = data.replace(b"\x03", b"")  # the interrupt character is never read
        # A chip that does not read loses data once its buffer is full.
        with contextlib.suppress(BlockingIOError):
            os.write(self._stdin[1], data)

    def _to_host(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._unheard = self._unheard[os.write(self._master, self._unheard) :]

    def _out(self) -> IO[bytes]:
        assert self._process
        assert self._process.stdout
        return self._process.stdout

    def _end_process(self) -> int:
        with self._lock:
            process, self._process = self._process, None
        assert process
        process.kill()
        code = process.wait()
        if process.stdout:
            process.stdout.close()
        return code

    def _ended(self, log: Any) -> None:
        """The chip's process has closed its console: a reset, the watchdog, or a power cut."""
        assert self._process
        code = self._process.wait()
        self._end_process()
        if not self._on:
            return
        if self._dipped:
            self._dipped = False
            log(b"board: brown-out\r\n")
            self._boot(_POWER_ON)
        elif code == _EXIT_RESET:
            self._boot(_HARD)
        elif code in (_EXIT_SOFT_RUN, _EXIT_SOFT_RAW):
            self._boot(_SOFT, "raw" if code == _EXIT_SOFT_RAW else "run")
        elif code == -signal.SIGALRM:
            log(b"board: the watchdog bit\r\n")
            self._boot(_WATCHDOG)
        elif code == _EXIT_POWER_CUT:
            log(b"board: power cut\r\n")
            self._on = False
        else:
            log(b"board: panic, status %d\r\n" % code)
            time.sleep(_PANIC_PAUSE)
            self._boot(_HARD)


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """A process started here gets no SIGINT until it asks for it (board.py, when it is ready).

    Ctrl-C before that would end it, as no chip ends, and the host would wait for an answer.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
