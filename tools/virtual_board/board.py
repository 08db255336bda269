# A board for MicroPython's unix port: what an ESP32's firmware and mpremote see of an ESP32.
#
#     micropython board.py FOLDER CAUSE MODE UMQTT UART LINE
#
# FOLDER  where flash, NVS, RTC memory and the state of the air are kept
# CAUSE   number of machine.reset_cause() for this start
# MODE    "raw": boot.py, then the raw REPL; "run": boot.py, main.py, and the REPL after it
# UMQTT   folder with umqtt/, which stock ESP32 builds have frozen in; "-" for none
# UART    the tty on the wire; it may appear, vanish and come back
# LINE    how that line is set, "2400 8E1"; "-" takes any setting
#
# The console is stdin and stdout. This program ends with an EXIT_ status at a reset, soft ones
# included, and by SIGALRM where the watchdog bites; launcher.py starts it again, as hardware would.

import array
import errno
import io
import json
import os
import socket
import sys
import time

import ffi
import vfs

EXIT_RESET = 42
EXIT_POWER_CUT = 43
EXIT_SOFT_RUN = 44
EXIT_SOFT_RAW = 45

FOLDER, CAUSE, MODE, UMQTT, UART_PATH, LINE = sys.argv[1:7]
HOST = "/host"  # where the machine's own files are seen
STATE = HOST + FOLDER

os.chdir("/")
vfs.umount("/")
vfs.mount(vfs.VfsPosix(), HOST)

_libc = ffi.open("libc.so.6")
_exit = _libc.func("v", "_exit", "i")
_open = _libc.func("i", "open", "si")
_close = _libc.func("i", "close", "i")
_read = _libc.func("i", "read", "ipi")
_write = _libc.func("i", "write", "ipi")
_pread = _libc.func("i", "pread", "ipii")
_ioctl = _libc.func("i", "ioctl", "iip")
_setitimer = _libc.func("i", "setitimer", "iPP")
_sigprocmask = _libc.func("i", "sigprocmask", "iPP")

_SIG_SETMASK = 2

BLOCK = 4096
_ERASED = b"\xff" * BLOCK
BLOCKS = 512  # 2 MB, the file system of a stock image on a 4 MB board


class Flash:
    """esp32.Partition's block device in a file: what was written is there after a power cut."""

    def __init__(self, path, cut):
        self._f = open(path, "r+b")
        self._cut = cut  # writes left until the power is cut, or 0

    def readblocks(self, n, buf, off=0):
        self._f.seek(n * BLOCK + off)
        self._f.readinto(buf)

    def writeblocks(self, n, buf, off=None):
        if off is None:
            self._erase(n, len(buf) // BLOCK)
            off = 0
        self._write(n * BLOCK + off, buf)

    def _write(self, at, buf):
        self._f.seek(at)
        if self._cut:
            self._cut -= 1
            if not self._cut:
                self._f.write(memoryview(buf)[: len(buf) // 2])
                _exit(EXIT_POWER_CUT)
        self._f.write(buf)

    def _erase(self, n, count):
        for i in range(n, n + count):
            self._write(i * BLOCK, _ERASED)

    def ioctl(self, op, arg):
        if op == 4:
            return BLOCKS
        if op == 5:
            return BLOCK
        if op == 6:
            self._erase(arg, 1)
            return 0


def read_file(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return None


def write_file(path, data):
    """Whole or not at all, as NVS writes an entry."""
    with open(path + ".new", "wb") as f:
        f.write(data)
    os.rename(path + ".new", path)


class NVS:
    NOT_FOUND = -0x1102
    NO_SPACE = -0x1105
    INVALID_LENGTH = -0x110C
    SPACE = 16384  # the 24 kB partition of a stock image, less the page it swaps with and headers

    def __init__(self, namespace):
        self._prefix = STATE + "/nvs/" + self._name(namespace) + "."

    @staticmethod
    def _name(text):
        if not 0 < len(text) <= 15:
            raise OSError(-0x1109, "ESP_ERR_NVS_KEY_TOO_LONG")
        return text

    def set_blob(self, key, value):
        self._name(key)
        used = 0
        for name in os.listdir(STATE + "/nvs"):
            path = STATE + "/nvs/" + name
            if path != self._prefix + key:
                used += os.stat(path)[6] + 64
        if used + len(value) + 64 > self.SPACE:
            raise OSError(self.NO_SPACE, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")
        write_file(self._prefix + key, bytes(value))

    def get_blob(self, key, buf):
        value = read_file(self._prefix + self._name(key))
        if value is None:
            raise OSError(self.NOT_FOUND, "ESP_ERR_NVS_NOT_FOUND")
        if len(value) > len(buf):
            raise OSError(self.INVALID_LENGTH, "ESP_ERR_NVS_INVALID_LENGTH")
        buf[: len(value)] = value
        return len(value)

    def set_i32(self, key, value):
        self.set_blob(key, value.to_bytes(4, "little"))

    def get_i32(self, key):
        buf = bytearray(4)
        self.get_blob(key, buf)
        return int.from_bytes(buf, "little")

    def erase_key(self, key):
        try:
            os.remove(self._prefix + self._name(key))
        except OSError:
            raise OSError(self.NOT_FOUND, "ESP_ERR_NVS_NOT_FOUND")

    def commit(self):
        pass


class RTC:
    SIZE = 2048

    def memory(self, data=None):
        if data is None:
            return read_file(STATE + "/rtc.mem") or b""
        if len(data) > self.SIZE:
            raise ValueError("buffer too long")
        write_file(STATE + "/rtc.mem", bytes(data))

    def datetime(self, value=None):
        if value is not None:
            at = mktime(value[:3] + value[4:7]) + _2000
            _set_clock(int(at) - int(time.time()) or 1)
        t = gmtime()
        return (t[0], t[1], t[2], t[6], t[3], t[4], t[5], 0)


class UART(io.IOBase):
    """machine.UART on a tty: hands over what has arrived and waits for nothing.

    What came since the last look and does not fit rxbuf is lost, as in the driver of a chip; the
    kernel's buffer stands for the driver's, so that it takes nothing of MicroPython's heap.
    """

    INV_TX = 1
    INV_RX = 4
    _O_RDWR, _O_NOCTTY, _O_NONBLOCK = 2, 0o400, 0o4000
    _FIONREAD = 0x541B

    def __init__(self, id, baudrate=115200, **options):
        self._fd = -1
        self._count = array.array("i", (0,))
        self._rxbuf = 256
        self._good = 0  # bytes that wait and fitted rxbuf
        self._lost = 0  # bytes behind them that did not
        self.init(baudrate, **options)

    def init(
        self,
        baudrate=115200,
        bits=8,
        parity=None,
        stop=1,
        tx=None,
        rx=None,
        txbuf=256,
        rxbuf=None,
        timeout=0,
        timeout_char=0,
        invert=0,
    ):
        letter = {None: "N", 0: "E", 1: "O"}[parity]
        inverted = " inverted" if invert & self.INV_RX else ""
        self._line = "%d %d%s%d%s" % (baudrate, bits, letter, stop, inverted)
        if rxbuf is not None:
            self._rxbuf = max(rxbuf, 129)
        self._discard(self.any())  # init() empties a chip's driver too

    def deinit(self):
        if self._fd >= 0:
            _close(self._fd)
            self._fd = -1
        self._good = self._lost = 0

    def any(self):
        if not self._good:
            self._discard(self._lost)
            self._lost = 0
            if self._fd < 0:
                flags = self._O_RDWR | self._O_NOCTTY | self._O_NONBLOCK
                self._fd = _open(UART_PATH, flags)
            if self._fd < 0 or _ioctl(self._fd, self._FIONREAD, self._count) < 0:
                self.deinit()  # nobody at the other end; looked for again the next time
                return 0
            waiting = self._count[0]
            self._good = min(waiting, self._rxbuf)
            self._lost = waiting - self._good
            if self._lost:
                print("board: UART overflow,", self._lost, "bytes lost")
        return self._good

    def _discard(self, n):
        chunk = bytearray(64)
        while n > 0:
            got = _read(self._fd, chunk, min(n, len(chunk)))
            if got <= 0:
                return
            n -= got
        self._good = 0

    def readinto(self, buf, n=None):
        n = min(len(buf), self.any())
        if not n:
            return None
        n = _read(self._fd, buf, n)
        if n <= 0:
            self.deinit()
            return None
        self._good -= n
        if LINE != "-" and LINE != self._line:
            # Wrongly set, a line gives bytes, but others. Which ones does not matter, only that
            # they are no telegram.
            for i in range(n):
                buf[i] = (buf[i] * 167 + 13) & 0xFF
        return n

    def read(self, n=None):
        waiting = self.any()
        buf = bytearray(waiting if n is None else min(n, waiting))
        got = self.readinto(buf) if buf else None
        return bytes(buf[:got]) if got else None

    def write(self, data):
        self.any()
        if self._fd < 0:
            return len(data)  # a UART does not know whether anybody listens
        return _write(self._fd, data, len(data))

    def flush(self):
        pass

    def ioctl(self, op, arg):
        if op == 3:
            return arg & (4 | bool(self.any()))
        return -1  # 0 would answer the question for a fileno with stdin's


class WDT:
    """Ends this process by SIGALRM unless fed; a new one arms it anew, as on an ESP32."""

    def __init__(self, id=0, timeout=5000):
        self._timer = array.array("l", (0, 0, timeout // 1000, timeout % 1000 * 1000))
        self.feed()

    def feed(self):
        _setitimer(0, self._timer, None)


class Pin:
    IN, OUT, PULL_UP = 1, 3, 2

    def __init__(self, id, mode=-1, pull=-1, value=None):
        self.id = id


def reset():
    sys.stdout.buffer.write(b"board: reset\r\n")
    _exit(EXIT_RESET)


def air():
    """What is around the board: {"networks": {ssid: password}, "ethernet": bool, "ntp": bool}."""
    return json.loads(read_file(STATE + "/air.json"))


class WLAN:
    IF_STA, IF_AP = 0, 1
    PM_NONE = 0

    def __init__(self, interface=0):
        pass

    _active = False
    _asked = None

    def active(self, on=None):
        if on is not None:
            WLAN._active = bool(on)
            if not on:
                WLAN._asked = None
        return WLAN._active

    def config(self, *names, **settings):
        return None

    def connect(self, ssid, key=None, **options):
        if not WLAN._active:
            raise OSError("Wifi Not Started")
        WLAN._asked = (ssid, key)

    def disconnect(self):
        WLAN._asked = None

    def status(self, what=None):
        if what == "rssi":
            return -58
        if not WLAN._asked:
            return 1000
        networks = air()["networks"]
        ssid, key = WLAN._asked
        if ssid not in networks:
            return 201
        return 1010 if networks[ssid] == (key or "") else 202

    def isconnected(self):
        return WLAN._active and self.status() == 1010

    def ifconfig(self):
        return ("192.0.2.17", "255.255.255.0", "192.0.2.1", "192.0.2.1")


class LAN:
    _active = False

    def __init__(self, id=0, **wiring):
        pass

    def active(self, on=None):
        if on is not None:
            LAN._active = bool(on)
        return LAN._active

    def isconnected(self):
        return LAN._active and air()["ethernet"]

    def ifconfig(self):
        return ("192.0.2.18", "255.255.255.0", "192.0.2.1", "192.0.2.1")


# Time that has passed for the chip alone (launcher.py, pass_time): seconds in a file, so that it
# passes while this program waits.
_ahead_fd = _open(FOLDER + "/ahead", 0)
_seconds = array.array("i", (0,))
_real_ticks = time.ticks_ms
_TICKS_MASK = time.ticks_add(0, -1)


def _ahead():
    if _ahead_fd >= 0:
        _pread(_ahead_fd, _seconds, 4, 0)
    return _seconds[0]


def ticks_ms():
    return (_real_ticks() + _ahead() * 1000) & _TICKS_MASK


# The chip's clock counts from 2000, and from there when the power has come on; it runs on over a
# reset. How far it is from the truth is kept beside the RTC memory.
_2000 = 946684800


def _clock_error():
    text = read_file(STATE + "/rtc.clock")
    return int(text) if text else 0


def _set_clock(error):
    global _error
    _error = error
    write_file(STATE + "/rtc.clock", str(error).encode())


_error = _clock_error()
if not _error:
    _set_clock(_2000 - int(time.time()))


def now():
    return int(time.time()) + _ahead() + _error - _2000


def gmtime(seconds=None):
    return time.gmtime((now() if seconds is None else seconds) + _2000)


def settime():
    if not (WLAN().isconnected() or LAN().isconnected()) or not air()["ntp"]:
        raise OSError(errno.ETIMEDOUT)
    _set_clock(air()["clock"] or 1)  # 0 would be "never set"


_getaddrinfo = socket.getaddrinfo


def getaddrinfo(host, port, *options):
    if not (WLAN().isconnected() or LAN().isconnected()):
        raise OSError(-202)  # lwIP: no way to a name server
    return _getaddrinfo(host, port, *options)


class Module:
    pass


def provide(name, **members):
    module = Module()
    for key, value in members.items():
        setattr(module, key, value)
    sys.modules[name] = module


provide(
    "machine",
    UART=UART,
    WDT=WDT,
    Pin=Pin,
    RTC=RTC,
    reset=reset,
    reset_cause=lambda: int(CAUSE),
    unique_id=lambda: b"\x02\x00\x5e\x00\x00\x01",
    PWRON_RESET=1,
    HARD_RESET=2,
    WDT_RESET=3,
    DEEPSLEEP_RESET=4,
    SOFT_RESET=5,
)
provide("esp32", NVS=NVS)
provide(
    "network",
    WLAN=WLAN,
    LAN=LAN,
    STA_IF=0,
    STAT_IDLE=1000,
    STAT_CONNECTING=1001,
    STAT_GOT_IP=1010,
    STAT_NO_AP_FOUND=201,
    STAT_WRONG_PASSWORD=202,
    PHY_LAN8720=1,
)


def mktime(moment):
    """Seconds since 2000 of a moment; an ESP32 knows no time zone."""
    year, month, day, hour, minute, second = moment[:6]
    if month < 3:
        year, month = year - 1, month + 12
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day
    return (days - 730426) * 86400 + hour * 3600 + minute * 60 + second


provide("ntptime", settime=settime, host="pool.ntp.org", timeout=1)
provide("socket", **{n: getattr(socket, n) for n in dir(socket) if n[0] != "_"})
sys.modules["socket"].getaddrinfo = getaddrinfo
provide("time", **{n: getattr(time, n) for n in dir(time) if n[0] != "_"})
sys.modules["time"].time = now
if _ahead_fd >= 0:
    sys.modules["time"].ticks_ms = ticks_ms
sys.modules["time"].mktime = mktime
sys.modules["time"].gmtime = sys.modules["time"].localtime = gmtime


def execute(source, name, env):
    """Runs source; True where it asked for a soft reset, else its exception or None."""
    try:
        exec(compile(bytes(source), name, "exec"), env)
    except SystemExit:
        return True
    except BaseException as e:
        return e


def run_file(name):
    source = read_file(name)
    if source is None:
        return
    e = execute(source, name, {"__name__": "__main__"})
    if isinstance(e, BaseException):
        sys.print_exception(e, sys.stdout)


class Console:
    """The raw REPL of MicroPython (docs: reference/repl.html), which mpremote speaks."""

    BANNER = b"raw REPL; CTRL-B to exit\r\n>"

    def __init__(self):
        self._read, self._write = sys.stdin.buffer.read, sys.stdout.buffer.write
        self._raw, self._line = MODE == "raw", bytearray()
        self._env = {"__name__": "__main__"}

    def run(self):
        greeted = False
        while True:
            try:
                if not greeted:
                    self._write(self.BANNER if self._raw else b"\r\n>>> ")
                    greeted = True
                c = self._read(1)
                if not c:
                    return
                self._take(c)
            except KeyboardInterrupt:
                self._line = bytearray()

    def _take(self, c):
        if c == b"\x01":  # ^A
            self._raw, self._line = True, bytearray()
            self._write(self.BANNER)
        elif c == b"\x02":  # ^B
            self._raw, self._line = False, bytearray()
            self._write(b"\r\n>>> ")
        elif c == b"\x03":  # ^C
            self._line = bytearray()
        elif c == b"\x05" and self._raw and not self._line:  # ^E, then "A" and ^A: raw paste
            self._read(2)
            self._paste()
        elif c == b"\x04":  # ^D
            self._end_of_input()
        else:
            self._line.extend(c)

    WINDOW = 1024  # bytes the host may send ahead

    def _paste(self):
        """Raw paste mode: as the raw REPL, with flow control in the place of pauses."""
        self._write(b"R\x01" + struct.pack("<H", self.WINDOW) + b"\x01")
        left = self.WINDOW
        while True:
            c = self._read(1)
            if c == b"\x04":
                break
            self._line.extend(c)
            left -= 1
            if not left:
                left = self.WINDOW
                self._write(b"\x01")
        self._write(b"\x04")
        source, self._line = self._line, bytearray()
        self._execute(source)

    def _execute(self, source):
        done = execute(source, "<stdin>", self._env)
        self._write(b"\x04")
        if isinstance(done, BaseException):
            sys.print_exception(done, sys.stdout)
        self._write(b"\x04>")
        if done is True:
            self._raw = False
            self._soft_reset()

    def _end_of_input(self):
        if self._raw:
            self._write(b"OK")
            if self._line:
                source, self._line = self._line, bytearray()
                self._execute(source)
                return
        self._soft_reset()

    def _soft_reset(self):
        self._write(b"\r\nMPY: soft reboot\r\n")
        _exit(EXIT_SOFT_RAW if self._raw else EXIT_SOFT_RUN)


def mount():
    cut = read_file(STATE + "/cut")
    flash = Flash(STATE + "/flash.img", int(cut) if cut else 0)
    try:
        vfs.mount(vfs.VfsLfs2(flash), "/")
    except OSError:
        vfs.VfsLfs2.mkfs(flash)
        vfs.mount(vfs.VfsLfs2(flash), "/")


# Imported here so that they are native modules, not what a file of the firmware may be called.
import asyncio  # noqa: I001
import binascii, collections, cryptolib, hashlib, micropython, random, re, struct, tls  # noqa: E401, F401

if _ahead_fd >= 0:
    # a wait must not be as long as it would be if no time were skipped
    _wait = asyncio.core.IOQueue.wait_io_event
    asyncio.core.IOQueue.wait_io_event = lambda queue, ms: _wait(queue, min(ms, 20) if ms else 0)

mount()
sys.path[:] = ["", ".frozen", "/lib"] + ([HOST + UMQTT] if UMQTT != "-" else [])
if CAUSE != "5":
    sys.stdout.buffer.write(b"\r\nMicroPython " + sys.version.encode() + b"; virtual board\r\n")
try:
    _sigprocmask(_SIG_SETMASK, bytes(128), None)  # launcher.py starts this with SIGINT blocked
    run_file("boot.py")
    if MODE == "run":
        run_file("main.py")
except KeyboardInterrupt:
    pass
Console().run()
