"""Ticks, the time of day, and machine.RTC."""

import array
import time

from chip import FOLDER, STATE, c_open, c_pread, read_file, write_file

# Time that has passed for the chip alone (launcher.py, pass_time): seconds in a file, so that it
# passes while this program waits. The second number passes only while all tasks wait.
AHEAD_FD = c_open(FOLDER + "/ahead", 0)
_seconds = array.array("i", (0, 0))
_real_ticks = time.ticks_ms
_TICKS_MASK = time.ticks_add(0, -1)


def _ahead():
    if AHEAD_FD >= 0:
        c_pread(AHEAD_FD, _seconds, 8, 0)
    return _seconds[0] + _idle


def catch_up():
    """Lets the time pass that is for moments in which all tasks wait."""
    global _idle
    _ahead()
    _idle = _seconds[1]


_idle = 0
catch_up()


def ticks_ms():
    return (_real_ticks() + _ahead() * 1000) & _TICKS_MASK


# The chip's clock counts from 2000, and from there when the power has come on; it runs on over a
# reset. How far it is from the truth is kept beside the RTC memory.
_2000 = 946684800


def _clock_error():
    text = read_file(STATE + "/rtc.clock")
    return int(text) if text else 0


def set_clock(error):
    global _error
    _error = error
    write_file(STATE + "/rtc.clock", str(error).encode())


_error = _clock_error()
if not _error:
    set_clock(_2000 - int(time.time()))


def now():
    return int(time.time()) + _ahead() + _error - _2000


def gmtime(seconds=None):
    return time.gmtime((now() if seconds is None else seconds) + _2000)


def mktime(moment):
    """Seconds since 2000 of a moment; an ESP32 knows no time zone."""
    year, month, day, hour, minute, second = moment[:6]
    if month < 3:
        year, month = year - 1, month + 12
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day
    return (days - 730426) * 86400 + hour * 3600 + minute * 60 + second


class RTC:
    SIZE = 2048

    def memory(self, data=None):
        if data is None:
            return read_file(STATE + "/rtc.mem") or b""
        if len(data) > self.SIZE:
            raise ValueError("buffer too long")
        write_file(STATE + "/rtc.mem", bytes(data))
