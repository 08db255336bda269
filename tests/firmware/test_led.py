"""A status LED flashes where in the chain something is missing."""

import re
import time

from tests.firmware.rig import ONE_WORD_SIZE, WIFI, Setup, TestMeter

_PAUSE_S = 0.75  # between the 0.5 s of a flash and the 1.5 s from the last to the next first


class _Led:
    """What the LED does now: flashes between two pauses, or 0 for a steady light."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def shows(self, flashes: int) -> None:
        """Returns once it does that; it fails after a minute."""
        until = time.monotonic() + 60
        while (seen := self._flashes()) != flashes:
            assert time.monotonic() < until, f"{seen} flashes, not {flashes}"

    def _flashes(self) -> int:
        """Between two pauses."""
        self._next_pause()
        before = len(self._setup.board.console())
        self._next_pause()
        levels = re.findall(r"GPIO2 is (\d)", self._setup.board.console()[before:])
        return levels.count("0")

    def _next_pause(self) -> None:
        """Returns in a pause, after a change of the LED."""
        changed, known = 0.0, self._changes()
        while not changed or time.monotonic() < changed + _PAUSE_S:
            time.sleep(0.02)
            if self._changes() != known:
                changed, known = time.monotonic(), self._changes()

    def _changes(self) -> int:
        return self._setup.board.console().count("GPIO2 is")


@ONE_WORD_SIZE
def test_the_led_tells_what_is_missing(setup: Setup, meter: TestMeter) -> None:
    setup.settings["meter"]["led"] = 2
    setup.board.air(networks={})
    setup.provision()
    led = _Led(setup)
    led.shows(1)
    setup.broker.kill()
    setup.board.air(networks=WIFI)
    led.shows(2)
    setup.broker.start()
    led.shows(3)
    meter.wire.send(b"\x00\x01\x02" * 20)
    led.shows(4)
    meter.send()
    led.shows(0)
