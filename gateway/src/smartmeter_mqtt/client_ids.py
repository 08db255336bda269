"""The client ids of Concentrators.

A client with another's client id disconnects that one (MQTT 3.1.4-2). So a broker that knows a
Concentrator by its certificate accepts no other client id from it.
"""


def of_concentrator(concentrator: str) -> str:
    return f"concentrator-{concentrator}"


def of_publisher(concentrator: str) -> str:
    """The id of its second connection on the LAN, which publishes there."""
    return f"publisher-{concentrator}"


def of_check(concentrator: str) -> str:
    """Of `check`, which tries a broker while the Concentrator itself may be connected."""
    return f"check-{concentrator}"
