"""A board on the USB port, through mpremote. Secrets are never passed as arguments."""

import hashlib
import json
import secrets

from adapter import settings as adapter_settings

from tools.mpremote import mpremote
from tools.provision.answers import Answers, Refused


def find() -> str:
    """The port of the only board that is connected."""
    ports = []
    for line in mpremote("connect", "list").splitlines():
        words = line.split()
        # a port without USB ids is a serial port of this computer, not a board
        if len(words) >= 3 and words[2] not in ("None:None", "0000:0000"):
            ports.append(words[0])
    if not ports:
        raise Refused(
            "no board found; plug it in with a cable that carries data, or name its "
            "port with --board"
        )
    if len(ports) > 1:
        raise Refused(
            f"several boards are plugged in ({', '.join(ports)}); choose one with --board"
        )
    return ports[0]


def flashed(port: str) -> None:
    """Refused if the firmware is not on the board."""
    answer = run(port, "try:\n import adapter\n print('yes')\nexcept ImportError:\n print('no')\n")
    if "yes" not in answer:
        raise Refused(
            f"the firmware is not on the board; type: mpremote connect {port} cp -r firmware/. :"
        )


def write(port: str, answers: Answers) -> None:
    """Writes the answers to NVS, and compares digests of what the board then contains."""
    values = {adapter_settings.DOCUMENT: json.dumps(answers.settings).encode()} | answers.secrets
    absent = [name for name in adapter_settings.SECRETS if name not in values]
    # Salted, because a Wi-Fi password may be guessed from a bare digest of it.
    salt = secrets.token_bytes(16)
    answer = run(port, _SCRIPT % (adapter_settings.NAMESPACE, values, absent, salt))
    digests = {}
    for line in answer.splitlines():
        name, _, digest = line.strip().partition(" ")
        if name in values:
            digests[name] = digest
    for name, value in values.items():
        if digests.get(name) != hashlib.sha256(salt + value).hexdigest():
            raise Refused(
                f"the board did not take {name}; its NVS may be full or damaged, and "
                "erasing the flash repairs it"
            )


# Blobs are read back with a buffer of their own, so that the digest is of what rests in NVS.
_SCRIPT = """
import esp32, hashlib
nvs = esp32.NVS(%r)
values = %r
for name in %r:
    try:
        nvs.erase_key(name)
    except OSError:
        pass
for name, value in values.items():
    nvs.set_blob(name, value)
nvs.commit()
for name, value in values.items():
    held = bytearray(len(value))
    n = nvs.get_blob(name, held)
    print(name, "".join(["%%02x" %% b for b in hashlib.sha256(%r + held[:n]).digest()]))
"""


def run(port: str, script: str) -> str:
    """The output of a program that goes to the board through a pipe."""
    return mpremote("connect", port, "run", "/dev/stdin", given=script)


def reset(port: str) -> None:
    mpremote("connect", port, "reset")
