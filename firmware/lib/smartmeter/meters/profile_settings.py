"""A profile as a user sets it: a family's name, and differences from it."""

from ..context import LOCAL, STANDARD
from ..profile import Profile
from .profiles import named, names

_SETTINGS = ("power", "energy", "voltage", "current", "factor")
_MOST = 9  # powers of ten


def parse(text: str) -> Profile:
    """The profile of a setting; ValueError with one sentence if there is none."""
    words = text.split()
    known = named(words[0]) if words and words[0] in names() else None
    if known is None:
        raise ValueError("a profile is one of " + ", ".join(sorted(names())))
    profile = Profile(
        known.name, known.clock, known.energy, known.voltage, known.current, known.factor
    )
    profile.trust_invalid = known.trust_invalid
    profile.zero_deviation = known.zero_deviation
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if name == "clock" and value in (STANDARD, LOCAL):
            profile.clock = value
        elif name in _SETTINGS and equals:
            number = _integer(value)
            setattr(profile, name, (number,) if name in ("voltage", "current") else number)
        else:
            raise ValueError(
                "a profile's settings are clock=standard, clock=local and whole numbers for "
                + ", ".join(_SETTINGS)
            )
    return profile


def _integer(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = _MOST + 1
    if not -_MOST <= number <= _MOST:
        raise ValueError("a profile's number is whole and from -%d to %d" % (_MOST, _MOST))
    return number
