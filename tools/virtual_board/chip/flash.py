"""Storage that survives a reset: the flash's blocks, and NVS."""

import os

from chip import EXIT_POWER_CUT, STATE, c_exit, read_file, write_file
from chip.network import air

BLOCK = 4096
_ERASED = b"\xff" * BLOCK
BLOCKS = 512  # 2 MB, the file system of a stock image on a 4 MB board


class Flash:
    """esp32.Partition's block device in a file: written data survives a power cut."""

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
                c_exit(EXIT_POWER_CUT)
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


class NVS:
    NOT_FOUND = -0x1102
    NO_SPACE = -0x1105
    INVALID_LENGTH = -0x110C
    # The 24 kB partition of a stock image: 5 of its 6 pages with 126 entries of 32 bytes each, less
    # about 5 kB that Wi-Fi and the radio's calibration keep there.
    ENTRIES = 5 * 126 - 160

    def __init__(self, namespace):
        self._work()
        self._prefix = STATE + "/nvs/" + self._name(namespace) + "."

    @staticmethod
    def _work():
        number = air()["nvs"]
        if number:
            raise OSError(number, "ESP_ERR_NVS")

    @staticmethod
    def _name(text):
        if not 0 < len(text) <= 15:
            raise OSError(-0x1109, "ESP_ERR_NVS_KEY_TOO_LONG")
        return text

    def set_blob(self, key, value):
        self._work()
        self._name(key)
        used = self._entries(len(value))  # and a blob that it replaces stays until it is written
        for name in os.listdir(STATE + "/nvs"):
            used += self._entries(os.stat(STATE + "/nvs/" + name)[6])
        if used > self.ENTRIES:
            raise OSError(self.NO_SPACE, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")
        write_file(self._prefix + key, bytes(value))

    @staticmethod
    def _entries(length):
        """Of a blob: its data, a header for them, and its index."""
        return (length + 31) // 32 + 2

    def get_blob(self, key, buf):
        self._work()
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
