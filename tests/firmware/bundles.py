"""Versions of the firmware as signed bundles, for a board that takes updates."""

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.firmware.rig import METER, USERS, Setup, changed
from tools import flash, update


def modulus(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_numbers().n.to_bytes(384, "big")


def firmware(version: str, *changes: tuple[str, str, str]) -> dict[str, bytes]:
    """The files of a version: (name, old, new) is what differs from the one that is flashed."""
    number = ("lib/smartmeter/__init__.py", flash.version(), version)
    return flash.compiled(changed(number, *changes))


def push(setup: Setup, data: bytes) -> str:
    ca = setup.authority.certificate_path
    port = setup.broker.port
    return update.push(data, METER, "localhost", port, ca, "adapter", USERS["adapter"])
