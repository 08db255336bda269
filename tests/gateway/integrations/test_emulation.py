"""Devices that follow the grid read the Concentrator as they read a Shelly or a HomeWizard."""

import json
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from smartmeter_gateway.cli.check import check
from smartmeter_gateway.config.settings_file import load
from smartmeter_gateway.integrations.emulation.allowance import BURST, is_near, is_own_name
from smartmeter_gateway.integrations.emulation.announcer import (
    Announcer,
    CannotAnnounce,
    Service,
)
from smartmeter_gateway.integrations.emulation.grid_values import NotFresh, fresh
from smartmeter_gateway.monitoring.registry import Registry
from smartmeter_gateway.monitoring.states import States
from smartmeter_gateway.spool.batch import NewRow
from smartmeter_service.toml_file import SettingsError
from zeroconf import Zeroconf

from tests.gateway.conftest import Between
from tests.gateway.harness import Adapter, Process, eventually
from tests.gateway.integrations.grid_clients import ShellyByUdp, http
from tools.environment.mosquitto import free_port

METER = "meter-1"
PHASES = {
    "1.7.0": 0, "2.7.0": 543.2, "16.7.0": -543.2, "1.8.0": 13779338, "2.8.0": 1000,
    "1.8.1": 10830511, "1.8.2": 2948827, "21.7.0": 0, "22.7.0": 676.4, "41.7.0": 133.2,
    "42.7.0": 0, "61.7.0": 0, "62.7.0": 0, "32.7.0": 230.1, "52.7.0": 229.4, "72.7.0": 231,
    "31.7.0": 2.94, "51.7.0": 0.58, "71.7.0": 0,
}  # fmt: skip
SUM_ONLY = {"1.7.0": 421, "2.7.0": 0, "16.7.0": 421, "1.8.0": 1136784}


def reading(seq: int, values: dict[str, float]) -> bytes:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + seq / 1000))
    document = {"time": moment, "clock": "meter", "seq": seq, "auth": "none", "values": values}
    return json.dumps(document).encode()


class House:
    """A Concentrator that is a Shelly (HTTP and UDP) and a HomeWizard, and an adapter.

    sum: a Shelly of a meter without phases; never: a HomeWizard of one that sends nothing;
    busy: for tests that ask too much.
    """

    def __init__(self, folder: Path) -> None:
        free: set[int] = set()
        while len(free) < 7:  # a port that is free may come twice
            free.add(free_port())
        ports = list(free)
        self.shelly, self.udp, self.wizard, self.sum, self.never, self.busy, self.page = ports
        (folder / "users").write_text("adapter:test-secret")
        (folder / "users").chmod(0o600)
        self.process = Process(folder / "gateway.toml")
        self.process.config.write_text(
            'concentrator = "home"\n[lan]\nembedded = true\nport = 0\nusers_file = "users"\n'
            f"[http]\nport = {self.page}\n"
            f"{emulated('shelly-pro-3em', METER, self.shelly)}udp_port = {self.udp}\n"
            f"{emulated('homewizard-p1', METER, self.wizard)}"
            f"{emulated('shelly-pro-3em', 'sum-only', self.sum)}"
            f"{emulated('homewizard-p1', 'nothing', self.never)}"
            f"{emulated('homewizard-p1', METER, self.busy)}"
        )
        self.process.start().says("LAN broker: connected")
        port = int(self.process.said.partition("listens on 127.0.0.1:")[2].split()[0])
        self.adapter = Adapter(port, user="adapter", password="test-secret").start()
        self.seq = 0

    def end(self) -> None:
        self.adapter.stop()
        assert self.process.stop() == 0

    def reads(self, values: dict[str, float]) -> None:
        """The adapter sends a reading, and it has arrived."""
        self.seq += 1
        self.adapter.publish(METER, reading(self.seq, values)).wait_for_publish(30)
        power = values["16.7.0"]
        eventually(lambda: self.data()[1].get("active_power_w") == power)

    def rpc(self, method: str, query: str = "?id=0") -> tuple[int, Any]:
        return http(self.shelly, "GET", f"/rpc/{method}{query}")

    def data(self) -> tuple[int, Any]:
        return http(self.wizard, "GET", "/api/v1/data")

    def ask(self, path: str) -> list[str]:
        """What the local page's server answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.page}{path}", timeout=60) as answer:
            return answer.read().decode().splitlines()


def emulated(device: str, meter: str, port: int) -> str:
    where = f'meter = "{meter}"\nhost = "127.0.0.1"\nport = {port}\n'
    return f'[[emulate]]\ndevice = "{device}"\n{where}'


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    yield made
    made.end()


def test_a_shelly_s_power_and_energy(house: House) -> None:
    house.reads(PHASES)
    status, em = house.rpc("EM.GetStatus")
    assert status == 200
    assert em["total_act_power"] == -543.2  # negative is export, as at the meter
    assert [em[f"{phase}_act_power"] for phase in "abc"] == [-676.4, 133.2, 0.0]
    assert [em[f"{phase}_voltage"] for phase in "abc"] == [230.1, 229.4, 231.0]
    assert [em[f"{phase}_current"] for phase in "abc"] == [2.94, 0.58, 0.0]
    assert em["total_current"] == 3.52
    assert em["a_pf"] is None  # the meter does not send it
    assert em["errors"] == []
    status, energy = house.rpc("EMData.GetStatus")
    assert (energy["total_act"], energy["total_act_ret"]) == (13779338, 1000)
    assert energy["a_total_act_energy"] == 13779338  # this meter does not count by phase
    assert energy["b_total_act_energy"] == energy["c_total_act_energy"] == 0


def test_a_shelly_s_ways_to_be_asked_agree(house: House) -> None:
    house.reads(PHASES)
    _, em = house.rpc("EM.GetStatus")
    body = b'{"id":7,"method":"EM.GetStatus","params":{"id":0}}'
    status, frame = http(house.shelly, "POST", "/rpc", body)
    assert (status, frame["id"], frame["result"]) == (200, 7, em)
    assert http(house.shelly, "POST", "/rpc/EM.GetStatus", b'{"id":0}') == (200, em)

    def evcc(method: str) -> tuple[int, Any]:  # its id is the component's
        body = {"id": 0, "src": "evcc", "method": method}
        return http(house.shelly, "POST", f"/rpc/{method}", json.dumps(body).encode())

    methods = ["EM.GetStatus", "EMData.GetStatus", "Shelly.GetDeviceInfo", "Shelly.ListMethods"]
    assert evcc("Shelly.ListMethods") == (200, {"methods": methods})
    assert evcc("EM.GetStatus") == (200, em)
    with ShellyByUdp(house.udp) as battery:
        assert battery.call("EM.GetStatus", id=0)["result"] == em
        info = battery.call("Shelly.GetDeviceInfo")["result"]
        assert battery.call("EM.GetStatus", id=0)["src"] == info["id"]
    assert house.rpc("Shelly.GetDeviceInfo", "") == http(house.shelly, "GET", "/shelly")
    assert house.rpc("Shelly.GetDeviceInfo", "") == (200, info)
    assert (info["app"], info["gen"], info["auth_en"]) == ("Pro3EM", 2, False)
    assert info["id"] == f"shellypro3em-{info['mac'].lower()}"
    assert int(info["mac"][:2], 16) & 3 == 2  # of no maker


def test_a_meter_without_phases_has_all_power_on_the_first(house: House) -> None:
    house.adapter.publish("sum-only", reading(1, SUM_ONLY))
    target = "/rpc/EM.GetStatus?id=0"
    eventually(lambda: http(house.sum, "GET", target)[0] == 200)
    _, em = http(house.sum, "GET", target)
    assert [em[f"{phase}_act_power"] for phase in "abc"] == [421, 0, 0]
    assert [em[f"{phase}_voltage"] for phase in "abc"] == [None, None, None]


def test_a_shelly_s_errors_are_those_of_its_documentation(house: House) -> None:
    house.reads(PHASES)
    assert house.rpc("EM.GetStatus", "") == (
        500,
        {"code": -103, "message": "Missing required 'id'"},
    )
    assert house.rpc("EM.GetStatus", "?id=7") == (500, {"code": -105, "message": "Bad id=7"})
    assert house.rpc("Switch.Set")[0] == 404
    assert http(house.shelly, "GET", "/")[0] == 404
    for body in (b"", b"[", b"[]", b'{"method":"EM.GetStatus"}', b"[" * 1000):
        status, frame = http(house.shelly, "POST", "/rpc", body)
        assert (status, frame["error"]["code"]) == (500, -103)
    with ShellyByUdp(house.udp) as battery:
        assert battery.call("EM.GetStatus")["error"]["code"] == -103
        for garbage in (b"", b"\xff", b"[]", b'{"id":[]}', b"x" * 2000):
            battery.socket.send(garbage)  # it has no answer, and the next request has
        assert battery.call("Shelly.Reboot")["error"]["code"] == 404


def test_a_homewizard_s_documents(house: House) -> None:
    house.reads(PHASES)
    status, device = http(house.wizard, "GET", "/api")
    assert (status, device["product_type"], device["api_version"]) == (200, "HWE-P1", "v1")
    assert len(device["serial"]) == 12
    assert house.data() == (
        200,
        {
            "active_power_w": -543.2,
            "active_power_l1_w": -676.4, "active_power_l2_w": 133.2, "active_power_l3_w": 0,
            "active_voltage_l1_v": 230.1, "active_voltage_l2_v": 229.4, "active_voltage_l3_v": 231,
            "active_current_l1_a": 2.94, "active_current_l2_a": 0.58, "active_current_l3_a": 0,
            "total_power_import_kwh": 13779.338, "total_power_export_kwh": 1,
            "total_power_import_t1_kwh": 10830.511, "total_power_import_t2_kwh": 2948.827,
        },
    )  # fmt: skip
    assert http(house.wizard, "GET", "/api/v1/telegram")[0] == 404
    assert http(house.wizard, "POST", "/api/v1/data", b"{}")[0] == 405
    assert http(house.wizard, "HEAD", "/api/v1/data") == (200, None)


def test_an_old_power_is_never_given(house: House) -> None:
    status, error = http(house.never, "GET", "/api/v1/data")
    assert (status, error["error"]["id"]) == (503, 503)
    assert error["error"]["description"] == "no reading of this meter has come yet"
    house.reads(PHASES)
    house.adapter.publish(METER, b'{"state":"offline"}', "status").wait_for_publish(30)
    eventually(lambda: house.data()[0] == 503)
    status, error = house.data()
    assert error["error"]["description"] == "its adapter is offline"
    assert house.rpc("EM.GetStatus") == (
        503,
        {"code": -114, "message": "its adapter is offline"},
    )
    assert house.rpc("EMData.GetStatus")[0] == 503
    with ShellyByUdp(house.udp) as battery:
        answer = battery.call("EM.GetStatus", id=0)
        assert "result" not in answer
        assert answer["error"]["code"] == -114
    assert house.rpc("Shelly.GetDeviceInfo")[0] == 200  # the device is there, the meter is not
    house.reads(PHASES)
    assert house.rpc("EM.GetStatus")[0] == 200
    asked = "smartmeter_gateway_emulation_requests_total"
    label = f"shelly-pro-3em at 127.0.0.1:{house.shelly}"
    metrics = house.ask("/metrics")
    assert f'{asked}{{emulation="{label}",outcome="not fresh"}} 3.0' in metrics
    assert any(f'emulation="{label}",outcome="answered"' in line for line in metrics)


def test_requests_beyond_the_bounds_are_refused(house: House) -> None:
    def api(method: str = "GET", body: bytes | None = None, **headers: str) -> int:
        return http(house.busy, method, "/api", body, **headers)[0]

    assert api() == 200
    assert api("POST", b"x" * 1025) == 413
    assert api(**{"Content-Length": "many"}) == 413
    assert api(Host="battery.example") == 403
    assert api(Host="p1meter.local:80") == 200
    assert 429 in [api() for _ in range(int(BURST) * 3)]
    assert house.data()[0] in (200, 503)  # each device has an allowance of its own
    (status,) = house.ask("/status")
    counts = json.loads(status)["emulations"][f"homewizard-p1 at 127.0.0.1:{house.busy}"]
    assert counts["refused"] >= 2
    assert counts["wrong"] == 2
    with socket.create_connection(("127.0.0.1", house.busy), timeout=20) as endless:
        endless.sendall(b"GET /api HTTP/1.1\r\n" + b"X: y\r\n" * 3000)
        assert b" 4" in endless.recv(100)[:20]  # it does not read on


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("192.168.1.7", True), ("10.1.2.3", True), ("172.31.0.1", True), ("127.0.0.1", True),
        ("169.254.3.4", True), ("fd00::7", True), ("fe80::1%eth0", True), ("8.8.8.8", False),
        ("::ffff:192.168.1.7", True), ("::ffff:8.8.8.8", False), ("2a00:1450::1", False),
    ],
)  # fmt: skip
def test_only_the_household_s_networks_are_answered(address: str, near: bool) -> None:
    assert is_near(address) == near


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("192.168.1.7", True), ("192.168.1.7:80", True), ("[fd00::7]:80", True), ("", True),
        ("fd00::7", True), ("shellypro3em-0a.local", True), ("localhost:8080", True),
        ("evil.example", False), ("192.168.1.7.evil.example:80", False), ("local", False),
    ],
)  # fmt: skip
def test_a_page_elsewhere_cannot_ask_through_a_name_of_its_own(host: str, own: bool) -> None:
    assert is_own_name(host) == own


def test_mdns_announces_what_the_original_does(between: Between) -> None:
    port = free_port()
    between.configure(emulated("shelly-pro-3em", "m", port) + "mdns = true\n")
    between.process.start().says("Concentrator home runs")
    _, info = http(port, "GET", "/shelly")
    name = f"{info['id']}._shelly._tcp.local."
    with Zeroconf(interfaces=["127.0.0.1"]) as zeroconf:
        service = eventually(lambda: zeroconf.get_service_info("_shelly._tcp.local.", name))
    assert service.port == port
    assert service.parsed_addresses() == ["127.0.0.1"]
    text = {b"gen": b"2", b"app": b"Pro3EM", b"ver": info["ver"].encode()}
    assert service.properties == text
    assert between.process.stop() == 0


def test_a_network_without_mdns_is_one_sentence() -> None:
    announcer = Announcer("192.0.2.1", 80, [Service("_http._tcp", "x", {})])  # not this machine's
    with pytest.raises(CannotAnnounce, match=r"\w"):
        announcer.start()
    announcer.stop()


def test_a_port_in_use_is_one_sentence(between: Between) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        between.configure(emulated("homewizard-p1", "m", port))
        between.process.start().says(f"[[emulate]] cannot listen on 127.0.0.1:{port}: address alre")


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ('device = "shelly"', "emulate.device must be one of shelly-pro-3em, homewizard-p1"),
        ('meter = "a b"', "emulate.meter must be 1 to 64 of"),
        ("port = 70000", "emulate.port must be a port"),
        ("", "emulate.port is missing: the device has to listen somewhere"),
        ("udp_port = 1010", "emulate.udp_port is only for shelly-pro-3em; drop it"),
        ('port = 80\nmdns = true\nhost = "0.0.0.0"', "emulate.mdns needs port, and in host this"),
        ("port = 80\npassword = 1", "emulate.password is not a setting here"),
    ],
)
def test_wrong_settings_are_one_sentence(tmp_path: Path, lines: str, sentence: str) -> None:
    given = {"device": '"homewizard-p1"', "meter": '"m"', "host": '"127.0.0.1"'}
    given |= dict(line.split(" = ", 1) for line in lines.splitlines())
    config = tmp_path / "gateway.toml"
    table = "".join(f"{key} = {value}\n" for key, value in given.items())
    config.write_text(f'concentrator = "home"\n[lan]\nhost = "localhost"\n[[emulate]]\n{table}')
    with pytest.raises(SettingsError) as error:
        load(config)
    assert sentence in str(error.value)


def test_check_says_that_anyone_can_read_there(tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "gateway.toml"
    lan = f'[lan]\nhost = "127.0.0.1"\nport = {free_port()}\n[http]\nenabled = false\n'
    config.write_text(
        f'concentrator = "home"\n{lan}{emulated("shelly-pro-3em", "m", port)}udp_port = {port}\n'
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", port))
        found = [text for _, text in check(load(config), 0.1)]
    label = (
        f"shelly-pro-3em with meter m, which anyone on the LAN can read there, on 127.0.0.1:{port}"
    )
    assert f"{label}: the port is free" in found
    assert f"{label}: address already in use" in found


def test_two_devices_at_one_port(tmp_path: Path) -> None:
    one = emulated("homewizard-p1", "m", 80)
    config = tmp_path / "gateway.toml"
    config.write_text(f'concentrator = "home"\n[lan]\nhost = "localhost"\n{one}{one}')
    with pytest.raises(SettingsError, match=r"emulate\.port is already that of another"):
        load(config)


def test_phases_of_an_older_reading_do_not_belong_to_the_sum() -> None:
    states = States(Registry("home"), {})
    for ago, values in ((22, SUM_ONLY), (12, PHASES), (2, SUM_ONLY)):
        states.take(
            [NewRow("m", "reading", reading(-1000 * ago, values))], {}, (), time.time() - ago
        )
    states.committed()
    assert fresh(states, "m", time.time()).phase_powers == (421, 0, 0)


@pytest.mark.parametrize(("ago", "is_fresh"), [(0, True), (50, True), (70, False)])
def test_a_power_of_a_minute_ago_is_not_fresh(ago: int, is_fresh: bool) -> None:
    """Even if the meter sends less often than that."""
    states = States(Registry("home"), {})
    for before in (1800, 900, 0):
        row = NewRow("m", "reading", reading(-1000 * (before + ago), SUM_ONLY))
        states.take([row], {}, (), time.time() - before - ago)
    states.committed()
    if is_fresh:
        assert fresh(states, "m", time.time()).power == 421
    else:
        with pytest.raises(NotFresh, match="the newest power is 70 s old"):
            fresh(states, "m", time.time())
