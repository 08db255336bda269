"""What a broker's refusal means, for a person: the reason codes of MQTT 5.0, 2.4.

paho gives the answers of MQTT 3.1.1 the codes of 5, so these are all.
"""

UNSPECIFIED = 0x80
PROTOCOL_ERROR = 0x82
WRONG_VERSION = (0x01, 0x84)
NOT_AUTHORIZED = 0x87
KEEP_ALIVE_TIMEOUT = 0x8D
SESSION_TAKEN_OVER = 0x8E

_WORDS = {
    UNSPECIFIED: "unspecified error",
    0x81: "malformed packet",
    PROTOCOL_ERROR: "protocol error",
    0x83: "implementation specific error",
    0x84: "it does not support this version of MQTT",
    0x85: "it does not accept our client id",
    0x86: "user or password is wrong",
    NOT_AUTHORIZED: "this user is not authorized",
    0x88: "it is not available",
    0x89: "it is busy",
    0x8A: "we are banned",
    0x8B: "it is shutting down",
    KEEP_ALIVE_TIMEOUT: "it heard nothing from us for too long",
    SESSION_TAKEN_OVER: "another client has connected with our client id",
    0x90: "it does not accept our topic",
    0x93: "too many messages were under way at once",
    0x95: "packet too large",
    0x97: "a quota is used up",
    0x99: "payload format invalid",
    0x9C: "use another server",
    0x9F: "connection rate exceeded",
}


def reason(code: int) -> str:
    """A refusal in words."""
    return _WORDS.get(code, f"reason code 0x{code:02X}")
