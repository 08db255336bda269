"""A house for clients: a broker with TLS, a Concentrator, and the adapter of docs/examples."""

import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from tools.certificates import Authority
from tools.chain.box import Box
from tools.environment.mosquitto import Mosquitto, free_port
from tools.environment.prepare import REPOSITORY

CONCENTRATOR, METER = "home-1", "my-meter"
# What the adapter of docs/examples measures.
POWER_W, ENERGY_KWH = 133, 1136.784


class House:
    """Everything on localhost, between entering and leaving. ca: the broker's authority."""

    def __init__(self, folder: Path) -> None:
        authority = Authority(folder / "ca")
        self.ca = authority.certificate_path
        certificate, key = authority.issue("broker", ("localhost", "127.0.0.1"))
        self._broker = Mosquitto(folder / "broker", tls=(self.ca, certificate, key))
        self.port = self._broker.port
        config = folder / "gateway.toml"
        config.write_text(
            f'concentrator = "{CONCENTRATOR}"\n[lan]\nhost = "localhost"\nport = {self.port}\n'
            f'ca = "{self.ca}"\n[http]\nport = {free_port()}\n'
        )
        gateway = [sys.executable, "-m", "smartmeter_gateway", "run", "--config", str(config)]
        example = REPOSITORY / "docs" / "examples" / "adapter.py"
        adapter = [sys.executable, str(example), "localhost", str(self.port), METER, str(self.ca)]
        self._boxes = (
            Box("Concentrator", gateway, folder / "gateway.log"),
            Box("adapter", adapter, folder / "adapter.log"),
        )
        self._leaving = ExitStack()

    def __enter__(self) -> "House":
        self._leaving.enter_context(self._broker)
        for box in self._boxes:
            box.start()
            self._leaving.callback(box.stop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leaving.close()
