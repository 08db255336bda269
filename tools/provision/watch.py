"""Watches a board's console from its restart to the first reading, and suggests what to check."""

import sys
import time

import serial  # type: ignore[import-untyped]

from tools.provision.answers import Refused

PUBLISHED = "first reading published and acknowledged"
_NO_BYTES_S = 25  # the slowest meters in use push every 10 to 15 s
_NO_FRAME_S = 25

TIME_OVER = "time over"

# For the raw REPL, at the prompt where mpremote has left the board. The program that reads the
# console sends it: a meter's first telegram may come before another program has ended.
_RESTART = b"\x01import machine; machine.reset()\x04"

# What the adapter prints (firmware/adapter) -> the secret to ask for again.
_WRONG = (
    ("is the Wi-Fi password right", "wifi_password"),
    ("user or password is wrong", "broker_password"),
    ("refuses user and password", "broker_password"),
    ("meter: key:", "meter_key"),
    ("meter: tag:", "meter_auth_key"),
)
# What the adapter prints -> what to check.
_HINTS = (
    (
        "is the Wi-Fi password right",
        "a wrong password and a router that gives no address look alike; check both",
    ),
    ("Wi-Fi driver", "the adapter tries again; if it stays, unplug the board and plug it in"),
    ("no Wi-Fi of that name", "an ESP32 hears 2.4 GHz only; check the name and the distance"),
    ("no Ethernet link", "check the cable and the switch"),
    ("no answer from", "NTP: does this network let UDP port 123 out? time.ntp can name another"),
    ("not from the CA", "is broker.ca the CA that signed this broker's certificate?"),
    (
        "for another host name",
        "broker.host must be a name or address from its certificate",
    ),
    ("has expired", "the broker needs a new certificate"),
    ("not valid yet", "is the time right on the NTP server and at the CA?"),
    ("user or password is wrong", "check broker.user and the password"),
    ("refuses user and password", "check broker.user and the password"),
    ("connection was refused", "is the broker running, and is it this port?"),
    ("connection was closed", "is the broker running, and is it this port and broker.tls?"),
    ("no such host name", "check broker.host; with Ethernet it cannot end in .local"),
    ("meter: key:", "the meter encrypts; is it this meter's key, and a current one?"),
    ("meter: tag:", "the authentication key (often called GAK or AK) is not this meter's"),
)
_WIRING = (
    "the meter sends nothing: check the wiring and the pin, whether the operator has enabled the "
    "port (many do only when asked), and whether the adapter circuit has power"
)
_FORM = (
    "bytes come, but no telegram: baud rate and parity (meter.line), inversion (P1 ports need it), "
    "or a loose contact"
)


def until_reading(port: str, seconds: float, settled: set[str], restart: bool) -> str:
    """Prints what the adapter says until its first reading has been acknowledged: then "".

    Else TIME_OVER, or the name of a secret that is wrong and not one of `settled`. restart: the
    board, which waits at its prompt, is restarted first.
    """
    started = time.monotonic()
    bytes_at = None
    readings = False
    told: set[str] = set()
    line = b""
    console = _open(port, started + 10)
    try:
        if restart:
            console.write(_RESTART)
        while time.monotonic() < started + seconds:
            try:
                data = console.read(256)
            except (OSError, serial.SerialException):  # USB of the chip itself: gone at a reset
                console.close()
                console = _open(port, time.monotonic() + 10)
                continue
            *lines, line = (line + data).split(b"\n")
            for raw in lines:
                text = raw.decode(errors="replace").strip()
                if not text.startswith("adapter: "):
                    continue
                print("  " + text.removeprefix("adapter: "), flush=True)
                for words, hint in _HINTS:
                    if words in text:
                        _tell(hint, told)
                if "meter: bytes come" in text:
                    bytes_at = time.monotonic()
                readings = readings or "meter: readings come" in text
                if PUBLISHED in text:
                    return ""
                for words, secret in _WRONG:
                    if words in text and secret not in settled:
                        return secret
            now = time.monotonic()
            if bytes_at is None and now > started + _NO_BYTES_S:
                _tell(_WIRING, told)
            elif bytes_at and not readings and now > bytes_at + _NO_FRAME_S:
                _tell(_FORM, told)
    finally:
        console.close()
    return TIME_OVER


def _tell(hint: str, told: set[str]) -> None:
    if hint not in told:
        told.add(hint)
        print(f"  -> {hint}", file=sys.stderr, flush=True)


def _open(port: str, until: float) -> serial.Serial:
    while True:
        console = serial.Serial()
        console.port, console.baudrate, console.timeout = port, 115200, 0.2
        # on boards with a reset circuit these lines hold the chip in reset when asserted
        console.dtr = console.rts = False
        try:
            console.open()
        except (OSError, serial.SerialException) as why:
            if time.monotonic() > until:
                raise Refused(f"{port} cannot be opened: {why}") from None
            time.sleep(0.2)
            continue
        return console
