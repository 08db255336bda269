"""The caller and its rights: the only place that decides who may see what.

An endpoint gets a Caller and never the store itself. It can therefore not ask for a household that
the caller may not see.
"""

import secrets
import uuid
from dataclasses import dataclass, field

from smartmeter_cloud.api.keys import digest, new_key, now_ms
from smartmeter_cloud.api.problems import Problem
from smartmeter_cloud.auth.scopes import METRICS
from smartmeter_cloud.store.households import DEFAULT, main_meter
from smartmeter_cloud.store.interface import Store
from smartmeter_cloud.store.rows import Bucket, Key, Meter, Newest, Reading, Sum, Volts
from smartmeter_cloud.store.slices import Slice

UNUSED_MAX = 100  # meters of a household that are only planned


@dataclass(frozen=True)
class Caller:
    """name: for the audit log; households: those the caller may see, None for all.

    key: the digest of the key or session they came with, if any; until: its end, ms.
    """

    store: Store = field(repr=False)
    name: str
    scopes: frozenset[str]
    households: frozenset[str] | None
    key: bytes | None = field(default=None, repr=False)
    until: int | None = None

    @property
    def account(self) -> object:
        """What shares bounds: all callers of a household, or all with one key."""
        return self.households if self.households is not None else self.key or self.name

    def meters(self) -> set[str]:
        """The ids of the meters that the caller may see."""
        return {m.name for m in self.store.meters(self.households)}

    def newest(self) -> list[Newest]:
        return self.store.newest(0, self.households)

    def power(self, meter: str, start: int, end: int, width: int) -> list[Bucket]:
        self._check(meter)
        return self.store.power(meter, start, end, width)

    def voltage(self, meter: str, start: int, end: int, width: int) -> list[Volts]:
        self._check(meter)
        return self.store.voltage(meter, start, end, width)

    def first_total(self, meter: str, code: str, start: int, end: int) -> Reading | None:
        self._check(meter)
        return self.store.first_total(meter, code, start, end)

    def slices(self, meter: str, tier: str, start: int, end: int) -> list[Slice]:
        self._check(meter)
        return self.store.slices(meter, tier, start, end)

    def meter(self, meter: str) -> Meter:
        self._check(meter)
        return next(m for m in self.store.meters() if m.name == meter)

    def add_meter(self, household: str | None, label: str, family: str) -> Meter:
        """A new meter in one of the caller's households; by default in the only one."""
        if self.households is None:
            household = household or DEFAULT
        household = self._own(household or self._only_household())
        unused = {m.name for m in self.store.meters() if m.household == household}
        unused -= {n.reading.meter for n in self.store.newest()}
        if len(unused) >= UNUSED_MAX:
            raise Problem(
                409, f"this household has {UNUSED_MAX} meters that never sent a reading; use those"
            )
        made = Meter(str(uuid.uuid4()), household, label, family)
        self.store.add_meter(made)
        self.note(f"made meter {made.name} of household {household}", household)
        return made

    def name_meter(self, meter: str, label: str) -> None:
        self._check(meter)
        self.store.name_meter(meter, label, None)

    def forget_meter(self, meter: str) -> int:
        household = self.meter(meter).household
        gone = self.store.forget_meter(meter)
        self.note(f"deleted meter {meter} with {gone} rows", household)
        return gone

    def access_keys(self) -> list[Key]:
        """The keys and sessions that the caller may see and remove."""
        return [key for key in self.store.access_keys() if self._may_see(key.household)]

    def give_key(
        self, name: str, scopes: str, household: str | None, days: float | None, once: bool
    ) -> tuple[Key, str]:
        """A new key, and its text. It ends with the caller's own key or session."""
        if self.households is not None:
            household = self._own(household)
        if household is not None and METRICS in scopes.split():
            raise Problem(403, f'scope "{METRICS}" counts all households: leave household out')
        made = new_key(name, scopes, household, days, once, parent=self.key, until=self.until)
        if not self.store.add_key(made[0]):
            raise Problem(401, "your key has just been removed")
        self.note(f"gave a key to {name}: {scopes}, household {household or 'all'}", household)
        return made

    def remove_key(self, id: str) -> None:
        for key in self.access_keys():
            if key.id == id:
                self.store.remove_key(key.digest)
                self.note(f"removed the key of {key.name}", key.household)
                return
        raise Problem(404, "there is no such key")

    def concentrators(self) -> dict[str, str]:
        """Each Concentrator that the caller may see, with its household."""
        found = self.store.concentrators()
        return {name: household for name, household in found.items() if self._may_see(household)}

    def place_concentrator(self, concentrator: str, household: str) -> list[str]:
        """Only an administrator of all households may move a Concentrator to another one.

        The answer is the meters that it last sent readings of and that are another household's.
        """
        if self.households is not None:
            self.check_concentrator(concentrator)
            self._own(household)
        self.place_invited(concentrator, household)
        own = {m.name for m in self.store.meters() if m.household == household}
        sent = {n.reading.meter for n in self.store.newest() if n.concentrator == concentrator}
        return sorted(sent - own)

    def move_meter(self, meter: str, household: str) -> None:
        """Only an administrator of all households may move a meter to another one."""
        before = self.meter(meter).household
        self._own(household)
        if main := main_meter(meter, self.store.meters()):
            raise Problem(422, f"{meter} is a sub-meter: move {main}, and it moves as well")
        self.store.move_meter(meter, household)
        for concerned in sorted({before, household}):
            self.note(f"moved meter {meter} from household {before} to {household}", concerned)

    def place_invited(self, concentrator: str, household: str) -> None:
        self.store.place_concentrator(concentrator, household)
        self.note(f"gave Concentrator {concentrator} to household {household}", household)

    def household_of_invited(self, concentrator: str, household: str | None) -> str | None:
        """The household that an invitation gives to a Concentrator; None keeps the present one.

        An administrator of one household invites its own Concentrators, and new ones into it.
        """
        if self.households is None:
            return household
        household = self._own(household or self._only_household())
        owner = self.store.concentrators().get(concentrator)
        taken = owner is not None and owner not in self.households
        if owner is None:  # without a household, but perhaps invited by somebody else
            taken = bool(self.store.certificates(concentrator)) or any(
                one.concentrator == concentrator for one in self.store.invitations(now_ms())
            )
        if taken:
            raise Problem(409, "this name is taken; choose another name for the Concentrator")
        return household

    def check_concentrator(self, concentrator: str) -> None:
        if self.households is not None and concentrator not in self.concentrators():
            raise Problem(404, "there is no such Concentrator")

    def sums(self, start: int, end: int) -> list[Sum]:
        """What all households used together, as far as these callers may know it."""
        return self.store.sums(start, end, self.households, now_ms())

    def note(self, what: str, household: str | None = None) -> None:
        """Add a line to the audit log, with a household if there is one."""
        household = household or self._only_household()
        self.store.note(now_ms(), self.name, what, household)

    def notes(self, limit: int) -> list[tuple[int, str, str]]:
        """The newest (ms, who, what) of the audit log for the caller's households."""
        return self.store.notes(limit, self.households)

    def keep_download(self, query: str, seconds: int) -> str:
        """Create a link to a download. It ends with the caller's key."""
        text = secrets.token_urlsafe(32)
        until = now_ms() + seconds * 1000
        until = until if self.until is None else min(until, self.until)
        self.store.keep_download(digest(text), query, until, self.key)
        return text

    def _may_see(self, household: str | None) -> bool:
        return self.households is None or household in self.households

    def _only_household(self) -> str | None:
        return (
            next(iter(self.households)) if self.households and len(self.households) == 1 else None
        )

    def _own(self, household: str | None) -> str:
        if household is None or not self._may_see(household):
            raise Problem(403, "choose one of your own households")
        return household

    def _check(self, meter: str) -> None:
        # Missing things and those of others get the same answer.
        if meter not in self.meters():
            raise Problem(404, "there is no such meter")
