"""A socket to a broker, with TLS or without: opened, read and written without waiting."""

import socket
import ssl

from .config import BrokerSettings

READ = 1 << 18
_CONNECT_S = 5.0
_RECORDS = 256  # of TLS, read at once


def opened(settings: BrokerSettings) -> socket.socket:
    """A connection, verified where it is TLS; OSError or ValueError where there is none."""
    connection = socket.create_connection((settings.host, settings.port), _CONNECT_S)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if settings.tls:
            context = tls_context(settings)
            return context.wrap_socket(connection, server_hostname=settings.host)
    except BaseException:
        connection.close()
        raise
    return connection


def received(connection: socket.socket) -> bytes | None:
    """What has come; b"" at the end, None where there is nothing after all."""
    found: list[bytes] = []
    try:
        found.append(connection.recv(READ))
        # TLS gives one record at a time, and brokers put each message into one of its own.
        while isinstance(connection, ssl.SSLSocket) and found[-1] and len(found) < _RECORDS:
            found.append(connection.recv(READ))
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
        if not found:
            return None
    return b"".join(found)


def sent(connection: socket.socket, data: bytes) -> int:
    try:
        return connection.send(data)
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
        return 0


def tls_context(settings: BrokerSettings) -> ssl.SSLContext:
    """What verifies the broker, by its CA or the system's, and shows our certificate."""
    context = ssl.create_default_context(cafile=settings.ca)
    if settings.certificate:
        context.load_cert_chain(settings.certificate, settings.key)
    return context


def reason_of(why: BaseException) -> str:
    """Why a connection failed, in words for a person."""
    if isinstance(why, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {why.verify_message}"
    if isinstance(why, ssl.SSLEOFError):
        return "the connection was closed"
    if isinstance(why, ssl.SSLError):
        return f"TLS failed: {(why.reason or str(why)).replace('_', ' ').lower()}"
    if isinstance(why, socket.gaierror):
        return "its name is not known here"
    if isinstance(why, TimeoutError):
        return "it does not answer"
    if isinstance(why, OSError) and why.strerror:
        return why.strerror.lower()
    return str(why)
