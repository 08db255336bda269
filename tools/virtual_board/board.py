# A board for MicroPython's unix port: what an ESP32's firmware and mpremote see of an ESP32.
#
#     micropython board.py FOLDER CAUSE MODE UMQTT UART LINE
#
# FOLDER  where flash, NVS, RTC memory and the state of the air are kept
# CAUSE   number of machine.reset_cause() for this start
# MODE    "raw": boot.py, then the raw REPL; "run": boot.py, main.py, and the REPL after it;
#         "measure": nothing but a report of what all this takes of the heap
# UMQTT   folder with umqtt/, which stock ESP32 builds have frozen in; "-" for none
# UART    the tty on the wire; it may appear, vanish and come back
# LINE    how that line is set, "2400 8E1"; "-" takes any setting
#
# The console is stdin and stdout. This program ends with an EXIT_ status at a reset, soft ones
# included, and by SIGALRM where the watchdog bites; launcher.py starts it again, as hardware would.

import gc
import os
import socket
import sys
import time

import micropython
import uctypes
import vfs

# All of it before this board's own file system takes the place of the machine's.
from chip import (
    CAUSE,
    FOLDER,
    HOST,
    MODE,
    STATE,
    UMQTT,
    c_mmap,
    c_open,
    c_sigprocmask,
    network,
    read_file,
)
from chip.clock import AHEAD_FD, RTC, catch_up, gmtime, mktime, now, ticks_ms
from chip.console import Console, run_file
from chip.flash import NVS, Flash
from chip.machine import WDT, Pin, reset
from chip.uart import UART

os.chdir("/")
vfs.umount("/")

_SIG_SETMASK = 2


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
# Two regions, as on a chip with Wi-Fi and TLS in use; the figures are fixed.
_IDF_HEAP = [(110_000, 41_000, 31_744, 18_000), (15_000, 9_000, 8_192, 6_000)]
_PSRAM = [(4_194_304, 0, 0, 0)]  # the heap of Python has it all
_HAS_PSRAM = gc.mem_free() + gc.mem_alloc() > 1_000_000


def report():
    """For memory.py: the heap after a collection, and the names in its pools."""
    gc.collect()
    print("board:", gc.mem_alloc(), "bytes live")
    micropython.qstr_info()


def idf_heap_info(cap):
    report()  # the adapter asks for this where it tells its status
    return _IDF_HEAP + (_PSRAM if _HAS_PSRAM else [])


def mem_free():
    """The port adds the piece by which the heap could grow: the largest one that ESP-IDF has."""
    return gc.mem_free() + (0 if _HAS_PSRAM else max([region[2] for region in _IDF_HEAP]))


provide("esp32", NVS=NVS, HEAP_DATA=4, idf_heap_info=idf_heap_info)
provide("gc", **{n: getattr(gc, n) for n in dir(gc) if n[0] != "_"})
sys.modules["gc"].mem_free = mem_free
provide(
    "network",
    WLAN=network.WLAN,
    LAN=network.LAN,
    hostname=network.hostname,
    STA_IF=0,
    STAT_IDLE=1000,
    STAT_CONNECTING=1001,
    STAT_GOT_IP=1010,
    STAT_NO_AP_FOUND=201,
    STAT_WRONG_PASSWORD=202,
    PHY_LAN8720=1,
)
provide("ntptime", settime=network.settime, host="pool.ntp.org", timeout=1)


class System:
    """The module os, with the names that the chip's has beside them."""

    def uname(self):
        return "esp32", "esp32", "1.25.0", "v1.25.0", "Generic ESP32 module with ESP32"

    def __getattr__(self, name):
        return getattr(os, name)


sys.modules["os"] = System()
provide("socket", **{n: getattr(socket, n) for n in dir(socket) if n[0] != "_"})
sys.modules["socket"].getaddrinfo = network.getaddrinfo
provide("time", **{n: getattr(time, n) for n in dir(time) if n[0] != "_"})
sys.modules["time"].time = now
if AHEAD_FD >= 0:
    sys.modules["time"].ticks_ms = ticks_ms
sys.modules["time"].mktime = mktime
sys.modules["time"].gmtime = sys.modules["time"].localtime = gmtime


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
import binascii, collections, cryptolib, hashlib, random, re, struct, tls  # noqa: E401, F401


if AHEAD_FD >= 0:
    _wait = asyncio.core.IOQueue.wait_io_event

    def _wait_briefly(queue, ms):
        """Not as long as it would be if no time were skipped."""
        if ms:
            catch_up()
        _wait(queue, min(ms, 20))

    asyncio.core.IOQueue.wait_io_event = _wait_briefly


class SSLContext(tls.SSLContext):
    """mbed TLS's, on a chip whose memory may be short of what a handshake takes."""

    def wrap_socket(self, sock, **options):
        fails = network.air()["tls"]
        if fails:
            raise OSError(*fails)
        return super().wrap_socket(sock, **options)


provide("tls", **{n: getattr(tls, n) for n in dir(tls) if n[0] != "_"})
sys.modules["tls"].SSLContext = SSLContext

# MicroPython doubles its pools of names, each in one piece. With the stand-ins' names the
# firmware's would need the pool of 9 kB that a chip never takes. So that pool is here from the
# start, while the heap is whole, and memory.py counts the firmware's names instead.
for _i in range(1000):
    hasattr(Module, "fill%d" % _i)


def mount_romfs():
    """The ROMFS partition, as the port mounts it from 1.25 on. It is memory-mapped: no heap."""
    try:
        size = os.stat(STATE + "/romfs.img")[6]
    except OSError:
        return
    fd = c_open(FOLDER + "/romfs.img", 0)
    vfs.mount(vfs.VfsRom(uctypes.bytearray_at(c_mmap(0, size, 1, 2, fd, 0), size)), "/rom")
    sys.path += ["/rom", "/rom/lib"]


mount()
sys.path[:] = ["", ".frozen", "/lib"] + ([HOST + UMQTT] if UMQTT != "-" else [])
mount_romfs()
if MODE == "measure":
    gc.collect()
    report()
    sys.exit()
if CAUSE != "5":
    sys.stdout.buffer.write(b"\r\nMicroPython " + sys.version.encode() + b"; virtual board\r\n")
try:
    c_sigprocmask(_SIG_SETMASK, bytes(128), None)  # launcher.py starts this with SIGINT blocked
    run_file("boot.py")
    if MODE == "run":
        run_file("main.py")
except KeyboardInterrupt:
    pass
Console().run()
