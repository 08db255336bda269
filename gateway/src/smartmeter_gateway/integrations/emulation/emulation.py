"""One emulated device: its protocol, the servers that carry it, and who has asked."""

import logging
import time

from ...config.settings import EmulationSettings
from ...monitoring.registry import Registry
from ...monitoring.states import States
from .allowance import Allowance
from .announcer import Announcer, CannotAnnounce, services
from .device import UNAVAILABLE
from .grid_values import fresh
from .homewizard_p1 import HomeWizardP1
from .http_server import REFUSED, TOO_MANY, HttpServer
from .shelly_pro_3em import ShellyPro3Em
from .udp_server import UdpServer

log = logging.getLogger("smartmeter_gateway")

_DEVICES: dict[str, type[ShellyPro3Em] | type[HomeWizardP1]] = {
    "shelly-pro-3em": ShellyPro3Em,
    "homewizard-p1": HomeWizardP1,
}


class EmulationUnavailable(Exception):
    """A port cannot be listened on, or mDNS is not there; one sentence."""


class Emulation:
    """Answers from start() to stop()."""

    def __init__(
        self,
        settings: EmulationSettings,
        concentrator: str,
        states: States,
        registry: Registry,
    ) -> None:
        """Raises EmulationUnavailable."""
        self._registry = registry
        self._label = settings.label
        device = _DEVICES[settings.device](
            f"{concentrator} {settings.meter}", lambda: fresh(states, settings.meter, time.time())
        )
        allowance = Allowance()
        registry.emulation(self._label)
        self._announcer: Announcer | None = None
        self._servers: list[HttpServer | UdpServer] = []
        try:
            for kind, port in ((HttpServer, settings.port), (UdpServer, settings.udp_port)):
                if port is not None:
                    address = (settings.host, port)
                    self._servers.append(
                        kind(address, device, allowance, self._count, registry.own_fault)
                    )
        except OSError as why:
            self.stop(0)
            reason = (why.strerror or str(why)).lower()
            raise EmulationUnavailable(
                f"[[emulate]] cannot listen on {settings.host}:{port}: {reason}"
            ) from None
        if settings.mdns and settings.port is not None:
            try:
                self._announcer = Announcer(settings.host, settings.port, services(device))
            except ImportError:
                self.stop(0)
                raise EmulationUnavailable(
                    "[[emulate]] mdns needs zeroconf; type: pip install zeroconf"
                ) from None

    def start(self) -> None:
        for server in self._servers:
            server.start()
        log.info("%s: anyone on the LAN can read the meter there", self._label)
        if self._announcer:
            try:
                self._announcer.start()
            except CannotAnnounce as why:
                self._registry.alarm(
                    f"emulation.{self._label}",
                    f"{self._label} is not announced by mDNS, but answers: {why}",
                )

    def stop(self, timeout: float) -> None:
        if self._announcer:
            self._announcer.stop()
        for server in self._servers:
            server.stop(timeout)

    def _count(self, status: int) -> None:
        if status in (REFUSED, TOO_MANY):
            outcome = "refused"
        elif status == UNAVAILABLE:
            outcome = "not fresh"
        else:
            outcome = "answered" if status == 200 else "wrong"
        self._registry.emulation(self._label, outcome)
