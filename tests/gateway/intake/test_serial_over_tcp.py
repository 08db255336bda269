"""Meters behind a TCP socket: bare bytes (socket://), and a port that is set from afar (rfc2217://)."""

import contextlib
import json
import os
import pty
import socket
import threading
import time
import tty
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import serial
import serial.rfc2217

from tests.gateway.conftest import Between
from tests.gateway.harness import FakeCloud, eventually
from tests.gateway.intake.test_serial import port_settings
from tools.meters import forms
from tools.meters.household import Household

FORM = "sml"


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        yield listening


def totals(cloud: FakeCloud) -> set[float]:
    return {stored["values"]["1.8.0"] for stored in list(cloud.store.values())}


def test_bare_bytes_come_by_tcp_and_again_after_it_was_cut(
    between: Between, cloud: FakeCloud, server: socket.socket
) -> None:
    device = f"socket://127.0.0.1:{server.getsockname()[1]}"
    between.configure(
        port_settings(between.folder, FORM, Path("x"), "").replace('"x"', f'"{device}"')
    )
    between.process.start()
    meter = forms.make(FORM, Household(1))
    for _ in range(2):  # the second connection comes by itself
        stored = len(cloud.seqs(FORM))
        connection, _address = server.accept()
        with connection:
            # again and again, as a meter does: what comes while a port is opened is discarded
            while len(cloud.seqs(FORM)) == stored:
                connection.sendall(meter.telegram(datetime.now(UTC))[0])
                time.sleep(0.2)
            faults = json.loads(between.ask("/status"))["faults"]
            for hours in range(1, 4):  # from then on nothing is damaged, and nothing is missed
                wire, truth = meter.telegram(datetime.now(UTC) + timedelta(hours=hours))
                connection.sendall(wire)
                eventually(lambda total=truth["values"]["1.8.0"]: total in totals(cloud))
            assert json.loads(between.ask("/status"))["faults"] == faults
    between.process.says(f"port {device}: not connected: the device is gone")


class WithoutModem(serial.Serial):  # type: ignore[misc]
    """A pty has no lines of a modem; pyserial's server asks for them and sets them."""

    cts = dsr = ri = cd = False

    def _update_rts_state(self) -> None:
        pass

    def _update_dtr_state(self) -> None:
        pass


class PortServer:
    """What ser2net does: one serial port for one client, of pyserial's parts."""

    def __init__(self, server: socket.socket, device: str) -> None:
        self._server = server
        self.port = WithoutModem(device, 300, timeout=0.02)
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def _serve(self) -> None:
        connection, _ = self._server.accept()
        manager = serial.rfc2217.PortManager(self.port, _Written(connection))
        self._threads.append(
            threading.Thread(target=self._forward, args=(manager, connection), daemon=True)
        )
        self._threads[1].start()
        with contextlib.suppress(OSError):
            while data := connection.recv(1024):
                self.port.write(b"".join(manager.filter(data)))

    def _forward(self, manager: serial.rfc2217.PortManager, connection: socket.socket) -> None:
        with connection:
            while not self._ending.is_set():
                if data := self.port.read(self.port.in_waiting or 1):
                    connection.sendall(b"".join(manager.escape(data)))

    def stop(self) -> None:
        self._ending.set()
        for thread in self._threads[::-1]:
            thread.join(60)
        self.port.close()


class _Written:
    """A socket as PortManager wants it."""

    def __init__(self, connection: socket.socket) -> None:
        self.write = connection.sendall


def test_a_port_of_another_machine_is_set_and_read(
    between: Between, cloud: FakeCloud, server: socket.socket
) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    remote = PortServer(server, os.ttyname(slave))
    device = f"rfc2217://127.0.0.1:{server.getsockname()[1]}"
    between.configure(
        port_settings(between.folder, FORM, Path("x"), "baud = 9600").replace('"x"', f'"{device}"')
    )
    between.process.start().says(f"port {device}: connected")
    assert remote.port.baudrate == 9600
    meter = forms.make(FORM, Household(1))
    os.write(master, meter.telegram(datetime.now(UTC))[0])
    eventually(lambda: len(cloud.seqs(FORM)) == 1)
    between.process.kill()
    remote.stop()
    os.close(slave)
    os.close(master)
