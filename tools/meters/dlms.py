"""Meters that push a DLMS data-notification, encrypted or not, over M-Bus, HDLC or bare."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from . import ciphering, clock, hdlc, lists, mbus
from .form import Form, Moment, Values
from .lists import ClockForm, Item

DATA_NOTIFICATION = 0x0F  # IEC 62056-5-3, 7.2


@dataclass(frozen=True, kw_only=True)
class DlmsForm(Form):
    """A push list in a data-notification, and its wrapping.

    lists: list name -> (seconds between, items), 0 seconds: only when asked for; `list` names one,
    "auto" takes the rarest that is due.
    layout: "a" to "f"; scalers: whether values carry scaler and unit; outer: "array" or
    "structure" around the list.
    time_form: the notification's date-time: "null" (00), "plain" (0C + 12), "octets" (09 0C + 12)
    or "tagged" (19 + 12).
    security: the security control, None: not encrypted; system_title: its first bytes; ded:
    general-ded-ciphering; ber: length form of the encrypted APDU: "short", "81", "82", "84".
    link: "mbus", "hdlc" (segments of info_bytes), "gbt" (blocks of block_bytes) or "apdu".
    wake_up: bytes sent before a telegram, such as a short frame.
    """

    lists: dict[str, tuple[float, tuple[Item, ...]]] = field(default_factory=dict)
    list: str = "auto"
    layout: str = "a"
    scalers: bool = True
    outer: str = "structure"
    clock_form: ClockForm = field(default_factory=ClockForm)
    notification_clock: ClockForm | None = None  # None: as the list's
    time_form: str = "plain"
    invoke_id: int | None = None  # None: the telegram's counter
    security: int | None = None
    system_title: bytes = b""
    ded: bool = False
    ber: str = "short"
    destination: bytes = b"\xcf"
    source: bytes = b"\x02\x23"
    control: int = hdlc.UI_FINAL
    info_bytes: int = 2000
    block_bytes: tuple[int, ...] = (119, 122)
    data_bytes: int = 245
    llc_in_all: bool = False
    shared_flags: bool = False
    wake_up: bytes = b""

    @property
    def ciphered(self) -> bool:
        return self.security is not None

    @property
    def tagged(self) -> bool:
        return bool(self.security and self.security & ciphering.AUTHENTICATED)

    @property
    def zoned(self) -> bool:
        return self.clock_form.deviation

    def title(self, seed: int) -> bytes:
        """The system title: the manufacturer's letters, then a number of the meter's own."""
        own = (seed & 0xFFFFFF).to_bytes(8, "big")
        return self.system_title and self.system_title + own[len(self.system_title) :]

    def due(self, moment: Moment) -> tuple[Item, ...]:
        """The items of the list that is due."""
        if self.list != "auto":
            if self.list not in self.lists:
                raise ValueError(f"{self.name} has the lists {', '.join(self.lists)}")
            return self.lists[self.list][1]
        second = moment.now.timestamp()
        regular = [entry for entry in self.lists.values() if entry[0] > 0]
        due = [
            (every, items)
            for every, items in regular
            if every <= self.interval or second // every != (second - self.interval) // every
        ]
        return (
            max(due, key=lambda entry: entry[0])[1]
            if due
            else min(regular, key=lambda entry: entry[0])[1]
        )

    def notification(self, moment: Moment) -> tuple[bytes, Values, bool]:
        """The data-notification APDU, before any encryption."""
        items = self.due(moment)
        values: Values = {}
        encoded = [lists.value(item, moment, self, self.clock_form, values) for item in items]
        form = self.notification_clock or self.clock_form
        written = clock.date_time(
            self.clock(moment),
            form.deviation,
            form.hundredths,
            form.status,
            form.weekday,
            form.turned,
        )
        try:
            head = {
                "null": b"\x00",
                "plain": b"\x0c" + written,
                "octets": b"\x09\x0c" + written,
                "tagged": b"\x19" + written,
            }[self.time_form]
        except KeyError:
            raise ValueError(f"there is no date-time form {self.time_form!r}") from None
        invoke = moment.counter if self.invoke_id is None else self.invoke_id
        timed = self.time_form != "null" or any(item.kind == "clock" for item in items)
        apdu = bytes((DATA_NOTIFICATION,)) + invoke.to_bytes(4, "big") + head
        apdu += lists.body(self.layout, items, self.scalers, self.outer, encoded)
        return apdu, values, timed

    def encode(self, moment: Moment) -> tuple[bytes, Values, bool]:
        apdu, values, timed = self.notification(moment)
        if self.security is not None:
            title = self.title(moment.seed)
            apdu = ciphering.general(
                title,
                ciphering.protect(
                    apdu, self.security, moment.counter, title, moment.key, moment.auth_key
                ),
                ciphering.GENERAL_DED if self.ded else ciphering.GENERAL_GLO,
                self.ber,
            )
        return self.wake_up + self.framed(apdu), values, timed

    def framed(self, apdu: bytes) -> bytes:
        if self.link == "mbus":
            return mbus.push(apdu, self.data_bytes)
        if self.link == "hdlc":
            return hdlc.push(
                apdu,
                self.destination,
                self.source,
                self.control,
                self.info_bytes,
                self.llc_in_all,
                self.shared_flags,
            )
        if self.link == "gbt":
            return hdlc.push_blocks(
                apdu,
                self.destination,
                self.source,
                self.block_bytes,
                self.control,
                self.shared_flags,
            )
        if self.link == "wrapper":  # version, wPorts of server and client, length
            return struct.pack(">HHHH", 1, 1, 0x67, len(apdu)) + apdu
        if self.link == "apdu":
            return apdu
        raise ValueError(f"there is no link {self.link!r} for a data-notification")


def octets(code: str, text: str, bare: bool = False) -> Item:
    """A text as an octet-string; {seed} in it is the meter's number."""
    return Item(code, "octets", text=text, bare=bare)


def visible(code: str, text: str, bare: bool = False) -> Item:
    return Item(code, "visible", text=text, bare=bare)


def every(kind: str, exponent: int, prefix: str, *codes: str) -> tuple[Item, ...]:
    """Quantities of one kind and resolution. prefix: "1-0:"; codes: "1.7.0" ..."""
    return tuple(Item(prefix + code, kind, exponent) for code in codes)


POWERS = ("1.7.0", "2.7.0")
REACTIVE = ("3.7.0", "4.7.0")
ENERGIES = ("1.8.0", "2.8.0")
REACTIVE_ENERGIES = ("3.8.0", "4.8.0")
VOLTAGES = ("32.7.0", "52.7.0", "72.7.0")
CURRENTS = ("31.7.0", "51.7.0", "71.7.0")
