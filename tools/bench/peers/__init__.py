"""Decoders of other projects, each behind the same small interface in its own module:

    NAME           what the table calls it
    DISTRIBUTION   what pip calls it
    ERRORS         the exceptions with which it says, as documented, that it refuses a telegram
    reader(telegrams) -> a function from wire bytes to the peer's own result, or None if the
                   peer has nothing for such telegrams; what can be made once is made here
    values(result, telegrams) -> {"C.D.E": Decimal} for the comparison, which is not timed

Glue that a peer's own documentation leaves to its user is written as short as it goes, and its
time counts for little beside the peer's.
"""

import importlib
from types import ModuleType

_MODULES = ("gurux", "dlms_cosem", "smllib_parse", "smllib_obis", "dsmr")


def load() -> tuple[list[ModuleType], list[str]]:
    """The peers that are installed, and a sentence for each that is not."""
    found: list[ModuleType] = []
    missing: list[str] = []
    for name in _MODULES:
        try:
            found.append(importlib.import_module(f"tools.bench.peers.{name}"))
        except ImportError as why:
            missing.append(f"{name}: not installed ({why}); `make bench` installs it")
    return found, missing
