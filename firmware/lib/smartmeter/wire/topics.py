"""The MQTT topic grammar of the chain: the only place that spells a topic.

    smartMeterMessage/{smartMeterId}/{specificTopic}
        an adapter to the Concentrator
    concentrator/{concentratorId}/smartMeterMessage/{smartMeterId}/{specificTopic}
        a Concentrator to the Cloud; where this is state, to the consumers on its LAN
    concentrator/{concentratorId}/status
        a Concentrator's own status
    smartMeterCommand/{smartMeterId}/update
        tools to an adapter
    cloud/{concentratorId}/receipts
        the Cloud to a Concentrator

Ids and specific topics are 1 to 64 of A-Z a-z 0-9 . _ - : no wildcard, slash
or quote can enter a topic, a file name or a page through them.
"""

READING = "reading"
READINGS = "readings"
RAW = "raw"
CIPHERED = "ciphered"
STATUS = "status"
STATE = "state"
UPDATE = "update"

_ROOT_METER = "smartMeterMessage"
_ROOT_COMMAND = "smartMeterCommand"
_ROOT_CONCENTRATOR = "concentrator"
_ROOT_CLOUD = "cloud"

# The specification's `smartMeterMessage/*` and `concentrator/*` as MQTT filters.
ALL_METERS = _ROOT_METER + "/#"
ALL_CONCENTRATORS = _ROOT_CONCENTRATOR + "/#"

ID_MAX = 64
_ID_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"


def is_id(text: str) -> bool:
    """Whether text may stand as one level of a topic: 1 to 64 of A-Z a-z 0-9 . _ -"""
    if not isinstance(text, str) or not 0 < len(text) <= ID_MAX:
        return False
    for c in text:
        if c not in _ID_CHARACTERS:
            return False
    return True


def check_id(text: str) -> str:
    """text itself; ValueError if it cannot be an id."""
    if not is_id(text):
        raise ValueError("an id is 1 to 64 of A-Z a-z 0-9 . _ - ")
    return text


def meter(meter_id: str, specific: str) -> str:
    """The topic on which an adapter publishes: smartMeterMessage/{meter_id}/{specific}."""
    return _ROOT_METER + "/" + check_id(meter_id) + "/" + check_id(specific)


def command(meter_id: str, what: str) -> str:
    """The topic on which an adapter takes commands: smartMeterCommand/{meter_id}/{what}."""
    return _ROOT_COMMAND + "/" + check_id(meter_id) + "/" + check_id(what)


def uplink(concentrator_id: str, meter_id: str, specific: str) -> str:
    """The topic on which a Concentrator publishes what a meter sent."""
    return _ROOT_CONCENTRATOR + "/" + check_id(concentrator_id) + "/" + meter(meter_id, specific)


def concentrator_status(concentrator_id: str) -> str:
    """The topic of a Concentrator's own retained state."""
    return _ROOT_CONCENTRATOR + "/" + check_id(concentrator_id) + "/" + STATUS


def receipts(concentrator_id: str) -> str:
    """The topic on which the Cloud tells what its store has committed."""
    return _ROOT_CLOUD + "/" + check_id(concentrator_id) + "/receipts"


def parse_meter(topic: str) -> tuple[str, str]:
    """(meter_id, specific) of an adapter's topic; ValueError if it is not one."""
    parts = topic.split("/", 4)
    if len(parts) != 3 or parts[0] != _ROOT_METER:
        raise ValueError("not a smartMeterMessage topic")
    return check_id(parts[1]), check_id(parts[2])


def parse_uplink(topic: str) -> tuple[str, str | None, str]:
    """(concentrator_id, meter_id, specific) of a Concentrator's topic; ValueError if it is not one.

    meter_id is None for the Concentrator's own status.
    """
    parts = topic.split("/", 6)
    if parts[0] == _ROOT_CONCENTRATOR:
        if len(parts) == 5 and parts[2] == _ROOT_METER:
            return check_id(parts[1]), check_id(parts[3]), check_id(parts[4])
        if len(parts) == 3 and parts[2] == STATUS:
            return check_id(parts[1]), None, STATUS
    raise ValueError("not a concentrator topic")
