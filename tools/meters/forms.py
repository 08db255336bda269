"""All forms of meters by name, and how to make one.

from tools.meters import forms
meter = forms.make("kaifa-ma309", Household(seed=3))
wire, truth = meter.telegram(datetime.now(timezone.utc))
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .form import Form, Meter
from .forms_austria import AUSTRIA
from .forms_france import FRANCE
from .forms_nordic import APDUS, NORDIC_FORMS, WRAPPED
from .forms_p1 import P1
from .forms_polled import AMIS, IEC, KMP, POLLED
from .forms_sml import SML
from .forms_switzerland import SWITZERLAND
from .household import Household

FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        *AUSTRIA,
        *SWITZERLAND,
        *NORDIC_FORMS,
        *APDUS,
        *SML,
        *P1,
        *IEC,
        *AMIS,
        *POLLED,
        *KMP,
        *FRANCE,
        *WRAPPED,
    )
}


def _number(name: str) -> int:
    return list(FORMS).index(name)


def get(name: str) -> Form:
    """The form with a name; ValueError with one sentence if there is none."""
    try:
        return FORMS[name]
    except KeyError:
        raise ValueError(
            f"there is no meter form {name!r}; run `python -m tools.meters --list`"
        ) from None


def default_key(name: str) -> bytes:
    """The form's own test key: 00 01 .. 0E and 0F + the form's number."""
    get(name)
    return bytes((*range(15), (0x0F + _number(name)) & 0xFF))


def default_auth_key(name: str) -> bytes:
    """The form's own test authentication key: D0 D1 .. DE and DF + the form's number."""
    get(name)
    return bytes((*range(0xD0, 0xDF), (0xDF + _number(name)) & 0xFF))


def make(
    name: str,
    household: Household,
    *,
    key: bytes | None = None,
    auth_key: bytes | None = None,
    counter: int | None = None,
    **options: Any,
) -> Meter:
    """A meter of a form.

    key, auth_key: 16 bytes each, by default the form's own test keys; counter: the first
    invocation counter; options: fields of the form (see `Form` and its kinds) to vary it with,
    such as security=0x30, ber="84", time_form="null", scalers=False, block_bytes=(50,).
    """
    form = get(name)
    unknown = [option for option in options if option not in form.__dataclass_fields__]
    if unknown:
        raise ValueError(
            f"{name} has no option {unknown[0]!r}; it has {', '.join(form.__dataclass_fields__)}"
        )
    for title, given in (("key", key), ("authentication key", auth_key)):
        if given is not None and len(given) != 16:
            raise ValueError(f"the {title} has {len(given)} bytes, it must have 16")
    return Meter(
        replace(form, **options),
        household,
        key or default_key(name),
        auth_key or default_auth_key(name),
        counter,
    )
