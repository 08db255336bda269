"""The chain of the demo, and the meters of strangers, on a broker that Home Assistant reads."""

import json
import os
import secrets
import sys
import threading
import time
import tty
from datetime import datetime
from pathlib import Path

import paho.mqtt.client as paho
from smartmeter.wire import topics

from tools.chain.box import Box
from tools.chain.chain import CONCENTRATOR, METERS, Chain
from tools.environment.mosquitto import Mosquitto, free_port

USER = "homeassistant"
CIPHERED, HOURLY, EXCHANGED, CEASING = "ciphered", "hourly", "exchanged", "ceasing"
NAMES = {METERS[0].id: "Kitchen"}
_IDLE_S = 0.5  # after a telegram; the meter pushes one each 5 s


class House(Chain):
    """Home Assistant logs in as USER, without TLS: it is on this machine."""

    def __init__(self, folder: Path) -> None:
        self.plain_port = free_port()
        self.password = secrets.token_hex(12)
        super().__init__(folder, board=True, embedded=False, any_port=True)
        key = self._secret("ciphered-key", 16)
        assert key
        self.cipher_port = self.folder / "ports" / "ciphered"
        command = [sys.executable, "-m", "tools.meters", "kaifa-ma309", "--seed", "7"]
        command += ["--port-link", str(self.cipher_port)]
        command += ["--key-file", str(self.secret_file("ciphered-key"))]
        name = "meter of the ciphered adapter"
        self.boxes[name] = Box(name, command, self._log("ciphered"))

    def _brokers(self) -> dict[str, Mosquitto]:
        self._passwords[USER] = self.password
        brokers = super()._brokers()
        broker = brokers["lan broker"]
        with broker.configuration.open("a") as file:
            file.write(f"listener {self.plain_port} 127.0.0.1\n")
        with (broker.folder / "mosquitto.acl").open("a") as file:
            file.write(f"user {USER}\ntopic readwrite #\nuser concentrator\n")
            file.write("topic readwrite homeassistant/#\ntopic write smartMeterMessage/+/status\n")
        return brokers

    def _concentrator(self) -> Box:
        box = super()._concentrator()
        lines = ["", "[homeassistant]", "[http]", f"port = {free_port()}"]
        lines += ["[[meter]]", f'id = "{CIPHERED}"', 'name = "Ciphered"']
        lines += [f'key_file = "{self.secret_file("ciphered-key")}"']
        for meter, name in NAMES.items():
            lines += ["[[meter]]", f'id = "{meter}"', f'name = "{name}"']
        with (self.folder / "concentrator.toml").open("a") as file:
            file.write("\n".join(lines) + "\n")
        return box


class Strangers:
    """Adapters that nobody here wrote: one connection, a thread that ticks each second."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="strangers")
        self._client.username_pw_set(USER, house.password)
        self._client.reconnect_delay_set(1, 2)
        self._ending = threading.Event()
        jobs = (self._tick, self._cipher)
        self._threads = [threading.Thread(target=job, daemon=True) for job in jobs]
        self._seq = time.time_ns() // 1_000_000
        self.exchanged = False  # a new meter is behind the id
        self.power_ends = False  # of the meter whose power ceases
        self._total, self._new_total = 50_000_350.0, 3.0

    def start(self) -> None:
        self._client.connect("127.0.0.1", self._house.plain_port)
        self._client.loop_start()
        for meter in (CIPHERED, HOURLY, EXCHANGED, CEASING):
            topic = topics.meter(meter, topics.STATUS)
            self._client.publish(topic, '{"state":"online"}', qos=1, retain=True)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(10)
        self._client.disconnect()
        self._client.loop_stop()

    def _tick(self) -> None:
        count = 0
        while not self._ending.wait(1.0):
            count += 1
            self._total += 1.5
            self._new_total += 1.5
            if count % 2:
                continue
            power: dict[str, float] = {"16.7.0": 5400}
            # An hour is 40 s here: the Nordic lists with totals come so seldom.
            self._publish(HOURLY, power | ({"1.8.0": self._total} if count % 40 == 0 else {}))
            now = self._new_total if self.exchanged else self._total
            self._publish(EXCHANGED, power | {"1.8.0": now})
            self._publish(CEASING, {"1.8.0": self._total} | ({} if self.power_ends else power))

    def _publish(self, meter: str, values: dict[str, float]) -> None:
        self._seq += 1
        time_text = datetime.now().astimezone().isoformat(timespec="seconds")
        found = {"time": time_text, "clock": "adapter", "seq": self._seq, "auth": "none"}
        payload = json.dumps(found | {"values": values})
        self._client.publish(topics.meter(meter, topics.READING), payload, qos=1)

    def _cipher(self) -> None:
        """Pass on whole telegrams of the encrypted meter, without its key."""
        port = os.open(self._house.cipher_port, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(port)
        telegram, last = b"", time.monotonic()
        while not self._ending.wait(0.05):
            try:
                telegram += os.read(port, 4096)
                last = time.monotonic()
            except BlockingIOError:
                if telegram and time.monotonic() - last > _IDLE_S:
                    topic = topics.meter(CIPHERED, topics.CIPHERED)
                    self._client.publish(topic, telegram, qos=1)
                    telegram = b""
        os.close(port)


def state_topic(meter: str) -> str:
    return topics.uplink(CONCENTRATOR, meter, topics.STATE)
