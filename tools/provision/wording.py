"""The questions of the terminal and of the page (browser/). For the secrets see answers.ASKED."""

# Name of an answer -> its question. The page leaves out what a terminal needs, in brackets.
QUESTIONS = {
    "board": "the board",
    "country": "country of the meter (press Enter for another one)",
    "meter": "the meter",
    "meter.zone": "time zone of the meter's clock",
    "publish.what": "what to publish",
    "wifi.ssid": "name of the Wi-Fi (press Enter for Ethernet)",
    "pairing": "pairing code of the Concentrator (press Enter if you have none)",
    "broker.host": "host name or address of the broker",
    "broker.port": "port of the broker",
    "broker.user": "user at the broker (press Enter for none)",
    "broker_ca": "file of the CA that signed the broker's certificate",
    "meter.line": "line of the meter",
}


def plain(question: str) -> str:
    """The same without what pressing Enter means."""
    return question.partition(" (press")[0]


def is_optional(question: str) -> bool:
    return "(press Enter" in question
