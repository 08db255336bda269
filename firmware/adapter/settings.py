"""The settings, and where they rest.

They lie in NVS, which survives flashing: everything that is no secret as one JSON document,
and each secret as a blob of its own. Stock ESP32 builds encrypt neither flash nor NVS;
README.md here says what that means.
"""

import json
import sys

_TOO_SHORT = -0x110C  # ESP_ERR_NVS_INVALID_LENGTH: the buffer does not hold the blob

NAMESPACE = "smartmeter"
DOCUMENT = "settings"
DOCUMENT_MAX = 3072
# name in NVS (15 characters at most): the longest it may be
SECRETS = {
    "wifi_password": 64,  # IEEE 802.11i: 8 to 63 characters, or 64 hex digits
    "broker_password": 128,
    "meter_key": 16,
    "meter_auth_key": 16,
    "broker_ca": 4096,
    "client_cert": 4096,
    "client_key": 2048,
}


class NotProvisioned(Exception):
    """NVS holds no settings yet."""


class Store:
    """The settings in NVS."""

    def __init__(self):
        from esp32 import NVS

        self._nvs = NVS(NAMESPACE)

    def _blob(self, name, longest):
        size = 256
        while True:
            buf = bytearray(size)
            try:
                n = self._nvs.get_blob(name, buf)
            except OSError as why:
                if why.errno != _TOO_SHORT:
                    return None
                if size >= longest:
                    raise ValueError("%s is longer than %d bytes" % (name, longest))
                size = min(4 * size, longest)
            else:
                return bytes(memoryview(buf)[:n])

    def document(self):
        """The checked settings; NotProvisioned, or ValueError where they are damaged."""
        text = self._blob(DOCUMENT, DOCUMENT_MAX)
        if text is None:
            raise NotProvisioned
        from . import schema

        checked = schema.check(json.loads(text))
        # Needed once, and 9 kB that the rest can use.
        del sys.modules["adapter.schema"]
        del sys.modules["adapter"].schema
        return checked

    def secret(self, name):
        """A secret's bytes, or None where there is none."""
        return self._blob(name, SECRETS[name])
