"""Compares what the meters sent with what the Cloud has stored."""

import datetime
import json
import sqlite3
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from smartmeter import ALLOWED

# Identifies a telegram on both sides: counter and time if the meter sends them, and its values.
Entry = tuple[int | None, int | None, tuple[tuple[str, Decimal], ...]]


@dataclass(frozen=True)
class Account:
    """One meter's telegrams: how many were sent, and what happened to them."""

    meter: str
    sent: int
    stored: int
    lost: int
    wrong: int


def _values(numbers: dict[str, object]) -> tuple[tuple[str, Decimal], ...]:
    values = {code: Decimal(str(n)) for code, n in numbers.items() if code in ALLOWED}
    if "16.7.0" not in values and "1.7.0" in values and "2.7.0" in values:
        values["16.7.0"] = values["1.7.0"] - values["2.7.0"]
    return tuple(sorted((code, n.normalize()) for code, n in values.items()))


def sent(truth: Path) -> list[Entry]:
    """What a virtual meter reports as completely sent (its --truth file)."""
    entries: list[Entry] = []
    for line in truth.read_text().splitlines() if truth.exists() else []:
        told = json.loads(line)
        time = told["time"] and round(
            datetime.datetime.fromisoformat(told["time"]).timestamp() * 1000
        )
        # Only a meter that sends a clock and a counter identifies its readings by them.
        seq = told["seq"] if time is not None else None
        entries.append((seq, time, _values(told["values"])))
    return entries


_OF_METER = "FROM reading JOIN meter ON meter.id = reading.meter WHERE meter.name = ?"


def _query(database: Path, what: str, meter: str) -> list[tuple[Any, ...]]:
    """Rows of a meter from the Cloud's SQLite database; none if the file does not exist yet."""
    if not database.exists():
        return []
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(f"SELECT {what} {_OF_METER}", (meter,)).fetchall()
    except sqlite3.OperationalError:
        return []  # the file exists, its tables do not yet
    finally:
        connection.close()


def stored(database: Path, meter: str, own_clock: bool) -> list[Entry]:
    """What the Cloud's SQLite database contains for a meter, in the same form."""
    columns = ", ".join("obis_" + code.replace(".", "_") for code in ALLOWED)
    return [
        (
            row[0] if own_clock else None,
            row[1] if own_clock else None,
            _values({c: n for c, n in zip(ALLOWED, row[2:], strict=True) if n is not None}),
        )
        for row in _query(database, f"reading.seq, reading.time, {columns}", meter)
    ]


class Progress:
    """Counts of a meter's telegrams, cheap enough to ask for every second for days."""

    def __init__(self, meter: str, truth: Path, database: Path) -> None:
        self.meter = meter
        self._truth, self._database = truth, database
        self._read = self._sent = 0

    def counts(self) -> tuple[int, int]:
        """(sent, stored) so far."""
        if self._truth.exists():
            with self._truth.open("rb") as f:
                f.seek(self._read)
                new = f.read()
            self._read += len(new)
            self._sent += new.count(b"\n")
        rows = _query(self._database, "count(*)", self.meter)
        return self._sent, rows[0][0] if rows else 0


def account(meter: str, truth: Path, database: Path) -> Account:
    put_in = sent(truth)
    own_clock = any(time is not None for _, time, _ in put_in)
    found = stored(database, meter, own_clock)
    # Stored values that the meter did not send (so often), and sent values that are missing.
    strange = Counter(found) - Counter(put_in)
    missing = Counter(put_in) - Counter(found)
    return Account(
        meter=meter,
        sent=len(put_in),
        stored=len(found),
        lost=sum(missing.values()),
        wrong=sum(strange.values()),
    )


def table(accounts: list[Account]) -> str:
    """The accounts as a table of text."""
    heads = ("meter", "sent", "stored", "lost", "wrong")
    rows = [heads] + [
        (a.meter, str(a.sent), str(a.stored), str(a.lost), str(a.wrong)) for a in accounts
    ]
    widths = [max(len(r[i]) for r in rows) for i in range(len(heads))]
    lines = [
        "  ".join([r[0].ljust(widths[0])] + [r[i].rjust(widths[i]) for i in range(1, len(heads))])
        for r in rows
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
