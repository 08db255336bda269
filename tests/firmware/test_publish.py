"""What is published, how often, and on which topics, as the settings say."""

import json
import queue
from decimal import Decimal

import pytest
from smartmeter import Reading, Receiver
from smartmeter.wire.reading_encoder import to_json

from tests.firmware.rig import KEY, Setup, TestMeter, agrees


def test_the_allow_list_of_the_settings_decides(setup: Setup, meter: TestMeter) -> None:
    setup.settings["publish"] = {"values": ["1.8.0", "32.7.0"]}
    setup.provision()
    setup.status()
    truth = meter.send()
    values = setup.listener.next("reading")["values"]
    assert values == {c: Decimal(str(truth["values"][c])) for c in ("1.8.0", "32.7.0")}


def test_an_interval_thins_and_counts(setup: Setup, meter: TestMeter) -> None:
    setup.settings["publish"] = {"interval": 3600}
    setup.provision()
    setup.status()
    first = meter.send()
    assert agrees(setup.listener.next("reading"), first)
    for _ in range(3):
        meter.send()
        meter.wire.taken()
    setup.broker.kill()
    setup.broker.start()
    status = setup.status()
    assert (status["readings"], status["published"], status["left_out"]) == (4, 1, 3)


def test_a_deadband_leaves_out_what_hardly_changes(setup: Setup, meter: TestMeter) -> None:
    setup.settings["publish"] = {"deadband": 100_000}
    setup.provision()
    setup.status()
    meter.send()
    setup.listener.next("reading")
    meter.send()
    with pytest.raises(queue.Empty):
        setup.listener.next("reading", 2)


def test_without_a_key_the_telegram_is_passed_on_as_it_came(setup: Setup, meter: TestMeter) -> None:
    del setup.secrets["meter_key"]
    setup.settings["publish"] = {"what": ["ciphered"]}
    setup.provision()
    setup.status()
    truth = meter.send()
    telegram = setup.listener.payload("ciphered")
    assert telegram[0] == 0xDB
    receiver = Receiver(KEY, link="apdu")
    events = receiver.feed(telegram) + receiver.flush()
    assert [type(e) for e in events] == [Reading]
    assert agrees(json.loads(to_json(events[0]), parse_float=Decimal, parse_int=Decimal), truth)
    setup.board.wait_console("encrypted telegrams arrive and are forwarded")


def test_raw_is_the_deciphered_telegram(setup: Setup, meter: TestMeter) -> None:
    setup.settings["publish"] = {"what": ["reading", "raw"]}
    setup.provision()
    setup.status()
    meter.send()
    raw = setup.listener.payload("raw")
    assert raw[0] == 0x0F  # data-notification, IEC 62056-53
    assert setup.listener.next("reading")["clock"] == "meter"


def test_one_device_can_be_adapter_and_concentrator(setup: Setup, meter: TestMeter) -> None:
    setup.settings["publish"] = {"concentrator": "garage"}
    setup.listener.prefix = "concentrator/garage/smartMeterMessage"
    setup.provision()
    assert setup.status()["state"] == "online"
    truth = meter.send()
    assert agrees(setup.listener.next("reading"), truth)
