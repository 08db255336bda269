"""How far the meter's bytes get, as the status tells it."""

NO_BYTES = "no bytes"
NO_FRAME = "bytes but no frame"
NO_KEY = "frames but no key"
READINGS = "readings"
