"""New versions of the adapter's firmware, over the air.

    python -m tools.update keys PRIVATE PUBLIC          makes the pair of keys, once
    python -m tools.update sign --key PRIVATE BUNDLE    makes a signed bundle of firmware/
    python -m tools.update push --meter ID --broker HOST[:PORT] --ca FILE [--user NAME] BUNDLE

The public key goes on the boards when they are provisioned ([update] key = "..."); the private
one must stay secret: anyone who has it can run programs on every such board. The
password at the broker is asked for, or comes as the first line of a pipe. `push` ends when the
adapter runs the new version, or says why it does not.
"""

import argparse
import getpass
import json
import os
import queue
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from smartmeter.wire import topics

from tools import flash
from tools.mpy import DoesNotCompile

_BITS = 3072
_PIECE = 1024  # a board without PSRAM has seldom more heap in one piece
_BLOCK = 4096  # of LittleFS on an ESP32; a file takes whole ones, a folder two
_MPY = 6  # version of the .mpy files of MicroPython 1.19 and later
_SECONDS = 180


class Refused(Exception):
    """Why it cannot go on; one sentence."""


def make_keys(private: Path, public: Path) -> None:
    for path in (private, public):
        if path.exists():
            raise Refused(f"{path} exists already, and keys are never overwritten")
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    pem = serialization.Encoding.PEM
    data = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with open(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
        f.write(data)
    public.write_bytes(
        key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def load_key(path: Path) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as why:
        raise Refused(f"{path} cannot be read: {why.strerror}") from None
    except (ValueError, TypeError):
        raise Refused(f"{path} does not contain a readable private key") from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size not in (3072, 4096):
        raise Refused(f"{path} is not an RSA key of 3072 or 4096 bits")
    return key


def bundle(files: dict[str, bytes], version: str, key: rsa.RSAPrivateKey) -> bytes:
    """A signed bundle, as firmware/adapter/bundle.py describes it."""
    flash_bytes = sum(-(-len(data) // _BLOCK) * _BLOCK for data in files.values())
    flash_bytes += 2 * _BLOCK * len({name.rpartition("/")[0] for name in files})
    mpy = next((data[1] for data in files.values() if data[:1] == b"M"), _MPY)
    header = json.dumps({"version": version, "mpy": mpy, "flash": flash_bytes}).encode()
    signed = b"SMU2" + len(header).to_bytes(4, "big") + header
    for name, data in files.items():
        signed += bytes((len(name),)) + name.encode() + len(data).to_bytes(4, "big") + data
    return signed + key.sign(signed, padding.PKCS1v15(), hashes.SHA256())


def of_firmware(key: rsa.RSAPrivateKey) -> bytes:
    """The files of the firmware, compiled, except the two that choose between versions."""
    return bundle(flash.compiled(flash.sources()), flash.version(), key)


def pieces(data: bytes) -> Iterator[bytes]:
    """A bundle as MQTT messages: offset, total length, and up to 1 kB of data."""
    for at in range(0, len(data), _PIECE):
        numbers = at.to_bytes(4, "big") + len(data).to_bytes(4, "big")
        yield numbers + data[at : at + _PIECE]


def push(
    data: bytes, meter: str, host: str, port: int, ca: Path | None, user: str, password: str
) -> str:
    """The adapter's final answer: the version that runs now."""
    said: queue.Queue[dict[str, object]] = queue.Queue()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    if user:
        client.username_pw_set(user, password)
    if ca:
        client.tls_set(str(ca))
    client.on_message = lambda _c, _u, m: said.put(json.loads(m.payload))
    client.on_connect = lambda c, *_: c.subscribe(topics.meter(meter, topics.STATUS), 1)
    try:
        client.connect(host, port)
    except OSError as why:
        raise Refused(f"{host} port {port}: {why}") from None
    client.loop_start()
    try:
        return _push(client, said, data, meter)
    finally:
        client.disconnect()
        client.loop_stop()


def _push(
    client: paho.Client, said: "queue.Queue[dict[str, object]]", data: bytes, meter: str
) -> str:
    # retained, so it is there at once; what it says of an earlier update is over
    before = _next(said, 70, "the adapter is offline: no status from it")
    version = str(before.get("version"))
    topic = topics.command(meter, topics.UPDATE)
    for piece in pieces(data):
        client.publish(topic, piece, 1).wait_for_publish(_SECONDS)
    unpacked = ""
    while True:
        status = _next(said, _SECONDS, "the adapter does not report the result")
        text = str(status.get("update", ""))
        if text.startswith("refused: "):
            raise Refused(f"the adapter {text}")
        if "given up" in text and unpacked:
            raise Refused(f"the adapter says: {text}")
        if "is unpacked" in text:
            unpacked = text.split(" ")[0]
        elif unpacked and status.get("version") == unpacked != version:
            return unpacked


def _next(
    said: "queue.Queue[dict[str, object]]", seconds: float, else_say: str
) -> dict[str, object]:
    until = time.monotonic() + seconds
    while True:
        try:
            status = said.get(timeout=max(0.01, until - time.monotonic()))
        except queue.Empty:
            raise Refused(else_say) from None
        if status.get("state") != "offline":
            return status


def _password(user: str) -> str:
    if not user:
        return ""
    if sys.stdin.isatty():
        return getpass.getpass(f"password of {user} at the broker: ")
    return sys.stdin.readline().rstrip("\n")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    keys = commands.add_parser("keys")
    keys.add_argument("private", type=Path)
    keys.add_argument("public", type=Path)
    sign = commands.add_parser("sign")
    sign.add_argument("--key", type=Path, required=True)
    sign.add_argument("bundle", type=Path)
    pushing = commands.add_parser("push")
    pushing.add_argument("--meter", required=True, help="smartMeterId")
    pushing.add_argument("--broker", required=True)
    pushing.add_argument("--ca", type=Path)
    pushing.add_argument("--user", default="")
    pushing.add_argument("bundle", type=Path)
    a = parser.parse_args()
    try:
        if a.command == "keys":
            make_keys(a.private, a.public)
        elif a.command == "sign":
            a.bundle.write_bytes(of_firmware(load_key(a.key)))
        else:
            host, _, port = a.broker.partition(":")
            data = a.bundle.read_bytes()
            runs = push(data, a.meter, host, int(port or 8883), a.ca, a.user, _password(a.user))
            print(f"{a.meter} runs {runs}")
    except (Refused, DoesNotCompile, OSError, ValueError) as why:
        print(f"update: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
