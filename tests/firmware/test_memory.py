"""The heap that each way of installing may take at most, with a minute's outage.

boards/ says which boards have it; `python -m tools.bench adapter` prints what is really needed.
"""

from decimal import Decimal

import pytest

from tests.firmware.rig import KEY, ONE_WORD_SIZE, WIFI, Setup, TestMeter, Wire, agrees

_WARM = 3  # by then all modules are loaded
_MINUTE = 12  # telegrams, one every 5 s


def _survives(setup: Setup, meter: TestMeter, what: str) -> None:
    """A minute without Wi-Fi costs no telegram."""
    setup.settings["publish"] = {"what": [what]}
    setup.provision()
    setup.status()
    for _ in range(_WARM):
        meter.send()
        setup.listener.payload(what)
    setup.board.air(networks={})
    setup.board.wait_console("network: lost")
    truths = []
    for _ in range(_MINUTE):
        truths.append(meter.send())
        meter.wire.taken()
    starts = len(setup.board.resets)
    setup.board.air(networks=WIFI)
    for truth in truths:
        if what == "reading":
            while not agrees(setup.listener.next("reading"), truth):
                pass  # what was acknowledged before is sent again
        else:
            setup.listener.payload(what)
    assert len(setup.board.resets) == starts
    assert "memory" not in setup.board.console()


@ONE_WORD_SIZE
@pytest.mark.parametrize("board_class", [100])
def test_compiled_files_read(setup: Setup, meter: TestMeter) -> None:
    _survives(setup, meter, "reading")


@ONE_WORD_SIZE
@pytest.mark.parametrize("board_class", [84])
def test_raw_telegrams_take_less(setup: Setup, meter: TestMeter) -> None:
    _survives(setup, meter, "raw")


@ONE_WORD_SIZE
@pytest.mark.parametrize("board_class", [84])
def test_ciphered_telegrams_take_less(setup: Setup, meter: TestMeter) -> None:
    del setup.secrets["meter_key"]
    _survives(setup, meter, "ciphered")


@ONE_WORD_SIZE
@pytest.mark.parametrize("board_class", ["c3"])
def test_a_c3_reads_encrypted_p1(setup: Setup, wire: Wire) -> None:
    meter = TestMeter(wire, "p1-luxembourg")
    setup.secrets["meter_key"] = KEY
    setup.provision()
    setup.status()
    for _ in range(10):
        truth = meter.send()
        sent = {code: Decimal(str(value)) for code, value in truth["values"].items()}
        while True:  # what was acknowledged is sent again 15 s after the connect
            values = setup.listener.next("reading")["values"]
            known = {code: value for code, value in values.items() if code in sent}
            if known == {code: sent[code] for code in known}:
                break
        assert len(known) > 5
    assert "memory" not in setup.board.console()
