"""Push lists: the contents of a meter's list, and its encodings as COSEM data.

The layouts are the letters of a to f in the reference: structures of OBIS, value and scaler
(a), the same flat (b), flat without scaler (c), descriptors and then values (d), values by
position (e), and class, OBIS and attribute as untagged bytes (f).
"""

from __future__ import annotations

from dataclasses import dataclass

from . import axdr, clock, quantities
from .form import Form, Moment, Values


@dataclass(frozen=True)
class Item:
    """One entry of a list.

    code: "A-B:C.D.E", optionally ".F". kind: an integer kind of axdr.INTEGERS for a quantity, or
    "octets", "visible" (text), "clock", "date", "time", "bool", "enum", "array" (of one u16),
    "setup" (the code itself, of the push setup), "null" (nothing, and no code).
    exponent: the resolution. text: what a text says, with {seed} for the meter's own number.
    bare: in layout a without a structure of its own, in b and c without its code.
    """

    code: str
    kind: str = "u32"
    exponent: int = 0
    text: str = ""
    bare: bool = False
    count: int = 0  # what "bool", "enum", "array" and fixed integers say
    fixed: bool = False  # an integer that is not a quantity of the household

    @property
    def key(self) -> str:
        """The code's C.D.E."""
        return ".".join(self.code.split(":")[1].split(".")[:3])

    @property
    def is_quantity(self) -> bool:
        return self.kind in axdr.INTEGERS and not self.fixed


@dataclass(frozen=True)
class ClockForm:
    """How a list writes date and time; the fields are those of clock.date_time."""

    deviation: bool = True
    hundredths: int = 0xFF
    status: int | None = None
    weekday: bool = True
    turned: bool = False


def value(item: Item, moment: Moment, form: Form, clock_form: ClockForm, values: Values) -> bytes:
    """The item's value as A-XDR; a quantity is added to values."""
    if item.is_quantity:
        count = quantities.mantissa(moment.house, item.key, item.exponent)
        values[item.key] = quantities.number(count, item.exponent)
        return axdr.integer(item.kind, count)
    if item.kind in axdr.INTEGERS:
        return axdr.integer(item.kind, item.count)
    if item.kind == "octets":
        return axdr.octets(item.text.format(seed=moment.seed % 10_000_000).encode("ascii"))
    if item.kind == "visible":
        return axdr.visible(item.text.format(seed=moment.seed % 10_000_000))
    written = clock.date_time(
        form.clock(moment),
        clock_form.deviation,
        clock_form.hundredths,
        clock_form.status,
        clock_form.weekday,
        clock_form.turned,
    )
    if item.kind == "clock":
        return axdr.octets(written)
    if item.kind == "date":
        return axdr.octets(written[:5])
    if item.kind == "time":
        return axdr.octets(written[5:8] + b"\x00")
    if item.kind == "bool":
        return axdr.boolean(bool(item.count))
    if item.kind == "enum":
        return axdr.enum(item.count)
    if item.kind == "array":
        return axdr.array((axdr.integer("u16", item.count),))
    if item.kind == "setup":
        return axdr.octets(axdr.obis_bytes(item.code))
    if item.kind == "null":
        return axdr.NULL
    raise ValueError(f"a list cannot contain items of kind {item.kind!r}")


def _scaler(item: Item) -> bytes:
    return axdr.scaler_unit(item.exponent, quantities.unit(item.key))


def body(
    layout: str, items: tuple[Item, ...], scalers: bool, outer: str, encoded: list[bytes]
) -> bytes:
    """The list in a layout. encoded: the items' values; outer: "array" or "structure"."""
    wrap = axdr.array if outer == "array" else axdr.structure
    parts: list[bytes] = []
    if layout == "a":
        for item, data in zip(items, encoded, strict=True):
            entry = [axdr.octets(axdr.obis_bytes(item.code)), data]
            if item.is_quantity and scalers:
                entry.append(_scaler(item))
            parts += entry if item.bare else [axdr.structure(entry)]
    elif layout in ("b", "c"):
        for item, data in zip(items, encoded, strict=True):
            if item.kind == "null":
                parts += [data, data]
                continue
            if not item.bare:
                parts.append(axdr.octets(axdr.obis_bytes(item.code)))
            parts.append(data)
            if item.is_quantity and scalers and layout == "b":
                parts.append(_scaler(item))
    elif layout == "d":
        described = [_descriptor(item) for item in items]
        parts = [axdr.array(described), *encoded[1:]]
    elif layout == "e":
        parts = encoded
    elif layout == "f":
        entries = [
            b"\x02\x02" + _untagged(item) + data for item, data in zip(items, encoded, strict=True)
        ]
        return axdr.structure((axdr.enum(1), axdr.array(entries)))
    else:
        raise ValueError(f"there is no list layout {layout!r}: it is one of a to f")
    return wrap(parts)


PUSH_SETUP, CLOCK, REGISTER, DATA, LIMITER, DISCONNECT_CONTROL = 40, 8, 3, 1, 71, 70


def _class_of(item: Item) -> int:
    """The COSEM interface class an item comes from (IEC 62056-6-2)."""
    if item.code.split(":")[1].startswith("25.9.0"):
        return PUSH_SETUP
    if item.kind == "clock":
        return CLOCK
    if item.kind == "enum":
        return DISCONNECT_CONTROL
    if item.fixed:
        return LIMITER
    return REGISTER if item.is_quantity else DATA


def _attribute_of(item: Item) -> int:
    cls = _class_of(item)
    if cls == PUSH_SETUP:
        return item.count
    return 3 if cls in (LIMITER, DISCONNECT_CONTROL) else 2


def _descriptor(item: Item) -> bytes:
    """class, OBIS, attribute, data index: the meaning of the value at this place."""
    return axdr.structure(
        (
            axdr.integer("u16", _class_of(item)),
            axdr.octets(axdr.obis_bytes(item.code)),
            axdr.integer("i8", _attribute_of(item)),
            axdr.integer("u16", 0),
        )
    )


def _untagged(item: Item) -> bytes:
    """class, OBIS and attribute as plain bytes, as the Czech RS-485 push writes them."""
    return (
        _class_of(item).to_bytes(2, "big")
        + axdr.obis_bytes(item.code)
        + bytes((_attribute_of(item),))
    )
