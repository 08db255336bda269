"""`pair`: show the code that an adapter's provisioning asks for."""

import time
from collections.abc import Callable
from pathlib import Path

import segno
from smartmeter_service.loopback import is_loopback
from smartmeter_service.toml_file import SettingsError

from ..config.settings import Config, EmbeddedSettings
from ..provisioning import pairing
from ..provisioning.lan_authority import LanAuthority


def show(config: Config, say: Callable[[str], None], port: int | None) -> None:
    """Make an offer and say its code, as text and as a QR code. Raises SettingsError."""
    lan = config.lan
    if not isinstance(lan, EmbeddedSettings) or is_loopback(lan.host):
        raise SettingsError(
            "only a broker inside the Concentrator that other machines reach can pair adapters; "
            'set embedded = true and host = "0.0.0.0" in [lan]'
        )
    authority = LanAuthority(lan.folder)
    if not authority.exists or lan.certificate != authority.certificate:
        raise SettingsError(
            f"the LAN broker's certificate is not from {authority.ca}, so give adapters the "
            "file of its CA and a user by hand"
        )
    say_code(lan.folder, say, port)


def say_code(folder: Path, say: Callable[[str], None], port: int | None = None) -> None:
    """Raises SettingsError."""
    try:
        code = pairing.make_code(folder, LanAuthority(folder), time.time(), port)
    except OSError as why:
        raise SettingsError(f"{why.filename}: {(why.strerror or str(why)).lower()}") from None
    say("Pairing code for one adapter, valid once and for 15 minutes while `run` is running:")
    say(code)
    say(_qr(code))


def _qr(code: str) -> str:
    """Dark modules as spaces would vanish on a light terminal; so both are drawn."""
    rows = [[bool(m) for m in row] for row in segno.make(code, error="l").matrix_iter(border=2)]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    # Two rows a line. Light is drawn and dark is left out, for terminals with a dark background.
    blocks = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}
    lines = zip(rows[::2], rows[1::2], strict=True)
    return "\n".join("".join(blocks[pair] for pair in zip(*two, strict=True)) for two in lines)
