"""The module machine, except UART and RTC."""

import array
import sys

from chip import EXIT_RESET, c_exit, c_setitimer


class WDT:
    """Ends this process by SIGALRM unless fed; a new one starts it again, as on an ESP32."""

    def __init__(self, id=0, timeout=5000):
        self._timer = array.array("l", (0, 0, timeout // 1000, timeout % 1000 * 1000))
        self.feed()

    def feed(self):
        c_setitimer(0, self._timer, None)


class Pin:
    IN, OUT, PULL_UP = 1, 3, 2

    def __init__(self, id, mode=-1, pull=-1, value=None):
        self.id = id
        self._level = 0

    def value(self, level=None):
        if level is None:
            return self._level
        self._level = level
        print("board: GPIO%d is %d" % (self.id, level))


def reset():
    sys.stdout.buffer.write(b"board: reset\r\n")
    c_exit(EXIT_RESET)
