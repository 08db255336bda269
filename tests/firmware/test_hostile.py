"""A broker that lies, and damaged settings: reported and survived, without a restart."""

import socket
import threading
import time

import pytest
from smartmeter_broker.embedded import EmbeddedBroker

from tests.firmware.rig import LONG, ONE_WORD_SIZE, USERS, Setup, TestMeter, agrees, mpremote

CONNACK = b"\x20\x02\0\0"
SUBACK = b"\x90\x03\0\x01\x01"
_COMMAND = b"smartMeterCommand/test-meter/update"

# What it sends after CONNECT, and what it goes on sending until the adapter has had enough.
LIES: dict[str, tuple[bytes, bytes]] = {
    "closes at once": (b"", b""),
    "garbage for CONNACK": (b"\xff" * 64, b""),
    "garbage after CONNACK": (CONNACK + b"\x01\xfe" * 60, b""),
    "an oversize SUBACK": (CONNACK + b"\x90\xff\x7f" + bytes(16383), b""),
    "contradictory lengths": (CONNACK + b"\x30\x02\x01\x00" + bytes(256), b""),
    "a length without an end": (CONNACK + SUBACK + b"\x30", b"\x80" * 512),
    "a message of 256 MB": (
        CONNACK + SUBACK + b"\x30\xff\xff\xff\x7f" + b"\0\x23" + _COMMAND,
        bytes(4096),
    ),
    "pongs without an end": (CONNACK + SUBACK, b"\xd0\x00" * 256),
}
SAID = ("the connection was closed", "what it sends is not valid MQTT", "no answer in time")


class Liar:
    """Takes one connection at a time, and tells each the next lie."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.lie: tuple[bytes, bytes] = (b"", b"")
        self.left = 0  # how often the adapter has had enough
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                near = self._server.accept()[0]
            except OSError:
                return
            once, more = self.lie
            with near:
                try:
                    near.recv(4096)
                    near.sendall(once)
                    near.settimeout(0.02)
                    while once:
                        if more:
                            near.sendall(more)
                            continue
                        try:
                            if not near.recv(4096):
                                break
                        except TimeoutError:
                            continue
                except OSError:
                    pass
            self.left += 1

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


@LONG
def test_a_broker_that_lies_is_left_and_tried_again(setup: Setup, meter: TestMeter) -> None:
    """The adapter reports each lie, waits longer each time, and reads its meter."""
    liar = Liar()
    setup.settings["broker"] |= {"port": liar.port, "tls": False}
    setup.secrets["update_key"] = bytes(384)  # so that it wants to listen for commands
    setup.secrets["update_ca"] = setup.secrets.pop("broker_ca")
    setup.board.kill()
    setup.board.pass_time(0)
    setup.board.start()
    setup.provision()
    board = setup.board
    for name, lie in LIES.items():
        liar.lie = lie
        told = liar.left
        meter.send()
        until = time.monotonic() + 60
        while liar.left <= told:
            board.pass_time(30, 10)
            assert time.monotonic() < until, (name, board.console()[-800:])
        meter.wire.taken()  # the meter is read all the while
    liar.close()
    said = board.console()
    assert [words for words in SAID if words not in said] == []
    assert "crashed" not in said
    assert "overflow" not in said
    assert board.resets == [1, 1, 1]


@ONE_WORD_SIZE
def test_a_broker_that_ends_the_handshake_has_closed_the_connection(setup: Setup) -> None:
    """With TLS this is an error of mbed TLS, and not of the socket."""
    liar = Liar()
    setup.settings["broker"]["port"] = liar.port
    setup.provision()
    setup.board.wait_console("adapter: broker: the connection was closed")
    liar.close()


def test_a_command_of_a_megabyte_is_passed_over(setup: Setup, meter: TestMeter) -> None:
    """Retained, so that it would come again at each connection."""
    topic = _COMMAND.decode()
    setup.listener.publish(topic, bytes(1_000_000), retain=True)
    setup.secrets["update_key"] = bytes(384)
    setup.provision()
    setup.board.wait_console("a command of 1000000 bytes is longer than any may be")
    truth = meter.send()
    assert agrees(setup.listener.next("reading"), truth)
    setup.broker.stop()  # and with it what was retained
    setup.broker.start()
    assert "commands" not in setup.status()
    assert "crashed" not in setup.board.console()


@LONG
def test_a_broker_that_allows_no_commands_gets_readings_all_the_same(
    setup: Setup, meter: TestMeter
) -> None:
    """The embedded broker refuses (SUBACK 0x80) what is not a certified device's own topic."""
    server = setup.authority.issue("embedded", ("localhost",))
    mine = setup.authority.issue("garage")
    listener = setup.listener
    with EmbeddedBroker(
        "127.0.0.1",
        0,
        users=USERS,
        certificate=server[0],
        key=server[1],
        client_ca=setup.authority.certificate_path,
    ) as broker:
        listener.use(broker.local_port)
        listener.prefix = "concentrator/garage/smartMeterMessage"
        setup.settings["broker"] = {"host": "localhost", "port": broker.port}
        setup.settings["publish"] = {"concentrator": "garage"}
        setup.secrets |= {"client_cert": mine[0].read_bytes(), "client_key": mine[1].read_bytes()}
        setup.secrets["update_key"] = bytes(384)
        setup.provision()
        status = setup.status()
        topic = _COMMAND.decode()
        assert status["commands"] == f"the broker refuses the subscription to {topic}"
        truth = meter.send()
        assert agrees(listener.next("reading"), truth)


@ONE_WORD_SIZE
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("n.set_blob('settings', b'\\xff\\xfe{')", "settings: they are damaged; on your computer"),
        ("n.set_blob('settings', b'[]')", "settings: the settings are a table of sections"),
        ("n.set_blob('broker_ca', b'no CA')", "settings: "),
        ("n.set_blob('meter_key', b'five5')", "settings: "),
        ("n.set_blob('line_found', b'\\xff\\xff/')", "broker: connected"),
        ("n.set_blob('line_found', b'1 2/nonsense')", "broker: connected"),
        ('machine.RTC().memory(b\'{"crashes":"x","last":1,"running":2}\')', "connected"),
        ("open('slot.json', 'w').write('{\"slot\":\"a\",\"trial\":1}')", "broker: connected"),
    ],
)
def test_damaged_settings_are_one_sentence_or_nothing(
    setup: Setup, damage: str, words: str
) -> None:
    """If the adapter cannot work, it stops with a message and does not restart forever."""
    setup.settings["meter"]["line"] = "auto"
    setup.write()
    script = f"import esp32, machine; n = esp32.NVS('smartmeter'); {damage}"
    mpremote(setup.board.port, "exec", script)
    before = len(setup.board.console())
    mpremote(setup.board.port, "resume", "reset")
    setup.board.wait_console(words, 60, before)
    said = setup.board.console()[before:]
    assert "Traceback" not in said
    assert "crashed" not in said
