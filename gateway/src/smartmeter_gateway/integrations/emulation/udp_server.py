"""Requests in datagrams for an emulated device."""

import socket
from collections.abc import Callable

from smartmeter_service.threads import RestartedThread

from .allowance import Allowance, is_near
from .device import REQUEST_MAX, Device
from .http_server import REFUSED, TOO_MANY

_LOOK_S = 0.5


class UdpServer:
    """Answers from start() to stop(). Raises OSError if it cannot listen."""

    def __init__(
        self,
        address: tuple[str, int],
        device: Device,
        allowance: Allowance,
        count: Callable[[int], None],
        report: Callable[[str], None],
    ) -> None:
        """count: takes the status of each answer; report: the name of a thread with a fault."""
        self._device, self._allowance, self._count = device, allowance, count
        kind = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._socket = socket.socket(kind, socket.SOCK_DGRAM)
        try:
            self._socket.bind(address)
        except OSError:
            self._socket.close()
            raise
        self._socket.settimeout(_LOOK_S)
        self._ended = False
        self._thread = RestartedThread("emulation (UDP)", self._run, report)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        self._ended = True
        if self._thread.is_alive():
            self._thread.join(timeout)
        self._socket.close()

    def _run(self) -> None:
        while not self._ended:
            try:
                datagram, client = self._socket.recvfrom(REQUEST_MAX + 1)
                answer = self._answer(datagram, client[0])
                if answer:
                    self._socket.sendto(answer, client)
            except OSError:  # nothing came, or the client can no longer be reached
                continue

    def _answer(self, datagram: bytes, address: str) -> bytes | None:
        """None where silence is the answer, as anybody can write any sender into a datagram."""
        if not is_near(address) or len(datagram) > REQUEST_MAX:
            self._count(REFUSED)
            return None
        if not self._allowance.allows(address):
            self._count(TOO_MANY)
            return None
        answer = self._device.udp(datagram)
        self._count(answer.status if answer else 400)
        return answer.body if answer else None
