"""What is published, how often, and on which topics, as the settings say."""

import json
import queue
from decimal import Decimal

import pytest
from smartmeter import Reading, Receiver
from smartmeter.checks.crc import arc
from smartmeter.wire.reading_encoder import to_json

from tests.firmware.rig import (
    CLASSIC,
    KEY,
    METER,
    ONE_WORD_SIZE,
    WIFI,
    Setup,
    TestMeter,
    Wire,
    agrees,
)


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


@CLASSIC
@ONE_WORD_SIZE
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


@CLASSIC
@ONE_WORD_SIZE
def test_raw_alone_needs_no_decoder(setup: Setup, meter: TestMeter) -> None:
    """The Concentrator reads it. A board without PSRAM has heap for ten, and for an outage."""
    setup.settings["publish"] = {"what": ["raw"]}
    setup.provision()
    setup.status()
    setup.board.air(networks={})
    setup.board.wait_console("network: lost")
    truths = []
    for _ in range(12):
        truths.append(meter.send())
        meter.wire.taken()
    setup.board.air(networks=WIFI)
    for truth in truths:
        receiver = Receiver(link="apdu")
        events = receiver.feed(setup.listener.payload("raw")) + receiver.flush()
        assert [type(e) for e in events] == [Reading]
        assert agrees(json.loads(to_json(events[0]), parse_float=Decimal, parse_int=Decimal), truth)
    setup.board.wait_console("telegrams arrive and are forwarded")
    assert "memory" not in setup.board.console()


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


def test_a_gas_meter_is_published_under_its_own_id_when_it_changes(
    setup: Setup, wire: Wire
) -> None:
    def send(second: int, hour: int, gas: str) -> None:
        lines = (
            "/ISK5\\2M550T-1012",
            "",
            f"0-0:1.0.0(2607031605{second:02}S)",
            "1-0:1.8.1(000001.500*kWh)",
            "0-1:24.1.0(003)",
            f"0-1:24.2.1(260703{hour}0000S)({gas}*m3)",
            "!",
        )
        body = "\r\n".join(lines).encode()
        wire.send(body + b"%04X\r\n" % arc(body, 0, len(body)))

    del setup.secrets["meter_key"]
    setup.settings["publish"] = {"values": ["1-0:1.8.1", "24.2.1"]}
    setup.provision()
    setup.status()
    send(1, 14, "00092.287")
    main = setup.listener.next("reading")
    assert main["values"] == {"1.8.1": Decimal(1500), "24.2.1": Decimal("92.287")}
    gas = setup.listener.next("reading", meter=f"{METER}-1")
    assert (gas["medium"], gas["units"]) == ("gas", {"24.2.1": "m3"})
    assert (gas["time"], gas["clock"]) == ("2026-07-03T14:00:00+02:00", "meter")
    send(2, 14, "00092.287")
    send(3, 15, "00092.300")
    later = setup.listener.next("reading", meter=f"{METER}-1")
    assert later["time"] == "2026-07-03T15:00:00+02:00"
    assert later["values"] == {"24.2.1": Decimal("92.300")}
