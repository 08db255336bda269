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
    """The JSON of a reading; only: the "C.D.E" codes to include, by default ALLOWED."""
    if only is None:
        only = ALLOWED
    values = reading.values
    numbers = ['"%s":%s' % (c, decimal(values[c])) for c in only if c in values]
    return '{"time":%s,"clock":%s,"seq":%s,"auth":"%s","values":{%s}}' % (
        _quoted(reading.time),
        _quoted(reading.clock),
        "null" if reading.seq is None else reading.seq,
        reading.auth,
        ",".join(numbers),
    )


def _quoted(text: str | None) -> str:
    return '"%s"' % text if text else "null"
