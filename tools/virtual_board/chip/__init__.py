"""Code that the simulated parts of an ESP32 share; this folder only runs under MicroPython."""

import os
import sys

import ffi
import vfs

EXIT_RESET = 42
EXIT_POWER_CUT = 43
EXIT_SOFT_RUN = 44
EXIT_SOFT_RAW = 45
EXIT_PANIC = 46

FOLDER, CAUSE, MODE, UMQTT, UART_PATH, LINE = sys.argv[1:7]
HOST = "/host"  # where the machine's own files are seen
STATE = HOST + FOLDER

vfs.mount(vfs.VfsPosix(), HOST)

_libc = ffi.open("libc.so.6")
c_exit = _libc.func("v", "_exit", "i")
c_open = _libc.func("i", "open", "si")
c_close = _libc.func("i", "close", "i")
c_read = _libc.func("i", "read", "ipi")
c_write = _libc.func("i", "write", "ipi")
c_pread = _libc.func("i", "pread", "ipii")
c_ioctl = _libc.func("i", "ioctl", "iip")
c_mmap = _libc.func("P", "mmap", "Pliiil")
c_setitimer = _libc.func("i", "setitimer", "iPP")
c_sigprocmask = _libc.func("i", "sigprocmask", "iPP")


def read_file(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return None


def write_file(path, data):
    """Written completely or not at all, as NVS writes an entry."""
    with open(path + ".new", "wb") as f:
        f.write(data)
    os.rename(path + ".new", path)
