"""Messages that can never be stored as readings: kept whole, up to a bound for each Concentrator.

Nothing makes room but a person, who replays or deletes them. What finds no room stays with its
Concentrator, so a letter is never lost to make room for another.
"""

from smartmeter_cloud.store.batch import Batch, Unstorable
from smartmeter_cloud.store.rows import DeadLetter, WantedLetters
from smartmeter_cloud.store.session import Session

LETTERS_MAX = 1000  # of one Concentrator
BYTES_MAX = 16_000_000  # of one Concentrator; a single message has at most 2 000 000
FULL = (
    "it cannot be stored, and the Cloud has no room for more dead letters of this Concentrator; an "
    "administrator can replay or delete them (smartmeter-cloud dead-letters)"
)

_COLUMNS = "digest, received, topic, reason, size, payload, concentrator"
_LISTED = "digest, received, topic, reason, size, concentrator"
_SPACE = "SELECT count(*), coalesce(sum(size), 0) FROM dead_letter WHERE concentrator = ?"


def bury(db: Session, batch: Batch) -> None:
    """Keep what there is room for. Messages with anything else in them are refused."""
    by_concentrator: dict[str, list[Unstorable]] = {}
    for one in batch.unstorable:
        by_concentrator.setdefault(one.letter.concentrator, []).append(one)
    without_room: list[Unstorable] = []
    for concentrator, ones in by_concentrator.items():
        letters, size = db.one(_SPACE, (concentrator,)) or (0, 0)
        new: dict[bytes, DeadLetter] = {}
        for one in ones:
            letter = one.letter
            if letter.digest in new or _is_known(db, letter.digest):
                continue
            if letters >= LETTERS_MAX or size + letter.size > BYTES_MAX:
                without_room.append(one)
                continue
            letters, size = letters + 1, size + letter.size
            new[letter.digest] = letter
        db.many(
            f"INSERT INTO dead_letter ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) "  # noqa: S608
            "ON CONFLICT (digest) DO NOTHING",
            list(new.values()),
        )
    if without_room:
        batch.refuse_unstorable(without_room, FULL)


def newest(db: Session, limit: int) -> list[DeadLetter]:
    """The newest letters, newest first."""
    rows = db.all(
        f"SELECT {_COLUMNS} FROM dead_letter ORDER BY id DESC LIMIT ?",  # noqa: S608
        (limit,),
    )
    return [DeadLetter(*row) for row in rows]


def find(db: Session, wanted: WantedLetters) -> list[DeadLetter]:
    """Letters without their payloads, oldest first."""
    values: list[str | int]
    where, values = "received >= ? AND received < ?", [wanted.start, wanted.end]
    if wanted.concentrator is not None:
        where += " AND concentrator = ?"
        values.append(wanted.concentrator)
    if wanted.household is not None:
        where += " AND concentrator IN (SELECT name FROM concentrator WHERE household = ?)"
        values.append(wanted.household)
    rows = db.all(
        f"SELECT {_LISTED} FROM dead_letter WHERE {where} ORDER BY id",  # noqa: S608
        values,
    )
    return [
        DeadLetter._make((*row[:5], b"", row[5]))
        for row in rows
        if row[0].hex().startswith(wanted.digest)
    ]


def one(db: Session, digest: bytes) -> DeadLetter | None:
    """A letter with its payload."""
    row = db.one(f"SELECT {_COLUMNS} FROM dead_letter WHERE digest = ?", (digest,))  # noqa: S608
    return DeadLetter(*row) if row else None


def full(db: Session) -> list[str]:
    """The Concentrators that have hardly any room left."""
    rows = db.all(
        "SELECT concentrator FROM dead_letter GROUP BY concentrator "
        "HAVING count(*) >= ? OR sum(size) > ? ORDER BY concentrator",
        (LETTERS_MAX, BYTES_MAX - 2_000_000),
    )
    return [name for (name,) in rows]


def _is_known(db: Session, digest: bytes) -> bool:
    return db.one("SELECT 1 FROM dead_letter WHERE digest = ?", (digest,)) is not None
