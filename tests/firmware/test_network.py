"""The LAN by cable, and a broker that wants a certificate of its clients."""

from collections.abc import Callable

from tests.firmware.rig import USERS, Setup, TestMeter, agrees
from tools.environment.mosquitto import Mosquitto


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
