"""The way to the broker: verified or refused, and what happens while it is away."""

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.firmware.rig import (
    ONE_WORD_SIZE,
    USERS,
    Drip,
    Gate,
    Listener,
    Setup,
    TestMeter,
    agrees,
    mpremote,
    umqtt_versions,
    with_a_clock_to_turn,
)
from tools.certificates import Authority
from tools.environment.mosquitto import Mosquitto


@pytest.fixture(params=umqtt_versions(), ids=lambda path: path.name if path else "pinned")
def umqtt(request: pytest.FixtureRequest) -> Path | None:
    """Stock images have different versions frozen in."""
    folder: Path | None = request.param
    return folder


def test_the_status_tells_what_the_adapter_is_about(setup: Setup, meter: TestMeter) -> None:
    setup.provision()
    first = setup.status()
    assert first["state"] == "online"
    assert first["reset"] == "power"
    assert first["progress"] == "no bytes"
    assert first["readings"] == 0
    assert first["heap"] > 10_000
    assert first["idf"] == [50_000, 31_744, 24_000]
    assert first["rssi"] < 0
    assert first["connects"] == 1
    assert first["clock_set"] <= first["time"]
    assert first["ntp_failures"] == 0
    assert "commands" not in first


@ONE_WORD_SIZE
def test_free_heap_is_reported_without_the_memory_of_wifi_and_tls(setup: Setup) -> None:
    """The port counts the largest piece of it as heap, by which the heap could grow."""
    setup.provision()
    free = setup.status()["heap"]
    assert 110_000 < free + setup.board.heap().live < 128 * 1024


def test_wrong_certificates_are_told_apart(
    setup: Setup, mosquitto: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "stranger")
    ours = setup.authority.certificate_path
    expired = datetime.timedelta(days=-1)
    cases = {
        "not from the CA": stranger.issue("one", ("localhost",)),
        "for another host name": setup.authority.issue("other", ("elsewhere.example",)),
        "has expired": setup.authority.issue("old", ("localhost",), expired),
    }
    gate = Gate(setup.broker.port)
    gate.open()
    setup.settings["broker"]["port"] = gate.port
    with_a_clock_to_turn(setup)
    setup.board.wait_console("broker: connected")
    for words, (certificate, key) in cases.items():
        before = len(setup.board.console())
        gate.leads_to(mosquitto(users=USERS, tls=(ours, certificate, key)).port)
        setup.soon(words, before)
        assert "broker: connected" not in setup.board.console()[before:]
        gate.leads_to(setup.broker.port)
        setup.soon("broker: connected", before)
        # On a busy machine more trouble may follow this one.
        said = setup.board.console()[before:].splitlines()
        assert f"adapter: broker: {setup.status()['last_trouble']}" in said
    gate.close()


def test_a_wrong_password_is_told_as_such(setup: Setup) -> None:
    setup.secrets["broker_password"] = b"wrong"
    setup.provision()
    setup.board.wait_console("broker: it refuses user and password")


def test_without_a_clock_no_certificate_is_believed(setup: Setup) -> None:
    setup.board.kill()
    setup.board.pass_time(0)
    setup.board.start()
    setup.board.air(ntp=False)
    setup.provision()
    setup.board.wait_console("no time yet")
    assert "broker: connected" not in setup.board.console()
    setup.board.air(ntp=True)
    setup.soon("broker: connected")


def test_router_and_concentrator_tell_the_time_where_no_ntp_server_answers(setup: Setup) -> None:
    setup.board.kill()
    setup.board.pass_time(0)
    setup.board.start()
    for answers in ("192.0.2.1", "localhost"):
        setup.board.air(ntp=[answers])
        before = len(setup.board.console())
        setup.provision()
        setup.soon(f"by {answers}", before)
        setup.soon("broker: connected", before)
        assert "clock: no answer from pool.ntp.org" in setup.board.console()[before:]


def test_what_the_meter_sends_while_the_broker_is_away_follows(
    setup: Setup, meter: TestMeter
) -> None:
    setup.provision()
    setup.status()
    truths = [meter.send()]
    setup.listener.next("reading")
    setup.broker.kill()
    for _ in range(4):
        truths.append(meter.send())
        meter.wire.taken()
    setup.board.wait_console("the connection was refused")
    setup.broker.start()
    status = setup.status()
    # The broker may have died before the board had its acknowledgement of the first.
    assert status["waiting"] in (4, 5)
    assert status["dropped"] == 0
    assert "refused" in status["last_trouble"]
    # The first again as well: a broker that dies may have acknowledged and not delivered it.
    for truth in truths:
        assert agrees(setup.listener.next("reading"), truth)


def test_what_nobody_heard_comes_again(setup: Setup, meter: TestMeter) -> None:
    """A broker without its sessions acknowledges readings before the Concentrator is back."""
    with_a_clock_to_turn(setup)
    truth = meter.send()
    assert agrees(setup.listener.next("reading"), truth)
    late = Listener(setup.broker, setup.authority.certificate_path)
    setup.board.pass_time(20, 5)
    assert agrees(late.next("reading"), truth)
    late.close()


def test_a_broker_that_hangs_costs_no_telegram(setup: Setup, meter: TestMeter) -> None:
    setup.board.kill()
    setup.board.pass_time(0)
    setup.board.start()
    gate = Gate(setup.broker.port)
    setup.settings["broker"]["port"] = gate.port
    setup.provision()
    assert gate.connected.wait(60)
    truths = []
    for _ in range(15):  # more bytes than the UART's buffer would hold
        truths.append(meter.send())
        meter.wire.taken()
    setup.board.pass_time(10, 1)  # what a handshake may take
    setup.board.wait_console("broker: no answer in time")
    gate.open()
    for truth in truths:
        assert agrees(setup.listener.next("reading"), truth)
    gate.close()
    assert "overflow" not in setup.board.console()


def test_a_slow_handshake_costs_no_telegram(setup: Setup, meter: TestMeter) -> None:
    """The broker's side of TLS comes drop by drop, and a telegram with each drop.

    mbed TLS blocks while it waits, and all the while the meter sends more than its UART holds.
    """
    drip = Drip(setup.broker.port, 100)  # of about 1 700 bytes in all
    setup.settings["broker"]["port"] = drip.port
    setup.provision()
    truths = []
    for _ in range(12):
        drip.held()
        truths.append(meter.send())
        meter.wire.taken()
        drip.let()
    assert "broker: connected" not in setup.board.console()
    drip.flow()
    assert setup.status()["overflow"] == 0
    for truth in truths:
        assert agrees(setup.listener.next("reading"), truth)
    assert "UART overflow" not in setup.board.console()
    drip.close()


def test_the_last_will_says_offline(setup: Setup) -> None:
    setup.provision()
    assert setup.listener.next("status")["state"] == "online"
    setup.board.kill()
    assert setup.listener.next("status") == {"state": "offline"}


def test_packet_ids_wrap_at_65535(setup: Setup) -> None:
    """umqtt counts on, and from the 65536th publish waits for an answer that cannot come."""
    setup.provision()
    setup.status()
    answer = mpremote(
        setup.board.port,
        "run",
        "/dev/stdin",
        given="""
import asyncio
import network
from adapter import app  # a device has merged modules
from adapter.start import Store

class Counted(app._Client):
    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.pid = 65530
        Counted.made = self

app._Client = Counted
store = Store()
settings = store.document()["broker"]
network.WLAN().active(True)
network.WLAN().connect("Home", store.secret("wifi_password").decode())
while not network.WLAN().isconnected():
    pass
security = app.context(store.secret("broker_ca"), None, None)
password = store.secret("broker_password")
client = app.Broker(settings, "wrap", password, security, lambda: None)
asyncio.run(client.connect("smartMeterMessage/wrap/status", b"{}"))
for i in range(12):
    client.publish("smartMeterMessage/test-meter/raw", b"%d" % i)
print("pid", Counted.made.pid)
""",
    )
    assert "pid 7" in answer
    assert [setup.listener.next("raw") for _ in range(12)] == list(range(12))
