"""machine.UART."""

import array
import io

from chip import EXIT_PANIC, LINE, UART_PATH, c_close, c_exit, c_ioctl, c_open, c_read, c_write
from chip.network import air


class UART(io.IOBase):
    """machine.UART on a tty: returns what has arrived and never waits.

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
        self._tx = None
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
        if tx is not None:
            self._tx = tx
        if self._tx is None:
            print("board: UART 1 sends on the port's default pin, GPIO10")
            c_exit(EXIT_PANIC)  # as where that is a pin of the flash
        if air()["uart"]:
            raise OSError(air()["uart"])
        letter = {None: "N", 0: "E", 1: "O"}[parity]
        inverted = " inverted" if invert & self.INV_RX else ""
        self._line = "%d %d%s%d%s" % (baudrate, bits, letter, stop, inverted)
        if rxbuf is not None:
            self._rxbuf = max(rxbuf, 129)
        self._discard(self.any())  # init() empties a chip's driver too

    def deinit(self):
        if self._fd >= 0:
            c_close(self._fd)
            self._fd = -1
        self._good = self._lost = 0

    def any(self):
        if not self._good:
            self._discard(self._lost)
            self._lost = 0
            if self._fd < 0:
                flags = self._O_RDWR | self._O_NOCTTY | self._O_NONBLOCK
                self._fd = c_open(UART_PATH, flags)
            if self._fd < 0 or c_ioctl(self._fd, self._FIONREAD, self._count) < 0:
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
            got = c_read(self._fd, chunk, min(n, len(chunk)))
            if got <= 0:
                return
            n -= got
        self._good = 0

    def readinto(self, buf, n=None):
        n = min(len(buf), self.any())
        if not n:
            return None
        n = c_read(self._fd, buf, n)
        if n <= 0:
            self.deinit()
            return None
        self._good -= n
        if LINE != "-" and LINE != self._line:
            # Wrongly set, a line gives bytes, but others. Which ones does not matter, only that
            # they are not a telegram.
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
        return c_write(self._fd, data, len(data))

    def flush(self):
        pass

    def ioctl(self, op, arg):
        if op == 3:
            return arg & (4 | bool(self.any()))
        return -1  # 0 would answer the question for a fileno with stdin's
