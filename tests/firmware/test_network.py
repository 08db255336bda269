"""Wi-Fi and its moods, the LAN by cable, and a broker that wants a client certificate."""

import queue
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.firmware.rig import (
    ONE_WORD_SIZE,
    USERS,
    WIFI,
    Setup,
    TestMeter,
    Wire,
    agrees,
    with_a_clock_to_turn,
)
from tools.environment.mosquitto import Mosquitto
from tools.meters import forms
from tools.meters.household import Household


def test_ethernet_takes_the_place_of_wifi(setup: Setup, meter: TestMeter) -> None:
    del setup.settings["wifi"]
    setup.settings["ethernet"] = {"phy_addr": 1, "power": 16, "ref_clk": 0, "ref_clk_out": False}
    setup.settings["meter"]["rx"] = 4
    setup.board.air(networks={})
    setup.provision()
    status = setup.status()
    assert "rssi" not in status
    truth = meter.send()
    assert agrees(setup.listener.next("reading"), truth)
    setup.board.air(ethernet=False)
    setup.board.wait_console("network: lost")
    setup.board.air(ethernet=True)
    assert setup.status(60)["connects"] == 2


def test_tls_is_off_where_the_settings_say_so(
    setup: Setup, meter: TestMeter, mosquitto: Callable[..., Mosquitto]
) -> None:
    plain = mosquitto(users=USERS)
    setup.listener.use(plain.port)
    setup.settings["broker"] |= {"port": plain.port, "tls": False}
    del setup.secrets["broker_ca"]
    setup.provision()
    assert setup.status()["state"] == "online"
    for _ in range(3):
        truth = meter.send()
        assert agrees(setup.listener.next("reading"), truth)


@ONE_WORD_SIZE
def test_without_tls_a_meter_with_a_clock_needs_no_ntp(
    setup: Setup, meter: TestMeter, mosquitto: Callable[..., Mosquitto]
) -> None:
    """A network of its own, without a way to the internet, is where such a board often is."""
    setup.board.kill()
    setup.board.pass_time(0)
    setup.board.start()
    plain = mosquitto(users=USERS)
    setup.listener.use(plain.port)
    setup.settings["broker"] |= {"port": plain.port, "tls": False}
    del setup.secrets["broker_ca"]
    setup.board.air(ntp=False)
    setup.provision()
    status = setup.status()
    assert status["state"] == "online"
    assert "time" not in status
    truth = meter.send()
    assert agrees(setup.listener.next("reading"), truth)
    while (status := setup.later())["uptime"] < 1200:
        pass
    assert status["ntp_failures"] < 15, "each question may block for 14 s"


@ONE_WORD_SIZE
def test_a_meter_without_a_clock_waits_for_the_time(
    setup: Setup, wire: Wire, mosquitto: Callable[..., Mosquitto]
) -> None:
    setup.board.kill()
    setup.board.pass_time(0)
    setup.board.set_line(None)
    setup.board.start()
    plain = mosquitto(users=USERS)
    setup.listener.use(plain.port)
    setup.settings["broker"] |= {"port": plain.port, "tls": False}
    del setup.secrets["broker_ca"], setup.secrets["meter_key"]
    setup.board.air(ntp=False)
    setup.provision()
    setup.status()
    telegram, _ = forms.make("sml", Household(5)).telegram(datetime.now(UTC))
    wire.send(telegram)
    setup.board.wait_console("meter: readings come")
    with pytest.raises(queue.Empty):
        setup.listener.next("reading", 1)
    setup.board.air(ntp=True)
    setup.soon("clock: set to")
    reading = setup.listener.next("reading")
    assert reading["clock"] == "adapter"


def test_a_client_certificate_opens_the_broker(
    setup: Setup, mosquitto: Callable[..., Mosquitto]
) -> None:
    server = setup.authority.issue("strict", ("localhost",))
    ca = setup.authority.certificate_path
    strict = mosquitto(tls=(ca, *server), client_certificates=True)
    setup.settings["broker"] = {"host": "localhost", "port": strict.port}
    del setup.secrets["broker_password"]
    setup.provision()
    setup.board.wait_console("adapter: broker: ")
    assert "broker: connected" not in setup.board.console()
    certificate, key = setup.authority.issue("test-meter")
    setup.secrets |= {"client_cert": certificate.read_bytes(), "client_key": key.read_bytes()}
    before = len(setup.board.console())
    setup.provision()
    setup.board.wait_console("broker: connected", 60, before)


@ONE_WORD_SIZE
def test_the_strongest_access_point_is_joined_with_a_name_and_without_power_saving(
    setup: Setup,
) -> None:
    weak, strong, foreign = ([2, 0, 0x5E, 0, 1, n] for n in (1, 2, 3))
    points = [["Home", weak, 1, -80], ["Home", strong, 6, -50], ["Other", foreign, 11, -30]]
    setup.board.air(points=points)
    setup.provision()
    setup.status()
    assert "board: Wi-Fi Home at 02:00:5e:00:01:02 as smartmeter-000001, pm 0" in (
        setup.board.console()
    )


@ONE_WORD_SIZE
def test_an_access_point_that_is_gone_is_replaced_by_another(setup: Setup) -> None:
    """The driver alone would try to join the first one forever."""
    near, far = (["Home", [2, 0, 0x5E, 0, 1, n], 1, dbm] for n, dbm in ((1, -50), (2, -80)))
    setup.board.air(points=[near, far])
    with_a_clock_to_turn(setup)
    setup.board.wait_console("broker: connected")
    before = len(setup.board.console())
    setup.board.air(points=[far])
    setup.soon("broker: connected", before)
    assert "board: Wi-Fi Home at 02:00:5e:00:01:02" in setup.board.console()[before:]


@ONE_WORD_SIZE
def test_ethernet_knows_no_local_names_and_says_so(setup: Setup) -> None:
    del setup.settings["wifi"]
    setup.settings["ethernet"] = {}
    setup.settings["broker"]["host"] = "concentrator.local"
    setup.provision()
    setup.board.wait_console("broker: concentrator.local port")
    assert "no such host name, or no name server" in setup.board.console()


@ONE_WORD_SIZE
def test_a_static_address_needs_no_dhcp(setup: Setup) -> None:
    address = ["192.0.2.50", "255.255.255.0", "192.0.2.1", "192.0.2.1"]
    setup.settings["wifi"] |= {"address": address, "power_saving": True}
    setup.board.air(dhcp=False)
    setup.provision()
    assert setup.status()["state"] == "online"
    assert "network: up, address 192.0.2.50" in setup.board.console()
    assert "pm 1" in setup.board.console()


@ONE_WORD_SIZE
def test_a_router_that_restarts_costs_no_password(setup: Setup) -> None:
    """It refuses with 202 for a while, which the port's status() then tells until it has an IP."""
    with_a_clock_to_turn(setup)
    setup.board.wait_console("broker: connected")
    before = len(setup.board.console())
    setup.board.air(networks={})
    setup.board.wait_console("network: lost", after=before)
    setup.board.air(networks=WIFI, refuses=202)
    setup.board.pass_time(12, 1)
    setup.board.air(refuses=0)
    setup.soon("broker: connected", before)
    console = setup.board.console()[before:]
    assert "password" not in console
    assert "joining" not in console, "the driver reconnects by itself"


@ONE_WORD_SIZE
def test_a_wrong_wifi_password_is_asked_about(setup: Setup) -> None:
    """The port says "connecting" for as long as it is wrong."""
    setup.board.kill()
    setup.board.pass_time(0)
    setup.board.start()
    setup.secrets["wifi_password"] = b"not-the-password"
    setup.provision()
    setup.soon("network: Wi-Fi refuses this adapter; is the Wi-Fi password right?")


@ONE_WORD_SIZE
@pytest.mark.parametrize("kind", ["Wi-Fi", "Ethernet"])
def test_a_driver_that_fails_is_trouble_and_no_crash(setup: Setup, kind: str) -> None:
    """Also while it starts, as in network.WLAN() and network.LAN()."""
    if kind == "Ethernet":
        del setup.settings["wifi"]
        setup.settings["ethernet"] = {}
    setup.board.kill()
    setup.board.pass_time(0)
    setup.board.start()
    setup.board.air(driver="Out of Memory")
    before = len(setup.board.console())
    setup.provision()
    setup.soon(f"network: {kind} driver: Out of Memory", before)
    setup.board.air(driver="")
    setup.soon("broker: connected", before)
    resets = list(setup.board.resets)
    before = len(setup.board.console())
    setup.board.air(networks={}, ethernet=False, driver="Internal Error")
    setup.soon(f"network: {kind} driver: Internal Error", before)
    setup.board.air(networks=WIFI, ethernet=True, driver="")
    setup.soon("broker: connected", before)
    while "Internal Error" not in setup.later()["last_trouble"]:
        pass
    assert "crashed" not in setup.board.console()
    assert setup.board.resets == resets
