"""The settings of a board, from a file or a pipe. All answers are checked."""

import contextlib
import json
import os
import stat
import sys
import tomllib
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapter import schema
from adapter import settings as adapter_settings
from smartmeter.meters import zone_names
from smartmeter.obis import key_of
from smartmeter.texts import is_code

from . import boards
from .prompt import Refused

_HEX = "0123456789abcdefABCDEF"

# Secrets of the grid operator or of the network, which nobody may see.
ASKED = {
    "wifi_password": "Wi-Fi password (press Enter for an open network)",
    "broker_password": "password at the broker",
    "meter_key": "the meter's encryption key, 32 hex digits (press Enter if it sends plain text)",
    "meter_auth_key": "the meter's authentication key, 32 hex digits (press Enter for none)",
}
# Files that the configuration names, and the secret that each holds.
_BROKER_FILES = {"ca": "broker_ca", "certificate": "client_cert", "key": "client_key"}
_UPDATE_FILES = {"key": "update_key", "ca": "update_ca"}
_SECTIONS = ("meter", "wifi", "ethernet", "broker", "publish", "time", "update")


@dataclass
class Answers:
    settings: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, bytes] = field(default_factory=dict)
    # section -> setting -> the file from which a secret was read
    files: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether network, broker and CA are named.

        A SmartMeterAdapterConfig names none of them. The CA is the last question: a person who
        has cancelled before has questions left.
        """
        broker = self.settings.get("broker", {})
        return (
            ("wifi" in self.settings or "ethernet" in self.settings)
            and "host" in broker
            and ("broker_ca" in self.secrets or broker.get("tls") is False)
        )

    def read(self, section: str, setting: str, file: Path) -> None:
        """Take the secret that a setting names by its file."""
        files = _BROKER_FILES if section == "broker" else _UPDATE_FILES
        name = files[setting]
        self.secrets[name] = _update_key(file) if name == "update_key" else certificate(file)
        self.files.setdefault(section, {})[setting] = str(file.absolute())

    def checked(self) -> "Answers":
        """The same with its defaults; Refused if anything is wrong or missing."""
        settings = {k: v for k, v in self.settings.items() if k != "board"}
        if "board" in self.settings:
            _fit(settings, self.settings["board"])
        meter = settings.setdefault("meter", {})
        meter.setdefault("id", str(uuid.uuid4()))
        try:
            if isinstance(meter.get("zone"), str):
                meter["zone"] = zone_names.setting(meter["zone"])
            checked = schema.check(settings)
        except ValueError as why:
            raise Refused(str(why)) from None
        broker = checked["broker"]
        if broker["tls"] and "broker_ca" not in self.secrets:
            raise Refused(
                "broker.ca is missing: the file of the CA that signed the broker's certificate"
            )
        if ("client_cert" in self.secrets) != ("client_key" in self.secrets):
            raise Refused("broker.certificate and broker.key go together")
        if len(json.dumps(checked)) > adapter_settings.DOCUMENT_MAX:
            raise Refused(f"the settings are longer than {adapter_settings.DOCUMENT_MAX} bytes")
        for name, value in self.secrets.items():
            if not 0 < len(value) <= adapter_settings.SECRETS[name]:
                raise Refused(f"{name} has 1 to {adapter_settings.SECRETS[name]} bytes")
        return Answers(checked, self.secrets)


def _fit(settings: dict[str, Any], name: object) -> None:
    """Fills in what follows from the board: its pins, and the wiring of its Ethernet."""
    try:
        fitting = boards.load(str(name)).settings()
    except ValueError as why:
        raise Refused(f"board: {why}") from None
    for section, values in fitting.items():
        given = settings.get(section)
        if section == "ethernet" and given is None:
            continue  # such a board has Wi-Fi as well; the settings say which is meant
        if given is None or isinstance(given, dict):
            settings[section] = values | (given or {})


def key(text: str) -> bytes:
    """The 16 bytes of a meter's key as it is handed out: 32 hex digits, spaces do not matter."""
    digits = "".join(text.split()).replace(":", "").replace("-", "")
    wrong = sorted({c for c in digits if c not in _HEX})
    if wrong:
        raise Refused(f"a key has only 0-9 and A-F, but this one contains {' '.join(wrong)!r}")
    if len(digits) != 32:
        raise Refused(f"a key has 32 hex digits, but this one has {len(digits)}")
    return bytes.fromhex(digits)


def secret(name: str, text: str) -> bytes:
    if name in ("meter_key", "meter_auth_key"):
        try:
            return key(text)
        except Refused as why:
            raise Refused(f"{name}: {why}") from None
    if not 0 < len(text.encode()) <= adapter_settings.SECRETS[name]:
        raise Refused(f"{name} has 1 to {adapter_settings.SECRETS[name]} bytes")
    return text.encode()


def from_file(path: Path) -> Answers:
    """Read a TOML or JSON file, or the specification's SmartMeterAdapterConfig (JSON)."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as why:
        raise Refused(f"{path} cannot be read: {why}") from None
    try:
        document = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as why:
        raise Refused(f"{path}: {why}") from None
    if not isinstance(document, dict):
        raise Refused(f"{path} is a table of sections")
    for name in _SECTIONS:
        if not isinstance(document.get(name, {}), dict):
            raise Refused(f"{path}: {name} is a section of settings")
    answers = Answers(document)
    _take_specified(answers)
    broker = answers.settings.get("broker", {})
    for name in _BROKER_FILES:
        if name in broker:
            answers.read("broker", name, path.parent / str(broker.pop(name)))
    update = answers.settings.pop("update", None)
    if update is not None:
        if set(update) - {"key", "ca"} or "key" not in update:
            raise Refused("the section update has key, and ca where the server has another CA")
        for name in update:
            answers.read("update", name, path.parent / str(update[name]))
    return answers


def _properties(code: str) -> set[str]:
    """The names of a code's property: 1-0:1.8.0 is 1.8.0."""
    return {f"OBIS_{code}", f"OBIS_{key_of(code)}"}


def _take_specified(answers: Answers) -> None:
    """Turn MeterIndividualId, OperationalPropertyMapping and CloudAuth into our settings."""
    document = answers.settings
    if "MeterIndividualId" in document:
        document.setdefault("meter", {})["id"] = document.pop("MeterIndividualId")
    mapping = document.pop("OperationalPropertyMapping", None)
    if mapping is not None:
        codes = []
        for entry in mapping if isinstance(mapping, list) else [None]:
            if not isinstance(entry, dict) or set(entry) != {"from", "to"}:
                raise Refused("OperationalPropertyMapping is a list of {from, to}")
            if not is_code(entry["from"]) or entry["to"] not in _properties(entry["from"]):
                raise Refused(
                    f"OperationalPropertyMapping: {entry['from']} can only become "
                    f"OBIS_{entry['from']}, because readings travel under their OBIS codes"
                )
            codes.append(entry["from"])
        document.setdefault("publish", {})["values"] = codes
    auth = document.pop("CloudAuth", None)
    if isinstance(auth, dict):
        if "token" in auth:
            raise Refused("CloudAuth.token: the broker takes username and password")
        if "username" in auth:
            document.setdefault("broker", {})["user"] = auth["username"]
        if "password" in auth:
            answers.secrets["broker_password"] = secret("broker_password", str(auth["password"]))


def _update_key(path: Path) -> bytes:
    """The modulus of a public RSA key (PEM)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as why:
        raise Refused(f"{path} cannot be read: {why.strerror}") from None
    except ValueError:
        raise Refused(f"{path} does not contain a readable public key") from None
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size not in (3072, 4096):
        raise Refused(f"{path} is not a public RSA key of 3072 or 4096 bits")
    numbers = key.public_numbers()
    if numbers.e != 65537:
        raise Refused(f"{path} has an exponent other than 65537")
    return numbers.n.to_bytes(key.key_size // 8, "big")


def certificate(path: Path) -> bytes:
    """A PEM or DER file as it will be stored on the board, as DER, which is shorter."""
    try:
        data = path.read_bytes()
    except OSError as why:
        raise Refused(f"{path} cannot be read: {why.strerror}") from None
    return certificate_of(data, str(path))


def certificate_of(data: bytes, name: str) -> bytes:
    """The same of a file's content; name is for the error."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    if b"-----BEGIN" in data:
        try:
            if b"PRIVATE KEY-----" in data:
                private = serialization.load_pem_private_key(data, None)
                return private.private_bytes(
                    serialization.Encoding.DER,
                    serialization.PrivateFormat.TraditionalOpenSSL,
                    serialization.NoEncryption(),
                )
            loaded = x509.load_pem_x509_certificate(data)
        except (ValueError, TypeError):
            raise Refused(f"{name} does not contain a readable certificate or key") from None
        return loaded.public_bytes(serialization.Encoding.DER)
    for load in (x509.load_der_x509_certificate, _load_der_key):
        with contextlib.suppress(ValueError, TypeError):
            load(data)
            return data
    raise Refused(f"{name} does not contain a readable certificate or key")


def _load_der_key(data: bytes) -> object:
    from cryptography.hazmat.primitives import serialization

    return serialization.load_der_private_key(data, None)


def from_pipe(name: str) -> dict[str, bytes]:
    """Lines NAME=value of standard input ("-") or of a file that only its owner can read."""
    if name == "-":
        text = sys.stdin.read()
    else:
        try:
            with open(name, encoding="utf-8") as f:
                # Windows has no such bits: its files are their owner's unless shared on purpose
                if os.name != "nt" and stat.S_IMODE(os.fstat(f.fileno()).st_mode) & 0o077:
                    raise Refused(f"{name} can be read by others; type: chmod 600 {name}")
                text = f.read()
        except OSError as why:
            raise Refused(f"{name} cannot be read: {why.strerror}") from None
    found = {}
    for number, entry in enumerate(text.splitlines(), 1):
        if not entry.strip() or entry.startswith("#"):
            continue
        what, equals, value = entry.partition("=")
        if not equals or what.strip() not in ASKED:
            raise Refused(
                f"line {number} of the secrets is not NAME=value with NAME one of "
                + ", ".join(ASKED)
            )
        if value.strip():
            found[what.strip()] = secret(what.strip(), value.strip())
    return found
