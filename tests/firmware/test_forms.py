"""Meters that send by themselves, on a board without PSRAM: compiled files read each of them."""

import os
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.firmware.rig import KEY, ONE_WORD_SIZE, Setup, TestMeter, Wire
from tools.meters import forms
from tools.meters.household import Household

_READINGS = 10  # by then all modules of a form are loaded
_LONGEST = 600  # bytes of a telegram that a board without PSRAM is to read
# for make test: the largest, with and without a key
_LARGEST = ("p1-israel", "aidon-se", "landis-gyr-e450")


def _pushed() -> list[str]:
    """The forms whose telegrams come unasked and are no longer than that."""
    found = []
    for name, form in forms.FORMS.items():
        if not form.interactive:
            telegram, _ = forms.make(name, Household(seed=7)).telegram(datetime.now(UTC))
            if len(telegram) <= _LONGEST:
                found.append(name)
    return found


@ONE_WORD_SIZE
@pytest.mark.parametrize("board_class", ["c3"])
@pytest.mark.parametrize("name", _pushed() if os.environ.get("WORD_SIZES") else _LARGEST)
def test_a_c3_reads_it(setup: Setup, wire: Wire, name: str) -> None:
    form = forms.get(name)
    del setup.secrets["meter_key"]
    if form.ciphered:
        setup.secrets["meter_key"] = KEY
    if form.tagged:
        setup.secrets["meter_auth_key"] = forms.default_auth_key(name)
    inverted = " inverted" if form.inverted else ""
    setup.settings["meter"]["line"] = f"{form.baud} {form.frame}{inverted}"
    setup.board.set_line(None)
    meter = TestMeter(wire, name)
    setup.provision()
    setup.status()
    starts = len(setup.board.resets)
    for _ in range(_READINGS):
        truth = meter.send()
        sent = {code: Decimal(str(value)) for code, value in truth["values"].items()}
        while True:  # what was acknowledged is sent again 15 s after the connect
            values = setup.listener.next("reading")["values"]
            known = {code: value for code, value in values.items() if code in sent}
            if known == {code: sent[code] for code in known}:
                break
        assert known
    assert "memory" not in setup.board.console()
    assert len(setup.board.resets) == starts
