"""A socket to a broker, with TLS or without: opened, read and written without waiting."""

import socket
import ssl

from ..config.settings import BrokerSettings

READ = 1 << 18
_CONNECT_S = 5.0
_RECORDS = 256  # of TLS, read at once
# X509_V_ERR_... of OpenSSL: a chain whose end is none of our authorities
_NOT_KNOWN = (18, 19, 20, 21)
# What the broker says of us (RFC 8446, 6.2), in OpenSSL's names
_ALERTS = {
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the authority of our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it says that our certificate has expired",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "it says that our certificate was revoked",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not accept our certificate",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it wants a certificate of us",
    "WRONG_VERSION_NUMBER": "it does not speak TLS on this port",
}


def opened(settings: BrokerSettings) -> socket.socket:
    """A connection, verified where it is TLS; OSError or ValueError where there is none."""
    connection = socket.create_connection((settings.host, settings.port), _CONNECT_S)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if settings.tls:
            return _enciphered(connection, settings)
    except BaseException:
        connection.close()
        raise
    return connection


def _enciphered(connection: socket.socket, settings: BrokerSettings) -> socket.socket:
    context = tls_context(settings)
    try:
        return context.wrap_socket(connection, server_hostname=settings.host)
    except (ConnectionError, ssl.SSLEOFError) as why:
        hint = "perhaps it does not speak TLS on this port"
        raise ValueError(f"{reason_of(why)}; {hint}") from None


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
    """What verifies the broker, by its CA or the system's, and shows our certificate.

    ValueError or OSError where a file is none of these.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca)
    except ssl.SSLError:
        raise ValueError(f"{settings.ca} holds no certificate (PEM)") from None
    if settings.certificate:
        try:
            context.load_cert_chain(settings.certificate, settings.key)
        except ssl.SSLError:
            raise ValueError(
                f"{settings.certificate} and {settings.key} are no certificate and its key (PEM)"
            ) from None
    return context


def reason_of(why: BaseException) -> str:
    """Why a connection failed, in words for a person."""
    if isinstance(why, ssl.SSLCertVerificationError):
        hint = "; ca must name who signed it" if why.verify_code in _NOT_KNOWN else ""
        return f"its certificate is not valid: {why.verify_message}{hint}"
    if isinstance(why, ssl.SSLEOFError):
        return "the connection was closed"
    if isinstance(why, ssl.SSLError):
        reason = why.reason or str(why)
        return _ALERTS.get(reason, f"TLS failed: {reason.replace('_', ' ').lower()}")
    if isinstance(why, socket.gaierror):
        return "its name is not known here"
    if isinstance(why, TimeoutError):
        return "it does not answer"
    if isinstance(why, OSError) and why.strerror:
        return why.strerror.lower()
    return str(why)
