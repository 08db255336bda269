"""Redeems the pairing code that `smartmeter-gateway pair` shows.

gateway/src/smartmeter_gateway/provisioning/pairing.py describes code and requests.
"""

import base64
import binascii
import hashlib
import hmac
import http.client
import json
import ssl
import urllib.parse
from dataclasses import dataclass, field

from .prompt import Refused

_SCHEME = "smartmeter-pair"
_TIMEOUT_S = 15
_ANSWER_MAX = 20_000  # bytes
_CODE_MAX = 500


@dataclass(frozen=True)
class Code:
    host: str
    port: int
    fingerprint: bytes  # SHA-256 of the CA's certificate
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Paired:
    """What the broker settings of an adapter are."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    ca: bytes  # DER


def parse(text: str) -> Code:
    """Raises Refused. Line breaks and spaces from copying do not matter."""
    wrong = Refused(
        "that is not a pairing code; it begins with smartmeter-pair:// and is shown by "
        "`smartmeter-gateway pair`"
    )
    try:
        parts = urllib.parse.urlsplit("".join(text.split())[:_CODE_MAX])
        fingerprint = base64.urlsafe_b64decode(parts.path.removeprefix("/") + "=")
        found = Code(parts.hostname or "", parts.port or 0, fingerprint, parts.query)
    except (ValueError, binascii.Error):
        raise wrong from None
    if parts.scheme != _SCHEME or not (found.host and found.port and found.secret):
        raise wrong
    if len(fingerprint) != hashlib.sha256().digest_size:
        raise wrong
    return found


def redeem(code: Code, meter: str) -> Paired:
    """Fetch the CA, check it, and get a user for that meter. The code is then used up.

    Raises Refused.
    """
    # Nothing is sent here, and the fingerprint tells whether the answer is right.
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    pem = _ask(code, unverified, "GET", "/ca", None).decode("ascii", "replace")
    try:
        ca = ssl.PEM_cert_to_DER_cert(pem)
    except (ValueError, binascii.Error):
        raise Refused(f"{code.host} does not show its CA; is it a Concentrator?") from None
    if not hmac.compare_digest(hashlib.sha256(ca).digest(), code.fingerprint):
        raise Refused(
            f"{code.host} shows another CA than the code names; nothing was sent. Somebody else "
            "may answer at this address"
        )
    verified = ssl.create_default_context(cadata=pem)
    body = json.dumps({"secret": code.secret, "meter": meter})
    try:
        found = json.loads(_ask(code, verified, "POST", "/pair", body))
        return Paired(
            str(found["host"]), int(found["port"]), str(found["user"]), str(found["password"]), ca
        )
    except (ValueError, KeyError, TypeError):
        raise Refused(f"{code.host} does not answer as a Concentrator does") from None


def _ask(code: Code, context: ssl.SSLContext, method: str, path: str, body: str | None) -> bytes:
    connection = http.client.HTTPSConnection(
        code.host, code.port, timeout=_TIMEOUT_S, context=context
    )
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        said = answer.read(_ANSWER_MAX)
    except ssl.SSLCertVerificationError as why:
        raise Refused(f"{code.host} cannot be trusted: {why.verify_message}") from None
    except (OSError, http.client.HTTPException) as why:
        reason = getattr(why, "strerror", None) or str(why) or type(why).__name__
        raise Refused(
            f"{code.host} port {code.port} does not answer ({reason}); is `smartmeter-gateway run` "
            "running, and is the code less than 15 minutes old?"
        ) from None
    finally:
        connection.close()
    if answer.status == 403:
        raise Refused(
            "the Concentrator does not accept this code: it is used or too old; "
            "`smartmeter-gateway pair` shows a new one"
        )
    if answer.status != 200:
        text = said.decode("utf-8", "replace").strip()[:200]
        raise Refused(f"the Concentrator answers {answer.status}: {text}")
    return said
