"""The one entrance: bytes of a meter's line in, readings and faults out. No clock, no I/O.

A link is an object of one module in smartmeter.link, with

    scan(buf, at, end) -> (n, outcome)     buf[at:end] is what has arrived; buf[at] is a byte
                                           this link can start with
        (0, None)      more bytes are needed
        (-1, None)     not mine
        (n, None)      n bytes consumed, nothing to tell yet
        (n, Fault)     n bytes consumed; 1 where a good telegram may lie within the damaged
                       one; 0 where an older telegram was given up and this one is looked at
                       again
        (n, telegram)  n bytes consumed; telegram is (form, payload) or (form, payload, meter's
                       id), form names the decoder
    final(buf, at, end), where a link has it: what scan would say if no more bytes came
    idle() -> Fault or None                the line paused: drops what is half assembled

and a decoder is a function decode(payload, ctx) -> Reading in the room of its protocol (dlms,
datalines, sml, mbus, tic, kmp). It raises fault.Rejected and nothing else. ctx is what it may
know, a context.Context, which the Receiver is. The Receiver opens encrypted APDUs itself, because
what they hold may be a list or a text.

What a link says depends on the bytes alone, so that any chunking gives the same events. A
scan that needs more than _HELD bytes is taken for "not mine": garbage of any length holds
no more than these. Bytes that belong to nothing are skipped and counted in `skipped`. A run of them
that is longer than a glitch (_GLITCH) gives one NOISE fault, at its end or after _RUN bytes.
Nothing is dropped silently, and a line of garbage does not flood.
"""

from sys import implementation

from .context import CENTRAL, Context
from .fault import CHECKSUM, LENGTH, NOISE, PLAIN, SEGMENT, TAG, UNENCRYPTED, Fault, Rejected
from .link.detection import IDLE, NOT, OPEN, STARTS, YES, detect, is_title
from .links import LINKS as LINKS
from .reading import Reading

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Callable

    from .dlms.ciphering import Ciphering
    from .link.apdu import Apdu
    from .link.hdlc import Hdlc
    from .link.iec62056 import Iec62056
    from .link.kmp import Kmp
    from .link.mbus import Mbus
    from .link.p1 import P1
    from .link.sml import Sml
    from .link.tic import Tic
    from .link.wrapper import Wrapper
    from .profile import Profile

    Link = Mbus | Hdlc | Sml | P1 | Iec62056 | Tic | Wrapper | Kmp | Apdu
    Telegram = tuple[str, bytes | bytearray] | tuple[str, bytes | bytearray, str]
    Outcome = Fault | Telegram | None

_HELD = 3900  # 4 kB less what the links keep of headers
_FLAG = 0x7E  # of HDLC
_SOLIDUS = 0x2F  # of P1, and of IEC 62056-21 where it is not P1's
_PIECE = 1024  # of feed's data taken at a time
_GLITCH = 3  # bytes that a wake-up or a relay puts on a line, and nobody needs to hear of
_RUN = 2048

_BARE_TEXT = b"01CF"  # data lines without a frame: at the start of a stream only
_FIRST = ("mbus", "hdlc", "sml", "p1")  # of what their first bytes may begin
_UNGUARDED = ("mbus", "tic", "wrapper", "apdu")  # but 6 or 8 bits of sum, or nothing
_CIPHERED = (0xDB, 0xDF)  # tags of APDUs: general-glo-ciphering, general-ded-ciphering
_DECRYPTED_LATER = ("records", "amis")
_LISTS = ("mbus", "hdlc")  # their encrypted APDUs are lists, never texts
_CERTAIN = ("hdlc", "sml", "kmp")  # everything that they give has passed a CRC


class Receiver(Context):
    """One meter's line.

    key, auth_key: 16 bytes each, or None. link: one of LINKS, or None to find it. profile:
    a setting as profile_settings.parse takes it, or None to go by the telegram. zone: the meter's
    time zone as zones.parse takes it, or None for Central European time. unencrypted: whether
    telegrams that are not encrypted are read although a key is set; never with auth_key. ratio:
    that of transformers, by which powers, energies and currents are multiplied.
    submeters: whether readings of sub-meters (gas, water ...) follow that of their main meter.
    bus: see Context; with more than one address, each M-Bus reply is of the meter on its channel.

    counters maps system titles to the last invocation counter accepted: save and restore it
    over a restart, else telegrams of before can be replayed. times, which belong to them, are
    those of the last readings whose tag was right. rows is what tariffs.withheld()
    explains: the totals that are left out. skipped counts bytes that belonged to no telegram.
    reads: False leaves telegrams unread. A Reading then has only its payload, decrypted, and no
    decoder is loaded.
    """

    def __init__(
        self,
        key: bytes | None = None,
        auth_key: bytes | None = None,
        link: str | None = None,
        profile: str | None = None,
        zone: str | None = None,
        unencrypted: bool = False,
        ratio: int = 1,
        submeters: bool = False,
    ) -> None:
        for name, value in (("key", key), ("auth_key", auth_key)):
            if value is not None and len(value) != 16:
                raise ValueError("%s is 16 bytes long, or None" % name)
        if link is not None and link not in LINKS:
            raise ValueError("a link is one of " + ", ".join(LINKS))
        self.key = key
        self.auth_key = auth_key
        self.profile = _profile(profile) if profile else None
        self.zone = _zone(zone) if zone else CENTRAL
        self.unencrypted = unencrypted
        self._ratio = ratio
        self.extras = implementation.name != "micropython"  # a device has no heap for all of them
        self.submeters = submeters
        self.bus = ()
        self.reads = True
        self.plans = {}
        self.rows = {}
        self.title = b""
        self.guarded = False
        self.counters: dict[bytes, int] = {}
        self.times: dict[bytes, str] = {}
        self._ciphering: "Ciphering | None" = None
        self.skipped = 0
        self._link = link
        self._links: "dict[str, Link]" = {}
        self._first: "dict[int, tuple[Link, str]]" = {}  # by first byte: the link asked before all
        self._decoders: "dict[str, Callable[..., Reading]]" = {}
        self._buf = bytearray()
        self._bare = True  # an APDU without framing may stand here
        self._framed = False  # other framing was seen
        self._noise = 0  # bytes of the present run of noise
        self._before = 0  # the last three bytes skipped
        self._quiet = 0  # bytes still covered by a reported fault

    def feed(self, data: bytes | bytearray | memoryview) -> "list[Reading | Fault]":
        """The events in data (bytes, bytearray, memoryview; any length), a list."""
        events: "list[Reading | Fault]" = []
        if len(data) <= _PIECE:
            self._buf += data
            self._scan(events, False)
        else:
            view = memoryview(data)
            for i in range(0, len(view), _PIECE):
                self._buf += view[i : i + _PIECE]
                self._scan(events, False)
        return events

    def flush(self) -> "list[Reading | Fault]":
        """The events of what is unfinished at the end of input or when the line pauses."""
        events: "list[Reading | Fault]" = []
        self._scan(events, True)
        for name in self._links:
            fault = self._links[name].idle()
            if fault:
                events.append(fault)
        self._end_noise(events)
        self._quiet = 0
        self._bare = True
        return events

    def _scan(self, events: "list[Reading | Fault]", ended: bool) -> None:
        buf = self._buf
        end = len(buf)
        at = 0
        outcome: "Outcome"
        while at < end:
            first = buf[at]
            asked = self._first.get(first)
            if asked:
                if first == _FLAG and at + 1 < end and buf[at + 1] == _FLAG:
                    at += 1  # flags fill a pause, and may stand between frames
                    if self._quiet:
                        self._use(1)
                    self._bare = False
                link = asked[1]
                n, outcome = asked[0].scan(buf, at, end)
                if n < 0 and first == _SOLIDUS:
                    n, outcome, link = self._ask(buf, at, end)
            elif first in STARTS:
                n, outcome, link = self._ask(buf, at, end)
            else:
                begin = at
                at += 1
                while at < end and buf[at] not in STARTS:
                    at += 1
                self._skip(events, buf, begin, at)
                continue
            if not n and outcome is None:
                if ended:
                    n, outcome = self._final(link, buf, at, end)
                elif end - at < _HELD:
                    break
            if not n and outcome is None:
                if buf[at] == _FLAG and at + 1 == end:  # HDLC's closing flag
                    at = end
                    break
                n = 1
                outcome = Fault(LENGTH, "a telegram of %s is cut short" % link, end - at)
            if n < 0:
                at += 1
                self._skip(events, buf, at - 1, at)
                continue
            at += n
            if outcome is None:
                if self._quiet:
                    self._use(n)
                self._bare = False
                if n > 1:  # a flag or an acknowledgement may be noise like any byte
                    self._framed = self._framed or link in _CERTAIN
                    if self._noise:
                        self._end_noise(events)
            elif isinstance(outcome, tuple):
                if self._noise:
                    self._end_noise(events)
                self._quiet = 0
                self._bare = link == "apdu"
                event = self._decode(outcome, link)
                # Noise may pass for a telegram where 8 bits guard it, but not for a reading.
                if link in _CERTAIN or not (self._bare or isinstance(event, Fault)):
                    self._framed = True
                events.append(event)
                if not isinstance(event, Fault) and event.submeters:
                    events += event.submeters
                if at + 1 == end and buf[at] == _FLAG and not ended:
                    break  # the next frame's as well
            else:
                self._fault(events, outcome, n)
        if at:
            buf[:at] = b""

    def _ask(self, buf: bytearray, at: int, end: int) -> "tuple[int, Outcome, str]":
        """(n, outcome, link's name) of the first link that wants what is at buf[at]."""
        first = buf[at]
        for name in STARTS.get(first, ()):
            told = name == self._link
            # a P1 telegram that is encrypted whole is an APDU
            if self._link and not told and (self._link != "p1" or first != 0xDB):
                continue
            if name == "apdu" and not told and not self._may_be_bare(buf, at, end):
                continue
            if first in _BARE_TEXT and (self._noise or not self._bare):
                continue
            link = self._links.get(name)
            if link is None:
                begun = YES if told else detect(name, buf, at, end)
                if begun == NOT:
                    continue
                if begun != YES:
                    return (1 if begun == IDLE else 0), None, name
                link = self._links[name] = _make(name, self)
            if name in _FIRST:
                self._first[first] = (link, name)
            n, outcome = link.scan(buf, at, end)
            if n >= 0:
                return n, outcome, name
        return -1, None, ""

    def _final(self, link: str, buf: bytearray, at: int, end: int) -> "tuple[int, Outcome]":
        if link not in self._links:
            return (-1 if buf[at] in _BARE_TEXT or not buf[at] else 0), None
        final = getattr(self._links[link], "final", None)
        return final(buf, at, end) if final else (0, None)

    def _may_be_bare(self, buf: bytearray, at: int, end: int) -> bool:
        if self._framed:
            return False
        if self._bare and not self._noise:
            return True
        if buf[at] != 0xDB or self._quiet:
            return False
        begun = is_title(buf, at + 1, end)
        if begun != YES:
            return begun == OPEN
        from .link.apdu import is_found

        return is_found(buf, at, end, self._before)

    def _decode(self, telegram: "Telegram", link: str) -> "Reading | Fault":
        form = telegram[0]
        payload = telegram[1]
        self.guarded = link not in _UNGUARDED
        self.title = b""
        try:
            if form == "apdu" and payload and payload[0] in _CIPHERED:
                reading = self._open(payload, link)
            else:
                self._check_key(form)
                reading = self._read(form, payload)
        except Rejected as e:
            fault = Fault(e.kind, e.detail)
            fault.payload = bytes(payload)
            return fault
        reading.layers = (link,) + reading.layers
        if self._ratio != 1:
            from .ratio import apply

            apply(reading, self._ratio)
        if reading.submeters:
            for submeter in reading.submeters:
                submeter.layers = reading.layers
                submeter.auth = reading.auth
        if not reading.meter and len(telegram) > 2:
            reading.meter = telegram[2]
        return reading

    def _check_key(self, form: str) -> None:
        """Rejected if a key is set and the telegram is not encrypted."""
        if self.auth_key:
            raise Rejected(TAG, "an authentication key is set, but the telegram has no tag")
        # the decoder of records decrypts by itself (AES-CBC)
        if self.key and not self.unencrypted and form not in _DECRYPTED_LATER:
            raise Rejected(UNENCRYPTED, PLAIN)

    def _read(self, form: str, payload: bytes | bytearray) -> "Reading":
        if not self.reads:
            reading = Reading()
            reading.payload = payload
            return reading
        decode = self._decoders.get(form)
        if decode is None:
            decode = self._decoders[form] = _decoder(form)
        return decode(payload, self)

    def _open(self, payload: bytes | bytearray, link: str) -> "Reading":
        """The Reading of an encrypted APDU; _read takes what it holds, a list or a text."""
        if self._ciphering is None:
            _tidy()
            from .dlms.ciphering import Ciphering

            self._ciphering = Ciphering(self)
            if link in _LISTS and self.key and self.reads and "apdu" not in self._decoders:
                # before the plain bytes lie in its way: 5 kB less heap are enough then
                self._decoders["apdu"] = _decoder("apdu")
        return self._ciphering.decode(payload, self, self._read)

    def _fault(self, events: "list[Reading | Fault]", fault: Fault, n: int) -> None:
        """Reports a fault, unless one was reported for the same bytes."""
        damage = fault.kind in (CHECKSUM, LENGTH, SEGMENT) and n <= 1
        if not (damage and n == 1 and self._quiet):
            self._end_noise(events)
            events.append(fault)
        if n == 1 and fault.span > self._quiet:
            self._quiet = fault.span
        self._use(n)
        if n:
            self._bare = False

    def _skip(self, events: "list[Reading | Fault]", buf: bytearray, begin: int, stop: int) -> None:
        n = stop - begin
        self.skipped += n
        for i in range(max(begin, stop - 3), stop):
            self._before = (self._before << 8 | buf[i]) & 0xFFFFFF
        if self._quiet:
            told = min(n, self._quiet)
            self._quiet -= told
            n -= told
        while self._noise + n >= _RUN:
            n -= _RUN - self._noise
            self._noise = _RUN
            self._end_noise(events)
        self._noise += n

    def _use(self, n: int) -> None:
        self._quiet = self._quiet - n if self._quiet > n else 0

    def _end_noise(self, events: "list[Reading | Fault]") -> None:
        if self._noise > _GLITCH:
            events.append(Fault(NOISE, "%d bytes belong to no telegram" % self._noise))
        self._noise = 0


def _profile(setting: str) -> "Profile":
    from .meters.profile_settings import parse

    return parse(setting)


def _zone(setting: str) -> "tuple[int, str]":
    from .meters.zones import parse

    return parse(setting)


def _tidy() -> None:
    """On a device, makes room for modules that are loaded for good.

    They are then not scattered among garbage, which saves 3 kB of heap.
    """
    if implementation.name == "micropython":
        import gc

        gc.collect()


def _make(name: str, receiver: "Receiver") -> "Link":
    """The link of a name; its module is loaded when its first telegram begins."""
    _tidy()
    if name == "mbus":
        from .link.mbus import Mbus

        return Mbus()
    if name == "hdlc":
        from .link.hdlc import Hdlc

        return Hdlc()
    if name == "sml":
        from .link.sml import Sml

        return Sml()
    if name == "p1":
        from .link.p1 import P1

        return P1()
    if name == "iec62056":
        from .link.iec62056 import Iec62056

        return Iec62056()
    if name == "tic":
        from .link.tic import Tic

        return Tic()
    if name == "wrapper":
        from .link.wrapper import Wrapper

        return Wrapper()
    if name == "kmp":
        from .link.kmp import Kmp

        return Kmp()
    from .link.apdu import Apdu

    return Apdu(receiver._link == name, receiver.auth_key is not None)


def _decoder(form: str) -> "Callable[..., Reading]":
    """The decoder of a telegram's form; its module is loaded with the first such telegram."""
    _tidy()
    if form == "apdu":
        from .dlms import apdu

        return apdu.decode
    if form == "sml":
        from .sml.decode import decode

        return decode
    if form in ("records", "amis"):
        from .mbus import records

        return records.decode
    if form == "tic":
        from .tic import decode as labels

        return labels.decode
    if form == "kmp":
        from .kmp import decode as registers

        return registers.decode
    from .datalines import decode as text

    if form == "text-encrypted":
        return text.decode
    return text.decode_checked if form == "text" else text.decode_unchecked
