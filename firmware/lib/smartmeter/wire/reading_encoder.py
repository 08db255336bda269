"""A reading as the JSON that travels, with the time and number that it has to have there."""

from ..reading import ALLOWED, decimal

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..reading import Reading


def stamp(reading: "Reading", time: str, seq: int) -> None:
    """Fills in what the telegram did not give: time (RFC 3339 text) and seq (int >= 0)."""
    if reading.time is None:
        from ..texts import is_time  # most telegrams tell theirs

        if not is_time(time):
            raise ValueError("a reading is stamped with an RFC 3339 time")
        reading.time = time
        reading.clock = "adapter"
    if reading.seq is None:
        reading.seq = seq


def to_json(reading: "Reading", only: "Iterable[str] | None" = None) -> str:
    """The JSON of a reading; only: the "C.D.E" codes to include, by default ALLOWED.

    "" if the reading has none of them. Texts are included as well, such as P1's message 96.13.0.
    """
    if only is None:
        only = ALLOWED
    values = reading.values
    numbers = ['"%s":%s' % (c, decimal(values[c])) for c in only if c in values]
    texts = _texts(reading, only) if only is not ALLOWED and reading.texts else ""
    if not numbers:
        return ""
    return '{"time":%s,"clock":%s,"seq":%s,"auth":"%s"%s,"values":{%s}%s}' % (
        _quoted(reading.time),
        _quoted(reading.clock),
        "null" if reading.seq is None else reading.seq,
        reading.auth,
        ',"ratio":%d' % reading.ratio if reading.ratio != 1 else "",
        ",".join(numbers),
        texts,
    )


def _texts(reading: "Reading", only: "Iterable[str]") -> str:
    """The member "texts" for those of the codes that have a text, "" for none."""
    from json import dumps

    found = {}
    for name in only:
        for code in (name, "0-0:" + name, "1-0:" + name):
            if code in reading.texts:
                found[name] = reading.texts[code]
    return ',"texts":' + dumps(found) if found else ""


def _quoted(text: str | None) -> str:
    return '"%s"' % text if text else "null"
