"""The TLS context of a client."""

import ssl
from pathlib import Path


def tls_context(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """Verify the peer by `ca`, or by the system's authorities; show our certificate if given.

    Raises OSError if a file cannot be read, and ValueError if it is not PEM.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except ssl.SSLError:
        raise ValueError(f"{ca} contains no certificate (PEM)") from None
    if certificate:
        try:
            context.load_cert_chain(certificate, key)
        except ssl.SSLError:
            raise ValueError(
                f"{certificate} and {key} are not a certificate and its key (PEM)"
            ) from None
    return context
