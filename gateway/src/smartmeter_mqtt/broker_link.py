"""Keeps a connection to a broker up, in a thread: connects, subscribes, connects again."""

import random
import threading
import time
from typing import Protocol

from smartmeter_service.threads import RestartedThread

from .certificate_watch import CertificateWatch
from .session import Answer, ConnectOptions, Message, Session, SessionError, connect
from .settings import BrokerSettings
from .wakeup import Wakeup

_TURN_S = 2.0
_RETRY_FIRST_S = 0.25
_RETRY_MAX_S = 30.0
_STEADY_S = 10.0  # after a connection that held so long the waits start from the first
_SUBSCRIBE_S = 5.0
# A turn that brings as many messages as a broker's usual window (20) holds is part of a rush.
_RUSH = 16
_RUSH_S = 0.5  # how long after such a turn nothing is waited for
_AGAIN = "it connects again, with the renewed certificate"


class Listener:
    """What the owner of a BrokerLink wants to know; all of it comes in the link's thread.

    Nothing of a lost connection lives on in the next: the owner sends again what was in flight.
    """

    def connected(self, session: Session) -> None:
        """The subscription stands. With a kept session, messages may have come before."""

    def disconnected(self) -> None:
        """That session has ended."""

    def received(self, session: Session, messages: list[Message]) -> None:
        """Messages, to be acknowledged by session.ack() now or later."""

    def answered(self, session: Session, answers: list[Answer]) -> None:
        """What the broker says to what was published."""


class Report(Protocol):
    """The listener for a link's state."""

    def link(self, name: str, up: bool, reason: str = "") -> None:
        """It is connected, or why not."""

    def alarm(self, key: str, text: str | None) -> None:
        """Something is wrong; None: no longer."""

    def own_fault(self, part: str) -> None:
        """An exception that is our bug is being handled."""


class BrokerLink:
    """A thread that keeps one connection up, from start() to stop().

    subscribe: the topic filter, or None to publish only. linger_s: while few messages arrive, those
    of so many seconds are read together, because a wake-up for each costs more than the rest.
    """

    def __init__(
        self,
        name: str,
        settings: BrokerSettings,
        options: ConnectOptions,
        subscribe: str | None,
        listener: Listener,
        report: Report,
        *,
        retry_max_s: float = _RETRY_MAX_S,
        linger_s: float = 0.0,
    ) -> None:
        self.name = name
        self._settings = settings
        self._options = options
        self._subscribe = subscribe
        self._listener = listener
        self._report = report
        self._retry_max_s = retry_max_s
        self._linger_s = linger_s
        self._wakeup = Wakeup()
        self._stopping = threading.Event()
        self._thread = RestartedThread(name, self._run, report.own_fault)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Say goodbye to the broker and end; what was published before still goes out."""
        self._stopping.set()
        self._wakeup.wake()
        self._thread.join(timeout)

    def _run(self) -> None:
        wait = _RETRY_FIRST_S
        while not self._stopping.is_set():
            begin = time.monotonic()
            try:
                self._serve()
            except SessionError as why:
                reason = str(why)
            except Exception:
                self._report.own_fault(self.name)  # the other parts go on
                reason = "a fault of this program"
            else:
                reason = _AGAIN
            if self._stopping.is_set():
                break
            self._report.link(self.name, False, reason)
            if time.monotonic() - begin > _STEADY_S:
                wait = _RETRY_FIRST_S
            # Many Concentrators that lost one broker must not come back at the same moment.
            self._stopping.wait(wait * random.uniform(0.5, 1.0))  # noqa: S311 (no secret)
            wait = min(wait * 2, self._retry_max_s)

    def _serve(self) -> None:
        """From CONNECT to the end of the connection; returns if we have ended it."""
        watch = CertificateWatch(self._settings)
        session = connect(self._settings, self._options, self._wakeup, self._stopping)
        up = False
        try:
            if self._subscribe is None:
                up = True
                self._connected(session)
            else:
                session.subscribe(self._subscribe)
            until = time.monotonic() + _SUBSCRIBE_S
            rush_until = 0.0
            while not self._stopping.is_set():
                now = time.monotonic()
                linger = self._linger_s if up and now > rush_until else 0.0
                messages, answers = session.turn(_TURN_S if up else _SUBSCRIBE_S / 10, linger)
                if session.subscribed and not up:
                    up = True
                    self._connected(session)
                now = time.monotonic()
                if not up and now > until:
                    raise SessionError("the broker does not answer")
                if len(messages) + len(answers) >= _RUSH:
                    rush_until = now + _RUSH_S
                if messages:
                    self._listener.received(session, messages)
                if answers:
                    self._listener.answered(session, answers)
                if session.is_idle and self._renewed(watch, now):
                    return
        finally:
            session.close()
            if up:
                self._listener.disconnected()

    def _connected(self, session: Session) -> None:
        self._report.alarm(f"{self.name}.files", None)
        self._report.link(self.name, True)
        self._listener.connected(session)

    def _renewed(self, watch: CertificateWatch, now: float) -> bool:
        renewed, problem = False, None
        try:
            renewed = watch.renewed(now)
        except ValueError as why:
            problem = f"{self.name}: the new certificate or key cannot be used: {why}"
        if renewed or problem:
            self._report.alarm(f"{self.name}.files", problem)
        return renewed
