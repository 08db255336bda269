"""Finds a line's baud rate, parity and inversion by trying. No clock, no port.

    search = Search()
    open the port with search.setting
    change = search.events(n_bytes, events, now_ms)    after each read, at least once a second
    if change: open the port again with it (and take a new Receiver)

A setting is (baud, bits, parity "N" or "E", stop bits, inverted). Each gets 15 s, for meters push
every 1 to 10 s; less where a line full of bytes shows nothing of a telegram. It is found with the
first reading, or the second telegram that is whole but cannot be opened; then it stays.
"""

from ..fault import KEY, REPLAY, SEGMENT, TAG, UNENCRYPTED
from .elapsed import elapsed

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from ..fault import Fault
    from ..reading import Reading

    Setting = tuple[int, int, str, int, bool]

NO_BYTES = "no bytes"
NO_FRAME = "bytes but no frame"
NO_KEY = "frames but no key"
READINGS = "readings"

# As meters are, in the order in which the field tries them: M-Bus 2400 8E1, IR 9600 8N1, P1
# 115200 8N1 inverted; then the lines of seven bits; last 38400 8N1 (Iskraemeco AM550 of Elektro
# Ljubljana) and 1200 7E1 (France's TIC in its historical mode).
SETTINGS = tuple(
    [
        (baud, bits, parity, 1, inverted)
        for bits, parities in ((8, "EN"), (7, "EN"))
        for baud in (2400, 9600, 115200)
        for parity in parities
        for inverted in (False, True)
    ]
    + [(38400, 8, "N", 1, True), (38400, 8, "N", 1, False)]
    + [(1200, 7, "E", 1, False), (1200, 7, "E", 1, True)]
)

_TRY_MS = 15000
_GARBAGE = 3000  # bytes: more than any telegram twice
_FRAMES = 2  # that are whole but not to be opened, until a setting counts as found
_WHOLE = (KEY, TAG, REPLAY, UNENCRYPTED, SEGMENT)  # faults of telegrams whose checksums were right


class Search:
    """first: the setting of the last search, to start with. inverted: whether the port
    can read a line whose levels are inverted."""

    def __init__(self, first: "Setting | None" = None, inverted: bool = True) -> None:
        self._order = [s for s in SETTINGS if inverted or not s[4]]
        if first is not None:
            baud, bits, parity, stop, levels = first  # of a settings file: a list
            known = (baud, bits, parity, stop, levels)
            if known in self._order:
                self._order.remove(known)
            self._order.insert(0, known)
        self._at = 0
        self._since_ms: int | None = None
        self._bytes = 0
        self._frames = 0
        self.found = False
        self.progress = NO_BYTES  # the best that this round of all settings has come to
        self.rounds = 0  # how often all settings were tried without success

    @property
    def setting(self) -> "Setting":
        return self._order[self._at]

    def events(
        self, n_bytes: int, events: "list[Reading | Fault]", now_ms: int
    ) -> "Setting | None":
        """The next setting to open the port with, or None to keep it.

        It takes the number of bytes received, and the Receiver's events for them.
        """
        if self._since_ms is None:
            self._since_ms = now_ms
        self._bytes += n_bytes
        for event in events:
            kind = getattr(event, "kind", None)
            if kind is None:
                self.found = True
                self.progress = READINGS
            elif kind in _WHOLE:
                self._frames += 1
                if self.progress != READINGS:
                    self.progress = NO_KEY
        if self._frames >= _FRAMES:
            self.found = True
        if n_bytes and self.progress == NO_BYTES:
            self.progress = NO_FRAME
        if self.found:
            return None
        lost = self._bytes > _GARBAGE and not self._frames
        if not lost and elapsed(now_ms, self._since_ms) < _TRY_MS * (1 + self._frames):
            return None
        return self._next(now_ms)

    def _next(self, now_ms: int) -> "Setting":
        self._since_ms = now_ms
        self._bytes = self._frames = 0
        self._at += 1
        if self._at == len(self._order):
            self._at = 0
            self.rounds += 1
            self.progress = NO_BYTES
        return self.setting


def name(setting: "Setting") -> str:
    """A setting as people write it: 115200 8N1 inverted."""
    baud, bits, parity, stop, inverted = setting
    return "%d %d%s%d%s" % (baud, bits, parity, stop, " inverted" if inverted else "")
