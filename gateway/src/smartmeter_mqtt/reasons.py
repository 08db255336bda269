"""What a broker's refusal means, for a person: MQTT 5.0, 2.4; the first five of 3.1.1, 3.2.2.3."""

_WORDS = {
    0x01: "it does not speak this version of MQTT",
    0x02: "it does not take our client id",
    0x03: "it is not available",
    0x04: "user or password is wrong",
    0x05: "this user is not authorized",
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "implementation specific error",
    0x84: "it does not speak this version of MQTT",
    0x85: "it does not take our client id",
    0x86: "user or password is wrong",
    0x87: "this user is not authorized",
    0x88: "it is not available",
    0x89: "it is busy",
    0x8A: "we are banned",
    0x8B: "it is shutting down",
    0x8D: "it heard nothing for too long",
    0x8E: "another client with our id has connected",
    0x90: "it does not take our topic",
    0x93: "too many messages were under way at once",
    0x95: "packet too large",
    0x97: "a quota is used up",
    0x99: "payload format invalid",
    0x9C: "use another server",
    0x9F: "connection rate exceeded",
}
WRONG_VERSION = (0x01, 0x84)
SESSION_TAKEN_OVER = 0x8E


def reason(code: int) -> str:
    """A refusal in words."""
    return _WORDS.get(code, f"reason code 0x{code:02X}")
