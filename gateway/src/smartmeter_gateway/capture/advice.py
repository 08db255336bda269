"""What to try next if a capture gave a fault instead of a reading."""

from smartmeter import Fault
from smartmeter.dialog.line_search import SETTINGS, name

_WHERE = "Order the key at your grid operator's customer portal"
_NAMES = "It is called encryption key, EK, GUEK, GPK60 or just key: 32 hex digits, one key a meter"
_AUTH_NAMES = "authentication key, AK, GAK or GPK61"
_HOW = "give it with --key (asks for it), --key-file or METER_KEY"
LINES = "; ".join(dict.fromkeys(name(setting) for setting in SETTINGS[:12]))


def of(fault: Fault, key: bool, auth_key: bool, readings: bool) -> list[str]:
    """Sentences, the likeliest cause first. key, auth_key: which keys were given; readings:
    whether other telegrams of the capture were read."""
    if fault.kind == "key":
        return _key(key, auth_key, readings)
    if fault.kind == "tag":
        return _tag(auth_key, "no tag" in fault.detail)
    if fault.kind == "checksum":
        return _checksum(fault.detail, readings)
    return list(_PLAIN[fault.kind])


def _key(key: bool, auth_key: bool, readings: bool) -> list[str]:
    if not key:
        return [
            f"The meter encrypts, and the telegram arrived completely. {_WHERE}; {_HOW}.",
            f"{_NAMES}. If you also got a second one ({_AUTH_NAMES}), give that as --auth-key.",
        ]
    if readings:
        return [
            "Other telegrams were opened with this key, so this one was damaged on its way, or"
            " another meter's telegrams are in the capture, too."
        ]
    found = [
        f"The key given is not this meter's encryption key. {_NAMES}; an {_AUTH_NAMES} in its"
        " place does not open anything.",
        "Compare the meter's number at the portal with the one on the meter: after an exchange,"
        " or when a key was ordered again, the old key is void.",
        "Copy the key, do not type it: 0 and O, B and 8 look alike.",
    ]
    if auth_key:
        found.insert(1, "Two keys were given: try them the other way round.")
    return found


def _tag(auth_key: bool, missing: bool) -> list[str]:
    if missing:
        return [
            "An authentication key was given, but this meter's telegrams carry no tag (security"
            " control 20 or 21). If they never did, leave the authentication key out.",
            "If they used to, something on the way removed the tag, and the refusal is right.",
        ]
    if auth_key:
        return [
            "The encryption key opens the telegram, but the authentication key does not fit its"
            f" tag. Check it ({_AUTH_NAMES}) at the operator's portal: 32 hex digits.",
            "Some operators publish a key that their meters do not use (Steiermark, Luxembourg)."
            " Without an authentication key readings are given as unverified.",
        ]
    return ["The telegram's tag cannot be right: it was damaged on its way. Capture again."]


def _checksum(detail: str, readings: bool) -> list[str]:
    if readings:
        return [
            "Other telegrams were read, so the line is set right and bytes were damaged or lost:"
            " check plugs and cable length, keep it off power lines and Wi-Fi aerials.",
            "If it happens often, the receive buffer is too small or the port is read too seldom:"
            " 1024 bytes at 2400 Bd, 2048 on P1.",
        ]
    found = [
        "Bytes arrive, but not as they were sent. The likeliest cause is parity: 8E1 read as 8N1"
        " gives nearly right bytes. M-Bus of Austria and Switzerland and AMIS have 8E1,"
        " Kamstrup 8N1.",
        "Then cabling: a loose plug, an M-Bus module fed by the board's 3.3 V, an optical head"
        " out of place or in bright light.",
    ]
    if "P1" in detail:
        found[0] = (
            "The text is there, but its CRC is not right: most often a wrong pull-up (1 to 10"
            " kOhm to 3.3 V), or an inverter that is too slow for 115200 Bd."
        )
        found.append(
            "Was the capture saved as text? Then CR LF may have become LF CR LF or spaces may be"
            " gone: save the bytes."
        )
    return found


_PLAIN = {
    "length": (
        "The telegram is cut short or bytes are missing in it. One at the begin or the end of a"
        " capture is normal: capture for longer, at least three telegrams.",
        "In the middle, bytes were lost: a receive buffer too small (1024 bytes at 2400 Bd, 2048"
        " on P1), a software serial port, or loose cabling.",
    ),
    "segment": (
        "A part of a telegram that is sent in several is missing. One at the begin or the end of"
        " a capture is normal: capture for longer, at least three telegrams.",
        "In the middle, bytes were lost: check cabling and the receive buffer.",
    ),
    "replay": (
        "The same telegram, or an older one, came again. In a capture put together from several"
        " that is normal: give them one by one, in the order they were taken.",
        "On a live line somebody plays back an old recording, or the meter or its key was"
        " exchanged: then readings come again after a few telegrams.",
    ),
    "cipher": (
        "The meter encrypts in a way that no known meter uses. Check whether the"
        " portal offers a choice, and report it with --redact.",
    ),
    "unencrypted": (
        "A key is given, but the telegram is not encrypted. If this meter sends so, leave out the"
        " key here, and set unencrypted = true at its port.",
        "If it is encrypted as a rule, somebody else may have sent this telegram.",
    ),
    "layout": (
        "The telegram is complete and decrypted, but its list of values is unknown."
        " Please report it: the same command with --redact gives what is needed, without"
        " your numbers.",
    ),
    "value": (
        "A value is impossible: the scale was guessed wrong, or the telegram was damaged and"
        " only an 8-bit sum guards it.",
        "If all telegrams give it, name the meter's scales with --profile, such as"
        ' --profile "landis-gyr voltage=-1", and report it with --redact.',
    ),
    "noise": (
        "Bytes that belong to no telegram. A few at the begin of a capture are normal.",
        "If there is nothing else, the line settings are not the meter's. Try in this order: "
        + LINES
        + "; in France 9600 7E1 and 1200 7E1.",
        "P1 ports are inverted: without an inverter or the UART's invert setting nothing is right.",
    ),
}


def of_nothing(data: bytes, total: int) -> list[str]:
    """Sentences for a capture without any telegram; data: its first bytes."""
    if not total:
        return [
            "The capture is empty. Is the port open on the operator's side? Most are closed until"
            " you ask. Is the meter's side of the cable the right one, the head in its place?",
            "A P1 port sends only while its Data Request (pin 2) has 5 V; AMIS only while it is"
            " acknowledged; IEC 62056-21 often only after a sign-on.",
        ]
    kinds = set(data)
    if kinds <= {0x00}:
        return [
            "All bytes are 00: the line rests at the wrong level. It is inverted (P1), or the"
            " module has no power."
        ]
    if kinds <= {0xFF}:
        return ["All bytes are FF: noise of a line that nobody drives, or a wrong baud rate."]
    if total < 20:
        return ["That is less than any telegram has: capture for longer, at least 20 seconds."]
    return []
