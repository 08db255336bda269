"""The client ids of Concentrators. Who takes another's client id throws it out (MQTT 3.1.4-2), so
a broker that knows a Concentrator by its certificate takes no other from it.
"""


def of_concentrator(concentrator: str) -> str:
    return f"concentrator-{concentrator}"


def of_check(concentrator: str) -> str:
    """Of `check`, which tries a broker while the Concentrator itself may be connected."""
    return f"check-{concentrator}"
