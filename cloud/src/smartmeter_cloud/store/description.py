"""What each table, view and column of the database means; docs/sql.md is made of it.

PostgreSQL keeps it as comments.
"""

from collections.abc import Iterator
from typing import NamedTuple

from smartmeter_cloud.store.rows import CODES, COLUMNS


class Relation(NamedTuple):
    """A table or a view, and the meaning of each column."""

    about: str
    columns: dict[str, str]
    is_view: bool = False


_MS = "ms since 1970 UTC"
_METER = "the smartMeterId"
_LABEL = "the name that its owner gave it"
_HOUSEHOLD = "the household that it belongs to"
_CLOCK = "whose time it is: meter, adapter, or import for a reading from elsewhere"
_AUTH = "verified, unverified or none: whether the telegram's authentication tag was checked"
_SEQ = "the telegram's invocation counter or the adapter's count; -1 of imported readings"

VIEWS = {
    "readings": Relation(
        "every reading with names and readable times",
        {
            "meter": _METER,
            "label": _LABEL,
            "household": _HOUSEHOLD,
            "medium": "gas, water, heat or cooling of a sub-meter; empty for electricity",
            "time": "when the reading was taken, UTC",
            "time_ms": f"the same in {_MS}; filter by it, because it is indexed",
            "received": "when the Cloud received it, UTC",
            "clock": _CLOCK,
            "auth": _AUTH,
            "seq": _SEQ,
            "clock_wrong": "1 if the time is a day ahead of its arrival, or 400 days behind it",
            "power_import_w": "1.7.0, W",
            "power_export_w": "2.7.0, W",
            "power_w": "16.7.0, W, export negative; the difference where the meter sends none",
            "energy_import_wh": "1.8.0, the meter's total, Wh",
            "energy_export_wh": "2.8.0, the meter's total, Wh",
            "reactive_energy_import_varh": "3.8.0, varh",
            "reactive_energy_export_varh": "4.8.0, varh",
            "current_l1_a": "31.7.0, A",
            "current_l2_a": "51.7.0, A",
            "current_l3_a": "71.7.0, A",
            "voltage_l1_v": "32.7.0, V",
            "voltage_l2_v": "52.7.0, V",
            "voltage_l3_v": "72.7.0, V",
            "further": "JSON of all other codes and their numbers",
            "texts": "JSON of texts by code",
            "ratio": "the transformer ratio that is applied; NULL: none",
        },
        is_view=True,
    ),
    "energy_15min": Relation(
        "energy and power of each quarter of an hour with a reading, of electricity meters",
        {
            "meter": _METER,
            "label": _LABEL,
            "household": _HOUSEHOLD,
            "start": "when it begins, UTC",
            "start_ms": f"the same in {_MS}",
            "drawn_wh": "energy imported, Wh, without that of outages, whose time is unknown",
            "fed_wh": "energy exported, Wh; NULL if there is no total",
            "mean_w": "mean power, W, export negative",
            "lowest_w": "lowest power, W",
            "highest_w": "highest power, W",
            "readings": "how many readings it is made of",
        },
        is_view=True,
    ),
}


def _total(what: str, code: str) -> dict[str, str]:
    return {
        f"{what}_first_time": f"{_MS} of the first total ({code}) in the slice",
        f"{what}_first": "this total: Wh, or a sub-meter's own unit",
        f"{what}_last_time": f"{_MS} of the last total",
        f"{what}_last": "this total",
        f"{what}_used": "what it counted between these two, without resets and swaps. The rise "
        "since the slice before is not in it",
        f"{what}_resets": "how often the total fell, or rose faster than 1 MW or 100 m3/h",
    }


TABLES = {
    "meter": Relation(
        "a meter",
        {
            "id": "its number in the other tables",
            "name": _METER,
            "concentrator": "the Concentrator that sent its newest reading",
            "time": f"{_MS} of its newest reading; NULL if there is none",
            "seq": "seq of its newest reading",
            "suspect": "suspect of its newest reading",
            "gap": "ms between its last two readings",
            "change": "grows with each new reading of any meter",
            "household": _HOUSEHOLD,
            "label": _LABEL,
            "family": "the make and model it was created as",
            "added": f"{_MS} when the Cloud first heard of it",
            "medium": "gas, water, heat or cooling of a sub-meter; empty for electricity",
            "units": "JSON of a sub-meter's units by code; empty for electricity",
        },
    ),
    "reading": Relation(
        "a reading; (meter, time, seq) identifies it forever",
        {
            "meter": "meter.id",
            "time": f"{_MS}",
            "seq": _SEQ,
            "received": f"{_MS} when the Cloud received it",
            "offset": "the offset of the meter's time from UTC, minutes",
            "clock": _CLOCK,
            "auth": _AUTH,
            "suspect": "1 if the time is a day ahead of its arrival, or 400 days behind it; "
            "slices leave such readings out",
            "extra": "JSON of all codes that have no column, and their numbers",
            **{
                column: f"{code}; NULL if the meter did not send it"
                for column, code in zip(COLUMNS, CODES, strict=True)
            },
            "texts": "JSON of texts by code",
            "ratio": "the transformer ratio that is applied; NULL: none",
        },
    ),
    "rollup": Relation(
        "slices of a quarter of an hour, an hour and a day; computed again when late data arrives",
        {
            "meter": "meter.id",
            "tier": "quarter, hour or day; a day begins at midnight of the store's time zone",
            "start": f"{_MS}",
            "n": "readings",
            **_total("drawn", "1.8.0"),
            **_total("fed", "2.8.0"),
            "powers": "readings with a power",
            "power_sum": "the sum of these powers, W; divide it by powers for the mean",
            "power_low": "the lowest power, W, export negative",
            "power_high": "the highest power, W",
            **{
                f"u{i}_{end}": f"the {end}est voltage of L{i}, V"
                for i in (1, 2, 3)
                for end in ("low", "high")
            },
            **{
                f"{what}_interval_{part}": f"Wh of imported intervals ({code}) {where}"
                for what, code in (("drawn", "1.29.0"), ("fed", "2.29.0"))
                for part, where in (
                    ("before", "before the first total, or of the slice if it has none"),
                    ("after", "after the last total"),
                )
            },
        },
    ),
    "dirty": Relation(
        "slices that are to be computed again",
        {"meter": "meter.id", "start": f"{_MS} of the quarter of an hour"},
    ),
    "box": Relation(
        "the newest status of each adapter and Concentrator",
        {
            "kind": "adapter or concentrator",
            "name": "its id",
            "concentrator": "the Concentrator that sent it",
            "status": "JSON as it was sent",
            "received": f"{_MS}",
        },
    ),
    "dead_letter": Relation(
        "a message that cannot be stored; at most 1000 or 16 MB of each Concentrator",
        {
            "id": "its number",
            "digest": "SHA-256 over topic and payload, the first 16 bytes",
            "received": f"{_MS}",
            "topic": "its topic",
            "reason": "why it cannot be stored",
            "size": "bytes of the payload",
            "payload": "as it was sent",
            "concentrator": "the Concentrator that sent it",
        },
    ),
    "refused": Relation(
        "whose messages were refused within the last day",
        {
            "concentrator": "the Concentrator that keeps them",
            "meter": "whose they are; empty: all of the Concentrator",
            "reason": "why",
            "first": f"{_MS} of the first refusal",
            "last": f"{_MS} of the last refusal",
            "messages": "how many were refused",
        },
    ),
    "counter": Relation(
        "counters since the store was created",
        {"name": "stored, repeated, dead, ignored or refused", "n": "how many"},
    ),
    "process": Relation(
        "the Cloud's own processes",
        {
            "name": "ingest and its client id",
            "started": f"{_MS}",
            "beat": f"{_MS} of its last sign of life",
            "state": "JSON",
        },
    ),
    "concentrator": Relation(
        "which household a Concentrator belongs to",
        {"name": "its id", "household": "the household"},
    ),
    "access_key": Relation(
        "API keys and sessions",
        {
            "digest": "SHA-256 of the key, which itself is not stored",
            "name": "for the audit log",
            "scopes": "what it permits, with a blank between",
            "household": "whose data it reads; NULL: everybody's",
            "created": f"{_MS}",
            "expires": f"{_MS}; NULL: never",
            "once": "1 if it can be used once",
            "session": "1 of a session",
            "parent": "the key or session that made it, and with which it is removed",
        },
    ),
    "download": Relation(
        "links to bulk downloads",
        {
            "digest": "SHA-256 of the link's secret part",
            "query": "JSON of what is downloaded",
            "until": f"{_MS} when it expires",
            "parent": "the key or session that asked for it",
        },
    ),
    "audit": Relation(
        "the audit log: names and actions",
        {
            "id": "its number",
            "at": f"{_MS}",
            "who": "the name of the key, or command line",
            "what": "what was done",
            "household": "whose it concerns; NULL: everybody's",
        },
    ),
    "invitation": Relation(
        "tokens for new Concentrators",
        {
            "digest": "SHA-256 of the token",
            "concentrator": "the id that it is for",
            "expires": f"{_MS}",
            "enrolled": "the digest of the key that has used it",
        },
    ),
    "certificate": Relation(
        "certificates of Concentrators",
        {
            "serial": "hex",
            "concentrator": "the id in it",
            "key_digest": "SHA-256 of its public key",
            "issued": f"{_MS}",
            "expires": f"{_MS}",
            "revoked": f"{_MS}; NULL if it is not revoked",
            "der": "the certificate",
        },
    ),
    "told_sum": Relation(
        "published totals over all households, which never change",
        {
            "start": f"{_MS} of the hour",
            "drawn_households": "households that imported something",
            "drawn": "Wh",
            "fed_households": "households that exported something",
            "fed": "Wh",
        },
    ),
    "told_household": Relation(
        "which households a published total consists of",
        {
            "start": f"{_MS} of the hour",
            "household": "the household",
            "drawn": "empty once the hour is published",
            "fed": "empty once the hour is published",
        },
    ),
    "setting": Relation(
        "settings that the stored data depend on", {"name": "zone", "value": "its value"}
    ),
    "schema_version": Relation("the version of these tables", {"version": "its number"}),
}


def comments() -> Iterator[str]:
    """PostgreSQL's statements."""
    for name, (about, columns, is_view) in (TABLES | VIEWS).items():
        yield f"COMMENT ON {'VIEW' if is_view else 'TABLE'} {name} IS {_quoted(about)}"
        for column, meaning in columns.items():
            yield f'COMMENT ON COLUMN {name}."{column}" IS {_quoted(meaning)}'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
