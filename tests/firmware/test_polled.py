"""A meter that is asked over M-Bus (EN 13757-3) by the adapter itself."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from smartmeter import ALLOWED

from tests.firmware.rig import Setup, Wire
from tools.meters import forms
from tools.meters.household import Household


def test_a_meter_on_m_bus_is_greeted_and_asked(setup: Setup, wire: Wire) -> None:
    setup.settings["meter"] |= {"tx": 17, "answer": "mbus", "address": "5"}
    del setup.secrets["meter_key"]
    setup.provision()
    assert wire.received() == bytes.fromhex("1040054516")  # SND_NKE
    wire.send(b"\xe5")
    assert wire.received() == bytes.fromhex("105B056016")  # REQ_UD2
    telegram, truth = forms.make("mbus-polled", Household(5)).telegram(datetime.now(UTC))
    wire.send(telegram)
    reading = setup.listener.next("reading")
    sent: dict[str, Any] = {code: Decimal(str(v)) for code, v in truth["values"].items()}
    sent["16.7.0"] = sent["1.7.0"] - sent["2.7.0"]
    assert reading["values"] == {code: sent[code] for code in ALLOWED if code in sent}
