"""How to reach a broker."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class BrokerSettings:
    """The address of a broker, and our identity there. `ca` None means the system's CAs."""

    host: str
    port: int
    tls: bool = True
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    mqtt5: bool = True  # False: the broker is known to speak MQTT 3.1.1 alone
