"""The only interface to the stored data."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Protocol

from smartmeter_cloud.config.settings import Retention
from smartmeter_cloud.monitoring.observations import Box, Process
from smartmeter_cloud.store.batch import Batch
from smartmeter_cloud.store.rows import (
    Bucket,
    Certificate,
    Condition,
    DeadLetter,
    Invitation,
    Key,
    Meter,
    Newest,
    Reading,
    ReadingRow,
    RefusedSender,
    Stored,
    Sum,
    Volts,
    WantedLetters,
)
from smartmeter_cloud.store.slices import Slice


class StoreUnavailable(Exception):
    """The store is not available; nothing was written, so try again."""


class QueryStopped(StoreUnavailable):
    """A query took longer than its budget, or its client has gone (query_budget.py)."""


class Store(Protocol):
    """Threads may share a store. Times are ms since 1970 UTC. Raises StoreUnavailable."""

    zone: tzinfo

    def write(self, batch: Batch) -> Stored:
        """Stores the whole batch in one transaction; a reading that exists stays as it is."""

    def beat(self, process: Process) -> None:
        """Records that a process is alive."""

    def newest(self, after: int = 0, households: frozenset[str] | None = None) -> list[Newest]:
        """The newest reading of each meter whose change is greater than after.

        households: only of their meters; None of all.
        """

    def first_total(self, meter: str, code: str, start: int, end: int) -> Reading | None:
        """The first reading in [start, end) with a value for code, one of CODES."""

    def power(self, meter: str, start: int, end: int, width: int) -> list[Bucket]:
        """Power in [start, end) by slices of width ms; a slice without readings is left out."""

    def voltage(self, meter: str, start: int, end: int, width: int) -> list[Volts]:
        """Voltage in [start, end) by slices of width ms; a slice without one is left out."""

    def slices(self, meter: str, tier: str, start: int, end: int) -> list[Slice]:
        """A meter's slices of a tier (slices.TIERS) that begin in [start, end)."""

    def roll(self, limit: int, until: int) -> int:
        """Rolls up at most limit slices with new data that begin before until; returns how many."""

    def forget(self, retention: Retention, now: int) -> int:
        """Deletes some data that is older than its limit; returns how many rows, 0 when done."""

    def cluster(self, now: int) -> bool:
        """At night, cluster a completed day's readings by meter; whether it did."""

    def forget_meter(self, meter: str) -> int:
        """Deletes a meter, its sub-meters and all their data; returns how many rows."""

    def readings(
        self,
        meter: str,
        after: tuple[int, int],
        end: int,
        conditions: Sequence[Condition],
        codes: Sequence[str],
        limit: int,
    ) -> list[Reading]:
        """A meter's readings behind (time, seq) and before end in their order, at most limit.

        Only those that meet all conditions and have a value for one of codes, if there are any.
        """

    def import_readings(self, meter: str, rows: Sequence[ReadingRow]) -> Stored:
        """Stores readings of IMPORTED_SEQ of a known meter; one that exists stays as it is."""

    def measured_quarters(self, meter: str, start: int, end: int) -> set[int]:
        """The starts of the quarter hours in [start, end) in which the meter itself was read."""

    def further_codes(self, meter: str, start: int, end: int) -> set[str]:
        """The codes of a meter's readings in [start, end) beside those of CODES."""

    def sums(self, start: int, end: int, households: frozenset[str] | None, now: int) -> list[Sum]:
        """Energy of all together, as far as those households may know it (aggregates.py)."""

    def meters(self, households: frozenset[str] | None = None) -> list[Meter]:
        """The meters of these households; None: all."""

    def add_meter(self, meter: Meter) -> None:
        """Creates a meter that has sent nothing yet."""

    def name_meter(self, meter: str, label: str | None, household: str | None) -> None:
        """Gives a meter a label or a household; None keeps the present one."""

    def place_concentrator(self, concentrator: str, household: str) -> None:
        """Assigns a Concentrator to a household. Its meters stay where they are."""

    def move_meter(self, meter: str, household: str) -> bool:
        """Moves a meter, its sub-meters and their history to a household; False if unknown."""

    def households(self) -> list[str]:
        """Every household that has a meter, a Concentrator or a key."""

    def concentrators(self) -> dict[str, str]:
        """Each Concentrator's household."""

    def add_key(self, key: Key) -> bool:
        """Stores a key; False if its parent no longer exists."""

    def key(self, digest: bytes, now: int) -> Key | None:
        """The key with that digest, if it has not expired; a single-use key is then deleted."""

    def access_keys(self) -> list[Key]:
        """All keys."""

    def remove_key(self, digest: bytes) -> None:
        """Deletes a key and everything that was made with it: keys, sessions, downloads."""

    def remove_links(self, name: str) -> None:
        """Forgets the one-time links of that name."""

    def keep_download(self, digest: bytes, query: str, until: int, parent: bytes | None) -> None:
        """Stores the content of a link; parent: the key or session that asked for it."""

    def download(self, digest: bytes, now: int) -> str | None:
        """The content of a link, while it is valid."""

    def note(self, at: int, who: str, what: str, household: str | None = None) -> None:
        """Adds who did what, and to which household, to the audit log."""

    def notes(
        self, limit: int, households: frozenset[str] | None = None
    ) -> list[tuple[int, str, str]]:
        """The newest (at, who, what) of the audit log, newest first; only of those households."""

    def invite(self, invitation: Invitation, now: int) -> None:
        """Stores an invitation, and deletes expired ones."""

    def invitations(self, now: int) -> list[Invitation]:
        """Invitations that have not expired, used ones too."""

    def invitation(self, digest: bytes, now: int) -> Invitation | None:
        """The invitation with that digest, if it has not expired."""

    def enrol(self, digest: bytes, certificate: Certificate) -> bool:
        """Uses an invitation for a certificate; False if another has used it."""

    def renew(self, certificate: Certificate, now: int) -> bool:
        """Stores a certificate if its name and key have a valid one; False if not.

        Deletes the same Concentrator's expired ones.
        """

    def certificates(self, concentrator: str | None = None) -> list[Certificate]:
        """All certificates, or one Concentrator's; the newest last."""

    def revoked(self, now: int) -> list[Certificate]:
        """Revoked certificates that have not expired."""

    def revoke(self, concentrator: str, now: int) -> int:
        """Revokes a Concentrator's certificates and invitations; returns how many certificates."""

    def boxes(self, households: frozenset[str] | None = None) -> list[Box]:
        """The newest status of each adapter and Concentrator.

        households: only of their meters, and of the Concentrators that send for these.
        """

    def processes(self) -> list[Process]:
        """The Cloud's own processes."""

    def counters(self) -> dict[str, int]:
        """Since the store was created: readings stored, repeated; messages dead, refused, ..."""

    def dead_letters(self, limit: int) -> list[DeadLetter]:
        """The newest dead letters, newest first."""

    def find_dead_letters(self, wanted: WantedLetters) -> list[DeadLetter]:
        """Dead letters without their payloads, oldest first."""

    def dead_letter(self, digest: bytes) -> DeadLetter | None:
        """One dead letter, with its payload."""

    def remove_dead_letter(self, digest: bytes) -> None:
        """Forgets a dead letter, which makes room for another."""

    def full_dead_letters(self) -> list[str]:
        """The Concentrators that have hardly any room for more dead letters."""

    def refused_senders(self) -> list[RefusedSender]:
        """Whose messages were refused within the last day."""

    def size(self) -> int:
        """Bytes on disk."""

    def close(self) -> None:
        """Closes the store, for every thread."""
