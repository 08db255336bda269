"""Pairing: a code from the Concentrator gives provisioning the CA and a user, once."""

import json
import queue
import re
import ssl
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from smartmeter_gateway.provisioning.lan_authority import LanAuthority

from tests.gateway.harness import Process, eventually
from tests.gateway.test_home import command
from tools.environment.mosquitto import free_port
from tools.provision import pairing
from tools.provision.prompt import Refused

METER = "0c9a1c52-7b2e-4f6e-9a43-2f1f4b8f6a02"


@pytest.fixture
def concentrator(tmp_path: Path) -> Iterator[Process]:
    """One with a broker of its own, as `init` writes it."""
    config = tmp_path / "gateway.toml"
    made = command(
        "init", "--config", str(config), "--set", "lan.embedded=yes", "--set", "lan.listen=0.0.0.0",
        "--set", "concentrator=home",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "smartmeter-pair://" in made.stdout
    text = config.read_text().replace("embedded = true", f"embedded = true\nport = {free_port()}")
    config.write_text(text + f"\n[http]\nport = {free_port()}\n")
    process = Process(config)
    process.start()
    process.says("Concentrator home runs")
    yield process
    process.kill()


def new_code(concentrator: Process) -> pairing.Code:
    port = free_port()  # the usual one may be another test's
    shown = command("pair", "--config", str(concentrator.config), "--port", str(port))
    assert shown.returncode == 0, shown.stderr
    assert "█" in shown.stdout
    code = pairing.parse(re.findall(r"smartmeter-pair://\S+", shown.stdout)[0])
    assert code.port == port
    concentrator.says(f"can be paired at port {port}")
    return code


def test_a_code_gives_the_ca_and_a_user_for_one_meter(concentrator: Process) -> None:
    code = new_code(concentrator)
    paired = pairing.redeem(code, METER)
    assert paired.user == METER
    assert (
        ssl.DER_cert_to_PEM_cert(paired.ca)
        == LanAuthority(concentrator.config.parent).ca.read_text()
    )
    users = concentrator.config.parent / "paired.users"
    assert stat.S_IMODE(users.stat().st_mode) == 0o600
    assert paired.password not in concentrator.said
    # The broker knows the user at once, and after a restart.
    for _ in range(2):
        assert logs_in(paired, will=f"smartMeterMessage/{METER}/status")
        assert not logs_in(paired, will="smartMeterMessage/another/status")
        runs = concentrator.said.count("Concentrator home runs")
        concentrator.stop()
        concentrator.start()
        eventually(lambda: concentrator.said.count("Concentrator home runs") > runs)  # noqa: B023


def logs_in(paired: pairing.Paired, will: str) -> bool:
    """Whether the broker takes the user, with a last will on that topic. TLS is verified."""
    answers: queue.Queue[bool] = queue.Queue()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="adapter-1")
    client.on_connect = lambda c, u, f, reason, p: answers.put(not reason.is_failure)
    client.tls_set_context(ssl.create_default_context(cadata=ssl.DER_cert_to_PEM_cert(paired.ca)))
    client.username_pw_set(paired.user, paired.password)
    client.will_set(will, b"{}", qos=1)
    client.connect(paired.host, paired.port)
    client.loop_start()
    try:
        return answers.get(timeout=30)
    finally:
        client.disconnect()
        client.loop_stop()


def test_a_code_works_once_and_a_new_one_voids_it(concentrator: Process) -> None:
    first = new_code(concentrator)
    second = new_code(concentrator)
    with pytest.raises(Refused, match=r"does not accept this code|does not answer"):
        pairing.redeem(first, METER)
    pairing.redeem(second, METER)
    with pytest.raises(Refused, match=r"does not accept this code|does not answer"):
        pairing.redeem(second, METER)


def test_a_code_that_is_too_old_is_refused(concentrator: Process) -> None:
    code = new_code(concentrator)
    offer = concentrator.config.parent / "pairing.json"
    document = json.loads(offer.read_text())
    assert document["until"] - time.time() == pytest.approx(900, abs=60)
    offer.write_text(json.dumps(document | {"until": time.time() - 1}))
    with pytest.raises(Refused, match=r"does not accept this code|does not answer"):
        eventually(lambda: not pairing.redeem(code, METER))


def test_another_ca_than_the_code_names_gets_no_secret(concentrator: Process) -> None:
    code = new_code(concentrator)
    wrong = pairing.Code(code.host, code.port, bytes(32), code.secret)
    with pytest.raises(Refused, match="another CA than the code names; nothing was sent"):
        pairing.redeem(wrong, METER)
    pairing.redeem(code, METER)  # which is still good


def test_many_wrong_secrets_end_the_offer(concentrator: Process) -> None:
    code = new_code(concentrator)
    for _ in range(20):
        with pytest.raises(Refused, match="does not accept this code"):
            pairing.redeem(pairing.Code(code.host, code.port, code.fingerprint, "x"), METER)
    assert "20 wrong secrets; the code is void" in concentrator.said
    with pytest.raises(Refused):
        pairing.redeem(code, METER)


@pytest.mark.parametrize(
    "text", ["", "hello", "https://a:1/b?c", "smartmeter-pair://a/b?c", "smartmeter-pair://a:1/b"]
)
def test_what_is_no_code_is_said_so(text: str) -> None:
    with pytest.raises(Refused, match="that is not a pairing code"):
        pairing.parse(text)


def test_pair_says_why_it_cannot(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('concentrator = "home"\n[lan]\nhost = "localhost"\n')
    shown = command("pair", "--config", str(config))
    assert shown.returncode == 2
    assert 'set embedded = true and host = "0.0.0.0" in [lan]' in shown.stderr


def test_the_certificate_follows_the_machine_s_addresses(tmp_path: Path) -> None:
    authority = LanAuthority(tmp_path)
    assert authority.prepare()
    ca, old = authority.ca.read_bytes(), authority.certificate.read_bytes()
    assert not authority.prepare()
    authority.certificate.write_bytes(ca)  # no address of this machine is in it
    assert authority.prepare()
    assert authority.ca.read_bytes() == ca
    assert authority.certificate.read_bytes() not in (ca, old)
    for name in ("lan-ca.key", "lan.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
