"""What AMIS and IEC 62056-21 meters are sent, when, and at which baud rate."""

from smartmeter import Reading, Receiver
from smartmeter.dialog.amis import Amis
from smartmeter.dialog.polling import Poller
from smartmeter.dialog.signon import SignOn

SEARCH = bytes.fromhex("1040f03016")
ACKNOWLEDGE = b"\xe5"
STEP_MS = 50


def long_frame(control=0x53, address=0xF0, damage=0):
    data = bytes((control, address, 0x5B)) + bytes(92)
    return b"\x68\x5f\x5f\x68" + data + bytes(((sum(data) + damage) & 0xFF, 0x16))


def test_amis_is_answered_frame_by_frame():
    amis = Amis()
    assert amis.setting == (9600, 8, "E", 1)
    assert amis.received(SEARCH, 0) == ACKNOWLEDGE
    for n in range(3):
        assert amis.received(long_frame(0x53 if n % 2 else 0x73), 1000 * n) == ACKNOWLEDGE
        assert amis.due(1000 * n + 100) == (b"", None)
    assert amis.state == "gets data"


def test_amis_in_pieces_is_answered_once_it_is_whole():
    amis = Amis()
    frame = long_frame()
    for i in range(len(frame) - 1):
        assert amis.received(frame[i : i + 1], i) == b""
    assert amis.received(frame[-1:], 101) == ACKNOWLEDGE


def test_amis_is_sent_nothing_else():
    for data in (
        b"",
        ACKNOWLEDGE,  # our own, heard by the optical head
        long_frame(damage=1),
        long_frame(address=1),
        long_frame(control=0x5B),
        bytes.fromhex("1040013116"),
        bytes.fromhex("105bf04b16"),
        bytes(300),
        b"\x68\xff\xff\x68" + bytes(100),
        SEARCH[:4],
    ):
        assert Amis().received(data, 0) == b"", data


def test_amis_goes_on_behind_echo_noise_and_what_was_cut_off():
    amis = Amis()
    assert amis.received(ACKNOWLEDGE + b"\x00\x10" + long_frame(), 0) == ACKNOWLEDGE
    assert amis.received(long_frame()[:50], 1000) == b""
    assert amis.received(long_frame(), 2000) == ACKNOWLEDGE  # half a second later: a new one


def test_amis_holds_no_more_than_a_frame():
    amis = Amis()
    for n in range(1000):
        amis.received(b"\x68\xfa\xfa\x68" + bytes(60), n)
        assert len(amis._buf) < 400


class Meter:
    """An IEC 62056-21 meter by the standard, on a line of which it hears every byte in time."""

    def __init__(self, letter, baud, answers=True):
        self.identification = b"/TST" + letter + b"METER\r\n"
        self.baud = 300
        self.fast = baud
        self.answers = answers
        self.sent = []  # what it was sent, and when, and at which baud rate
        self._due = []  # what it sends: (when, at which baud rate, bytes)

    def hears(self, data, now, baud):
        self.sent.append((data, now, baud))
        if not self.answers:
            return
        on_line = len(data) * 10000 // baud
        if data.startswith(b"/?") and baud == 300:
            self._due.append((now + on_line + 250, 300, self.identification))
            if self.identification[4:5] not in b"0123456789":
                self._due.append((now + on_line + 900, self.fast, self.readout()))
        elif data[:1] == b"\x06" and baud == 300 and data[2:3] == self.identification[4:5]:
            self._due.append((now + on_line + 200, self.fast, self.readout()))

    def says(self, now, baud):
        out = b""
        while self._due and self._due[0][0] <= now:
            _, at, data = self._due.pop(0)
            out += data if at == baud else b"\xff" * 5
        return out

    @staticmethod
    def readout():
        data = b"1.8.0(1*kWh)\r\n!\r\n\x03"
        bcc = 0
        for b in data:
            bcc ^= b
        return b"\x02" + data + bytes((bcc,))


def converse(poller, meter, until_ms, start_ms=0):
    """The intakes' loop, on a clock of its own; gives what came, and when each readout ended."""
    baud = poller.setting[0]
    came = b""
    now = start_ms
    while now < start_ms + until_ms:
        data = meter.says(now, baud)
        came += data
        answer = poller.received(data, now & (1 << 30) - 1)
        assert answer == b""
        send, change = poller.due(now & (1 << 30) - 1)
        if send:
            meter.hears(send, now, baud)
        if change:
            baud = change
        now += STEP_MS
    return came


def test_sign_on_mode_c_changes_the_rate_between_acknowledgement_and_data():
    poller = SignOn(interval_ms=10000)
    assert poller.setting == (300, 7, "E", 1)
    meter = Meter(b"5", 9600)
    came = converse(poller, meter, 25000)
    assert came.count(Meter.readout()) == 3
    assert [data for data, _, _ in meter.sent[:3]] == [b"/?!\r\n", b"\x06050\r\n", b"/?!\r\n"]
    assert {baud for _, _, baud in meter.sent} == {300}
    asked = [now for data, now, _ in meter.sent if data == b"/?!\r\n"]
    assert asked == [0, 10000, 20000]
    said = [now for data, now, _ in meter.sent if data[:1] == b"\x06"]
    identified = 5 * 10000 // 300 + 250
    assert 200 <= said[0] - identified <= 1500


def test_sign_on_mode_b_changes_the_rate_unasked():
    meter = Meter(b"E", 9600)
    assert converse(SignOn(), meter, 5000) == meter.identification + Meter.readout()
    assert len(meter.sent) == 1


def test_sign_on_mode_a_keeps_the_rate():
    meter = Meter(b"@", 300)
    assert converse(SignOn(), meter, 5000) == meter.identification + Meter.readout()
    assert len(meter.sent) == 1


def test_sign_on_by_address():
    meter = Meter(b"5", 9600)
    converse(SignOn(address="00012345"), meter, 500)
    assert meter.sent[0][0] == b"/?00012345!\r\n"
    for address in ("1" * 33, "a/b", "a!", "a\r\n", "\u20ac"):
        try:
            SignOn(address=address)
        except ValueError:
            continue
        raise AssertionError(address)


def test_sign_on_hears_itself():
    class Head(Meter):
        def hears(self, data, now, baud):
            self._due.append((now, baud, data))
            Meter.hears(self, data, now, baud)

    meter = Head(b"4", 4800)
    came = converse(SignOn(), meter, 5000)
    assert came == b"/?!\r\n" + meter.identification + b"\x06040\r\n" + Meter.readout()


def test_sign_on_of_a_silent_meter_is_tried_again():
    poller = SignOn(interval_ms=60000)
    meter = Meter(b"5", 9600, answers=False)
    converse(poller, meter, 150000)
    asked = [now for _, now, _ in meter.sent]
    assert len(asked) == 3
    assert "no readout" in poller.state


def test_sign_on_after_a_readout_that_broke_off():
    class Broken(Meter):
        @staticmethod
        def readout():
            return Meter.readout()[:9]

    poller = SignOn(interval_ms=5000)
    meter = Broken(b"5", 9600)
    converse(poller, meter, 30000)
    asked = [data for data, _, _ in meter.sent].count(b"/?!\r\n")
    assert asked == 4
    assert {baud for _, _, baud in meter.sent} == {300}


class Programmed(Meter):
    """A Siemens TD-3511 as it is read in Switzerland: no readout, but sets when asked for them."""

    def __init__(self, prompts=True, echo=False):
        Meter.__init__(self, b"6", 19200)
        self.identification = b"/SAM6\\2TD-3511\r\n"
        self.prompts = prompts
        self.echo = echo

    def hears(self, data, now, baud):
        self.sent.append((data, now, baud))
        if self.echo:
            self._due.append((now, baud, data))
        on_line = len(data) * 10000 // baud
        if data.startswith(b"/?") and baud == 300:
            self._due.append((now + on_line + 250, 300, self.identification))
        elif data == b"\x06061\r\n" and self.prompts:
            self._due.append((now + on_line + 200, self.fast, b"\x01P0\x02(1234)\x03\x64"))
        elif data[:3] == b"\x01R2" and baud == self.fast:
            self._due.append((now + 200, self.fast, self.set(data[4:8])))

    @staticmethod
    def set(name):
        data = b"0.0.0(1234)\r\n1.8.0(31550.191*kWh)\r\n0.9.1(21:10:29)\r\n!\r\n\x03"
        if name == b"F009":
            data = b"1.7.0(0.386*kW)\r\n14.7(49.96*Hz)\r\n32.7(238.3*V)\r\n!\r\n\x03"
        bcc = 0
        for b in data:
            bcc ^= b
        return b"\x02" + data + bytes((bcc,))


def test_sign_on_reads_a_td_3511_in_programming_mode_where_it_gives_no_readout():
    for prompts, echo in ((True, False), (True, True), (False, False), (False, True)):
        meter = Programmed(prompts, echo)
        came = converse(SignOn(interval_ms=10000), meter, 45000)
        assert came.count(Programmed.set(b"F001")) >= 3
        assert came.count(Programmed.set(b"F009")) >= 3
        requests = [(data, baud) for data, _, baud in meter.sent if data[:1] == b"\x06"]
        assert requests[0] == (b"\x06060\r\n", 300)
        assert requests[1] == requests[2] == (b"\x06061\r\n", 300)
        sets = [(data, baud) for data, _, baud in meter.sent if data[:1] == b"\x01"]
        assert sets[:3] == [
            (b"\x01R2\x02F001\x03\x16\r\n", 19200),
            (b"\x01R2\x02F009\x03\x1e\r\n", 19200),
            (b"\x01B0\x03q", 19200),
        ]
        events = Receiver().feed(came[came.find(Programmed.set(b"F001")) :])
        values = [e.values for e in events if isinstance(e, Reading)]
        assert len(values) >= 6
        assert values[0]["1.8.0"] == (31550191, 0)
        assert (values[1]["1.7.0"], values[1]["32.7.0"]) == ((386, 0), (2383, -1))
        assert {e.kind for e in events if not isinstance(e, Reading)} <= {"noise"}


def test_sign_on_leaves_a_td_3511_that_gives_a_readout_as_it_is():
    class Plain(Meter):
        def __init__(self):
            Meter.__init__(self, b"6", 19200)
            self.identification = b"/SAM6\\2TD-3511\r\n"

    meter = Plain()
    assert converse(SignOn(), meter, 25000).count(Meter.readout()) == 3
    assert {data for data, _, _ in meter.sent} == {b"/?!\r\n", b"\x06060\r\n"}


def test_sign_on_with_lines_that_have_no_frame_and_a_clock_that_begins_anew():
    class Bare(Meter):
        @staticmethod
        def readout():
            return b"1.8.0(1*kWh)\r\n!\r\n"

    meter = Bare(b"3", 2400)
    came = converse(SignOn(), meter, 25000, start_ms=(1 << 30) - 12000)
    assert came.count(Bare.readout()) == 3


def test_sign_on_takes_any_noise():
    poller = SignOn()
    poller.due(0)
    for n in range(3000):
        assert poller.received(bytes(((n * 7) & 0xFF, 0x2F, n & 0xFF)), n) == b""
        poller.due(n)
        assert len(poller._buf) < 400


REPLY = bytes.fromhex("6803036808017a8316")


def asked(poller, now_ms, until_ms):
    """(when, what) the poller sends next."""
    while now_ms <= until_ms:
        send, baud = poller.due(now_ms)
        assert baud is None
        if send:
            return now_ms, send
        now_ms += STEP_MS
    raise AssertionError("nothing was asked")


def test_an_m_bus_meter_is_greeted_and_asked_in_turn():
    poller = Poller(interval_ms=4000, address="1")
    assert poller.setting == (2400, 8, "E", 1)
    now, send = asked(poller, 0, 0)
    assert send == bytes.fromhex("1040014116")
    poller.received(ACKNOWLEDGE, now + 30)
    controls = []
    for _ in range(4):
        now, send = asked(poller, now + 200, now + 5000)
        controls.append(send[1])
        for i in range(len(REPLY)):
            assert poller.received(REPLY[i : i + 1], now + 100 + i) == b""
    assert controls == [0x5B, 0x7B, 0x5B, 0x7B]
    assert 12000 <= now <= 12500
    assert poller.state == "rests until the next request"


def test_an_m_bus_meter_that_is_not_heard_is_asked_the_same_again():
    poller = Poller(interval_ms=4000, address="")
    _, send = asked(poller, 0, 0)
    assert send == bytes.fromhex("1040fe3e16")
    now, sent = 0, []
    damaged = REPLY[:-2] + b"\x00\x16"
    for _ in range(3):  # one that does not greet
        now, send = asked(poller, now + STEP_MS, now + 5000)
        sent.append(send)
        poller.received(damaged, now + 100)
    assert sent == [bytes.fromhex("105bfe5916")] * 3
    assert poller.state == "has asked 3 times and got no answer"
    _, send = asked(poller, now + STEP_MS, now + 20000)
    assert send == bytes.fromhex("1040fe3e16")


def test_several_meters_on_a_bus_are_asked_one_after_the_other():
    poller = Poller(interval_ms=10000, address="1, 7,200")
    now, greeted, controls = 0, [], []
    for _ in range(15):
        now, send = asked(poller, now + STEP_MS, now + 20000)
        if send[1] == 0x40:
            greeted.append(send[2])
            poller.received(ACKNOWLEDGE, now + 30)
        elif send[2] != 7:  # which has been taken away
            controls.append((send[2], send[1]))
            poller.received(REPLY, now + 100)
    assert greeted[:3] == [1, 7, 200]
    assert controls[:5] == [(1, 0x5B), (200, 0x5B), (1, 0x7B), (200, 0x7B), (1, 0x5B)]
    assert greeted.count(7) >= 2  # it is sought again
    assert greeted.count(1) == greeted.count(200) == 1


def test_what_is_no_address_of_an_m_bus_meter():
    try:
        Poller(address="0,1,2,3,4,5,6,7,8,9")
    except ValueError as why:
        assert str(why) == "at most 9 M-Bus meters are asked on a line"
    else:
        raise AssertionError("ten addresses")
    for address in ("x", "251", "-1", "1000", "253", "1,", "1,1", "1,254", "1;2"):
        try:
            Poller(address=address)
        except ValueError as why:
            assert "0 to 250" in str(why)
        else:
            raise AssertionError(address)
