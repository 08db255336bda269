"""The Concentrator as a whole: its parts, and the order in which they start and end."""

import contextlib
import fcntl
import os
import sqlite3
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from smartmeter.wire import topics
from smartmeter_broker import EmbeddedBroker
from smartmeter_mqtt.settings import BrokerSettings
from smartmeter_service.systemd import READY, STOPPING, WATCHDOG, notify
from smartmeter_service.threads import RestartedThread, VitalThread

from .config.settings import Config, EmbeddedSettings
from .intake.mqtt_source import MqttSource
from .intake.pipeline import Pipeline
from .intake.recall import recall
from .intake.serial_source import SerialSource
from .integrations.emulation.emulation import Emulation
from .integrations.home_assistant import House
from .integrations.lan_publisher import LanPublisher
from .integrations.state_publisher import StatePublisher
from .monitoring.registry import Registry, log
from .provisioning.est_client import Identity, Renewal
from .provisioning.lan_authority import LanAuthority
from .provisioning.pairing import Pairing
from .provisioning.sntp_server import SntpServer
from .spool.database import SpoolError
from .spool.writer import SpoolWriter
from .uplink.forwarder import NAME as UPLINK
from .uplink.forwarder import Forwarder
from .uplink.inbox import Inbox
from .web import certificate
from .web.server import HttpUnavailable, LocalHttp

_STOP_S = 4.0  # all parts together
_END_S = 9.0  # whatever hangs; systemd would kill the process after 10
_PUBLISH_S = 10.0
_CHANGES_S = 1.0  # changes within this time are published together


class Concentrator:
    """start(), then wait() until end() is called, then stop()."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.registry = Registry(config.id)
        self._ending = threading.Event()
        self._closing = ExitStack()
        self._forwarder: Forwarder | None = None
        self._http: LocalHttp | None = None
        self._renewal: Renewal | None = None
        self._sntp: SntpServer | None = None
        self._pairing: Pairing | None = None
        self._emulations: list[Emulation] = []
        self._publisher: LanPublisher | None = None
        self._state_publisher: StatePublisher | None = None
        self._sources: list[MqttSource | SerialSource] = []

    def start(self) -> None:
        """Start all parts.

        Raises SpoolError, BrokerUnavailable, HttpUnavailable, SntpUnavailable or
        EmulationUnavailable, and then nothing runs.
        """
        config = self._config
        with ExitStack() as closing:
            closing.callback(os.close, _lock(config.spool.path))
            inbox = Inbox(config.id) if config.cloud else None
            self._writer = SpoolWriter(config.spool, config.cloud is None, self.registry, inbox)
            lan = self._lan(closing)
            if config.sntp:
                self._sntp = SntpServer(config.sntp, self.registry)
            self._emulations = [
                Emulation(one, config.id, self._writer.states, self.registry)
                for one in config.emulations
            ]
            self._http = self._page()
            self._closing = closing.pop_all()
        if config.cloud and inbox:
            self._forwarder = Forwarder(
                config.cloud, config.id, config.spool.path, self._writer, inbox, self.registry
            )
        ports = [port.meter for port in config.ports]
        self._pipeline = pipeline = Pipeline(self._writer, self.registry, config.meters, ports)
        if lan:
            self._sources.append(MqttSource(lan, config.id, pipeline, self.registry))
            birth = f"{config.home.prefix}/status" if config.home else None
            self._publisher = LanPublisher(lan, config.id, self.registry, birth)
            self._state_publisher = StatePublisher(
                self._writer.states, self._publisher, config.id, self._house(), self.registry
            )
        self._sources += [SerialSource(port, pipeline, self.registry) for port in config.ports]
        self._renewal = self._renew()
        self._writer.start()
        if self._renewal:
            self._renewal.start()
        if self._sntp:
            self._sntp.start()
        if self._pairing:
            self._pairing.start()
        if self._http:
            self._http.start()
        if self._forwarder:
            self._forwarder.start()
        if self._publisher and self._state_publisher:
            self._publisher.start()
            self._state_publisher.start()
        for part in self._sources:
            part.start()
        for emulation in self._emulations:
            emulation.start()  # last, as mDNS takes a second
        if config.cloud is None:
            RestartedThread("history", self._recall, self.registry.own_fault, again=False).start()
        log.info("Concentrator %s runs, spool %s", config.id, config.spool.path)
        notify(READY)

    def _house(self) -> House | None:
        config = self._config
        if config.home is None:
            return None
        return House(
            config.home.prefix,
            config.id,
            config.name,
            config.names,
            self._http.address if self._http else None,
            UPLINK if config.cloud else None,
            single=config.home.discovery == "single",
        )

    def _recall(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # the page then begins with an empty curve
            recall(self._config.spool.path, self.registry)

    def _renew(self) -> Renewal | None:
        cloud = self._config.cloud
        if not (cloud and cloud.enroll_url and cloud.certificate and cloud.key):
            return None
        identity = Identity(
            self._config.id, cloud.enroll_url, cloud.certificate, cloud.key, cloud.ca
        )
        return Renewal(identity, self.registry)

    def _page(self) -> LocalHttp | None:
        settings = self._config.http
        if settings is None:
            return None
        try:
            page = LocalHttp(
                settings, self.registry, self._writer.states, self._config.spool.path.parent
            )
        except HttpUnavailable as why:
            if settings.asked_for:
                raise
            log.warning("there is no local page: %s", why)
            return None
        scheme = "https" if settings.tls else "http"
        log.info("the local page is at %s://%s:%d/", scheme, settings.host, page.port)
        if settings.tls:
            seen = certificate.fingerprint(self._config.spool.path.parent)
            log.info("your browser should show this SHA-256 of its certificate: %s", seen)
        return page

    def _lan(self, closing: ExitStack) -> BrokerSettings | None:
        settings = self._config.lan
        if not isinstance(settings, EmbeddedSettings):
            return settings
        config = self._config
        authority = LanAuthority(settings.folder)
        if authority.exists and settings.certificate == authority.certificate:
            self._prepare(authority)
        broker = closing.enter_context(
            EmbeddedBroker(
                settings.host,
                settings.port,
                users=settings.users | settings.paired,
                held=topics.ALL_METERS.removesuffix("#"),
                reserved=topics.concentrator_status(config.id).removesuffix(topics.STATUS),
                meters={
                    *(p.meter for p in config.ports),
                    *(m.id for m in config.meters),
                    *settings.paired,
                },
                certificate=settings.certificate,
                key=settings.key,
            )
        )
        log.info("the embedded LAN broker listens on %s:%d", settings.host, broker.port)
        if authority.exists:
            self._pairing = Pairing(
                settings.folder,
                settings.host,
                broker.port,
                config.id,
                broker.add_meter,
                self.registry,
            )
        return BrokerSettings(
            "127.0.0.1",
            broker.local_port,
            tls=False,
            user=broker.local_user,
            password=broker.local_password,
            mqtt5=False,
        )

    def _prepare(self, authority: LanAuthority) -> None:
        """The broker's certificate gets the addresses that this machine has now."""
        try:
            if authority.prepare():
                log.info("the LAN broker has a new certificate, %s", authority.certificate)
        except (OSError, ValueError) as why:
            self.registry.alarm(
                "lan certificate", f"the LAN broker's certificate cannot be renewed: {why}"
            )

    def end(self) -> None:
        """Let wait() return; may be called in a signal's handler."""
        self._ending.set()
        self.registry.changed.set()

    def wait(self) -> None:
        """Publish the status, at intervals and at changes, until end() is called."""
        while not self._ending.is_set():
            self.registry.changed.wait(_PUBLISH_S)
            self._ending.wait(_CHANGES_S)
            if self._writer.is_alive():
                notify(WATCHDOG)
            self.registry.changed.clear()
            for meter in self._writer.to_forget():
                self._pipeline.forget(meter)
            if self._forwarder and not self._ending.is_set():
                self._forwarder.publish_status()
            if self._publisher and not self._ending.is_set():
                self._publisher.publish_status()

    def stop(self) -> None:
        """End cleanly: stop the intake, commit the spool, publish that it is offline."""
        notify(STOPPING)
        VitalThread("end", _end_by_force).start()
        until = time.monotonic() + _STOP_S
        for part in (
            *self._sources,
            self._writer,
            self._state_publisher,
            self._publisher,
            self._forwarder,
            self._http,
            self._renewal,
            self._sntp,
            self._pairing,
            *self._emulations,
        ):
            if part:
                part.stop(max(0.1, until - time.monotonic()))
        self._closing.close()
        log.info("Concentrator %s has ended", self._config.id)


def _end_by_force() -> None:
    """End the process if something hangs. Everything acknowledged is on disk."""
    time.sleep(_END_S)
    hanging = ", ".join(thread.name for thread in threading.enumerate())
    log.critical("this program did not stop within %d s; threads: %s", int(_END_S), hanging)
    os._exit(1)


def _lock(spool: Path) -> int:
    """Lock the spool for this process, because two would each send it."""
    try:
        lock = os.open(f"{spool}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as why:
        raise SpoolError(f"the spool {spool} cannot be written: {why.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise SpoolError(f"another Concentrator uses the spool {spool}; end that one") from None
    return lock
