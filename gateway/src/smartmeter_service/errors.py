"""Errors of sockets and TLS in words for a person."""

import socket
import ssl

# X509_V_ERR_... of OpenSSL: the chain ends at an authority that we do not know.
_UNKNOWN_AUTHORITY = (18, 19, 20, 21)
# What the peer says about us (RFC 8446, 6.2), in OpenSSL's names.
_ALERTS = {
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the CA of our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it says that our certificate has expired",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "it says that our certificate was revoked",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not accept our certificate",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it requires a certificate from us",
    "WRONG_VERSION_NUMBER": "it does not speak TLS on this port",
}


def reason_of(error: BaseException) -> str:
    """Why a connection failed; the sentence goes on after the peer's name and a colon."""
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = (
            "; ca must name the CA that signed it"
            if error.verify_code in _UNKNOWN_AUTHORITY
            else ""
        )
        return f"its certificate is not valid: {error.verify_message}{hint}"
    if isinstance(error, ssl.SSLEOFError):
        return "the connection was closed"
    if isinstance(error, ssl.SSLError):
        reason = error.reason or str(error)
        return _ALERTS.get(reason, f"TLS failed: {reason.replace('_', ' ').lower()}")
    if isinstance(error, socket.gaierror):
        return "its name is unknown"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)
