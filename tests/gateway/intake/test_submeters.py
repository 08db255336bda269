"""Sub-meters on a serial port: gas and water are meters of their own, all the way to the Cloud."""

import os
import pty
import time
import tty

import pytest
from smartmeter.checks.crc import arc
from smartmeter_gateway.config.settings import MeterSettings
from smartmeter_gateway.intake.replay_guard import ReplayGuard
from smartmeter_gateway.intake.telegram_decoder import TelegramDecoder
from smartmeter_gateway.intake.validation import Refused

from tests.gateway.conftest import Between
from tests.gateway.harness import FakeCloud

VALUES = ("1.8.1", "24.2.1", "0-2:24.2.1")


def telegram(second: int, gas: str = "00092.287", water: str = "00008.579") -> bytes:
    lines = (
        "/ISK5\\2M550T-1012",
        "",
        f"0-0:1.0.0(2607031405{second:02}S)",
        "1-0:1.8.1(000001.500*kWh)",
        "0-1:24.1.0(003)",
        f"0-1:24.2.1(260703140000S)({gas}*m3)",
        "0-2:24.1.0(007)",
        f"0-2:24.2.1(260703140000S)({water}*m3)",
        "!",
    )
    body = "\r\n".join(lines).encode()
    return body + b"%04X\r\n" % arc(body, 0, len(body))


def decoder(values: tuple[str, ...] | None = VALUES) -> TelegramDecoder:
    return TelegramDecoder(MeterSettings(id="m", values=values), ReplayGuard(), 1)


def test_a_telegram_that_is_decoded_here_gives_a_sub_meters_reading_when_it_changes() -> None:
    opened = decoder()
    assert [id for id, _ in opened.raw(telegram(1))] == ["m", "m-1", "m-2"]
    assert [id for id, _ in opened.raw(telegram(2))] == ["m"]
    changed = opened.raw(telegram(3, water="00008.600"))
    assert [id for id, _ in changed] == ["m", "m-2"]
    assert b'"values":{"24.2.1":8.600},"medium":"water","units":{"24.2.1":"m3"}' in changed[1][1]


def test_only_what_the_settings_name_is_passed_on() -> None:
    assert [id for id, _ in decoder(("1.8.1",)).raw(telegram(1))] == ["m"]
    assert [id for id, _ in decoder(("0-2:24.2.1",)).raw(telegram(1))] == ["m-2"]
    assert [id for id, _ in decoder(("1-0:1.8.1", "0-1:24.2.1")).raw(telegram(1))] == ["m", "m-1"]
    with pytest.raises(Refused):
        decoder(None).raw(telegram(1))  # it has none of the usual values


def test_gas_and_water_of_a_port_arrive_at_the_cloud(between: Between, cloud: FakeCloud) -> None:
    meter, port = pty.openpty()
    tty.setraw(port)
    between.configure(
        f'[[port]]\ndevice = "{os.ttyname(port)}"\nmeter = "house"\nbaud = 115200\n'
        'values = ["1-0:1.8.1", "24.2.1", "0-2:24.2.1"]'
    )
    between.process.start()
    for second in range(60):
        os.write(meter, telegram(second))
        if len(cloud.seqs("house")) >= 3:
            break
        time.sleep(0.5)
    of = {
        name: [r for (meter, _, _), r in sorted(cloud.store.items()) if meter == name]
        for name in ("house", "house-1", "house-2")
    }
    assert len(of["house"]) >= 3
    assert "medium" not in of["house"][0]
    assert of["house"][0]["values"] == {"1.8.1": 1500, "24.2.1": 92.287}
    (gas,), (water,) = of["house-1"], of["house-2"]  # not with every telegram
    assert (gas["medium"], gas["units"]) == ("gas", {"24.2.1": "m3"})
    assert (water["medium"], water["values"]) == ("water", {"24.2.1": 8.579})
    assert gas["time"] == water["time"] == "2026-07-03T14:00:00+02:00"
    os.close(meter)
    os.close(port)
