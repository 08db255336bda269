"""The line that `smartmeter-cloud invite` prints: where the Cloud is, who is invited, the token.

    smartmeter-invite://HOST[:PORT]/CONCENTRATOR?broker=[USER:PASSWORD@]HOST:PORT&token=TOKEN

HOST[:PORT] is the Cloud's page, by HTTPS; smartmeter-invite+http is for one on this machine. With
a password, which only a broker on this machine has, no certificate is needed.
"""

import urllib.parse
from dataclasses import dataclass, field

from smartmeter.wire import topics
from smartmeter_service.toml_file import SettingsError

_SCHEMES = {"smartmeter-invite": "https", "smartmeter-invite+http": "http"}
_LENGTH_MAX = 1000


@dataclass(frozen=True)
class Invitation:
    url: str  # of the Cloud's page
    concentrator: str
    broker_host: str
    broker_port: int
    token: str = field(repr=False)
    user: str = ""
    password: str = field(default="", repr=False)


def parse(line: str) -> Invitation:
    """Raises SettingsError if that is not such a line. The error does not show the token."""
    wrong = SettingsError(
        "that is not an invitation; paste the whole line that `smartmeter-cloud invite` prints"
    )
    try:
        parts = urllib.parse.urlsplit(line.strip()[:_LENGTH_MAX])
        query = dict(urllib.parse.parse_qsl(parts.query, strict_parsing=True, max_num_fields=4))
        broker = urllib.parse.urlsplit(f"//{query['broker']}")
        found = Invitation(
            f"{_SCHEMES[parts.scheme]}://{parts.netloc}",
            parts.path.removeprefix("/"),
            broker.hostname or "",
            broker.port or 0,
            query["token"],
            urllib.parse.unquote(broker.username or ""),
            urllib.parse.unquote(broker.password or ""),
        )
    except (KeyError, ValueError):
        raise wrong from None
    if not (parts.hostname and topics.is_id(found.concentrator)):
        raise wrong
    if not (found.broker_host and found.broker_port and found.token):
        raise wrong
    return found
