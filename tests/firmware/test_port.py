"""The meter's port: detected, answered if the meter expects it, opened again when silent."""

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.firmware.rig import (
    LONG,
    ONE_WORD_SIZE,
    Setup,
    TestMeter,
    Wire,
    agrees,
    patch,
    with_a_clock_to_turn,
)


class Sending:
    """A meter that pushes until it is stopped; its truths by seq."""

    def __init__(self, meter: TestMeter, pause: float = 0.3) -> None:
        self._meter = meter
        self._pause = pause
        self._ended = threading.Event()
        self.truths: dict[int, dict[str, object]] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._ended.wait(self._pause):
            data, truth = self._meter.make()
            self.truths[truth["seq"]] = truth  # before it can be back as a reading
            self._meter.wire.send(data)

    def __enter__(self) -> "Sending":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(60)  # longer than the wire lets it wait
        assert not self._thread.is_alive()


def test_a_line_is_found_and_remembered(setup: Setup, meter: TestMeter) -> None:
    setup.board.kill()
    setup.board.set_line("2400 8N1")  # the third setting that is tried
    setup.board.start()
    setup.settings["meter"]["line"] = "auto"
    setup.provision()
    with Sending(meter, 0.15) as sending:
        setup.board.wait_console("found its line: 2400 8N1", 60)
        reading = setup.listener.next("reading", 60)
        assert agrees(reading, sending.truths[int(reading["seq"])])
        before = len(setup.board.console())
        setup.board.kill()
        setup.board.start()
        setup.board.wait_console("found its line: 2400 8N1", 60, before)
    assert "trying" not in setup.board.console()[before:]


@LONG
def test_a_search_short_of_memory_goes_on_after_a_restart(setup: Setup, meter: TestMeter) -> None:
    """Rubbish at the settings before has loaded so much that the right one finds no room."""
    setup.board.kill()
    setup.board.set_line("2400 8N1")
    setup.board.start()
    setup.settings["meter"]["line"] = "auto"
    setup.provision()
    take = "            events = self._feed(data)\n"
    full = "            if self._tried == 2: raise MemoryError\n"
    patch(setup.board, {"adapter/meter.py": (take, full + take)})
    before = len(setup.board.console())
    with Sending(meter, 0.15):
        setup.board.wait_console("no memory at 2400 8N1; restarting", 60, before)
        setup.board.wait_console("found its line: 2400 8N1", 60, before)
        setup.listener.next("reading")
    assert "crashed" not in setup.board.console()[before:]
    assert setup.board.console()[before:].count("trying") == 2


def test_the_status_names_the_line_and_counts_faults(setup: Setup, meter: TestMeter) -> None:
    setup.secrets["meter_key"] = b"\x77" * 16
    setup.provision()
    setup.status()
    # always the same: under a wrong key one telegram in 65 looks like damage
    meter.set_clock(datetime(2026, 11, 22, 20, tzinfo=UTC))
    meter.send()
    setup.board.wait_console("meter: key:")
    setup.broker.kill()
    setup.broker.start()
    status = setup.status()
    assert status["line"] == "2400 8E1"
    assert status["faults"] == {"key": 1}
    assert status["progress"] == "frames but no key"
    assert status["readings"] == 0


def test_a_port_that_has_gone_silent_is_opened_anew(
    setup: Setup, wire: Wire, meter: TestMeter, tmp_path: Path
) -> None:
    """What it has open tells nothing any more; what it opens five minutes later does."""
    with_a_clock_to_turn(setup)
    truth = meter.send()
    assert agrees(setup.listener.next("reading"), truth)
    (tmp_path / "other").mkdir()
    other = Wire(tmp_path / "other")
    wire.path.unlink()
    wire.path.symlink_to(other.path.resolve())
    meter.wire = other
    setup.board.pass_time(240, 20)
    meter.send()  # is not heard
    setup.board.pass_time(120, 20)
    setup.later()
    truth = meter.send()
    assert agrees(setup.listener.next("reading"), truth)
    other.close()


@ONE_WORD_SIZE
def test_a_uart_driver_that_fails_is_tried_again(setup: Setup, meter: TestMeter) -> None:
    """uart_driver_install() finds no memory for its buffer: OSError(-1)."""
    setup.board.kill()
    setup.board.pass_time(0)
    setup.board.start()
    setup.board.air(uart=-1)
    setup.provision()
    setup.board.wait_console("meter: UART driver: -1")
    setup.soon("broker: connected")
    setup.board.air(uart=0)
    with Sending(meter) as sending:
        setup.board.pass_time(12, 2)
        reading = setup.listener.next("reading")
    assert agrees(reading, sending.truths[int(reading["seq"])])
    assert "crashed" not in setup.board.console()


def test_noise_between_telegrams_costs_none(setup: Setup, wire: Wire, meter: TestMeter) -> None:
    setup.provision()
    setup.status()
    for n in range(5):
        wire.send(bytes((n * 37 + i * 91) & 0xFF for i in range(40 * n)))
        time.sleep(0.1)
        truth = meter.send()
        assert agrees(setup.listener.next("reading"), truth)


def test_amis_is_acknowledged(setup: Setup, wire: Wire) -> None:
    setup.board.kill()
    setup.board.set_line("9600 8E1")
    setup.board.start()
    setup.settings["meter"] |= {"line": "9600 8E1", "tx": 17, "answer": "amis"}
    setup.provision()
    setup.status()
    wire.send(bytes.fromhex("1040F03016"))  # SND_NKE: is there a slave?
    assert wire.received() == b"\xe5"


def test_a_meter_of_iec_62056_21_is_asked(setup: Setup, wire: Wire) -> None:
    setup.board.kill()
    setup.board.set_line(None)
    setup.board.start()
    setup.settings["meter"] |= {"tx": 17, "answer": "iec62056"}
    del setup.secrets["meter_key"]
    setup.provision()
    assert wire.received() == b"/?!\r\n"
    wire.send(b"/ABC5TEST\r\n")
    assert wire.received() == b"\x06050\r\n"
    data = b"1-0:1.8.0(001234.567*kWh)\r\n1-0:2.8.0(000000.001*kWh)\r\n!\r\n\x03"
    bcc = 0
    for b in data:
        bcc ^= b
    time.sleep(1.2)  # the adapter changes its baud rate once its last bit has left
    wire.send(b"\x02" + data + bytes((bcc,)))
    reading = setup.listener.next("reading")
    assert reading["clock"] == "adapter"
    assert {c: str(v) for c, v in reading["values"].items()} == {"1.8.0": "1234567", "2.8.0": "1"}
