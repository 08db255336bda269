"""What the value information of an M-Bus record means for an electricity meter (EN 13757-3).

Tables 10 (VIF), 12 (FB), 14 (FD), 15 (VIFE that combine) and 16 (FC) of EN 13757-3:2018, as
far as they hold quantities of electricity. Makers give subunits and VIFE of their own a meaning
each, from their manuals: others' are left alone.
"""

# Group C of OBIS in direction + over all phases; - is one more, L1 20 more, L2 40, L3 60.
ACTIVE = 1
REACTIVE = 3
APPARENT = 9
CURRENT = 11
VOLTAGE = 12
FREQUENCY = 14

ENERGY = 8  # group D: time integral
INSTANT = 7  # group D

_FORWARD = 0x3B  # only if positive
_BACKWARD = 0x3C  # the absolute value, only if negative
_FURTHER = 0x7C  # FC: a further table follows
_MAKERS = 0x7F  # FF: what follows is the maker's
INKASSO = 128  # group D of 1.128.0, AMIS' balance of energy prepaid

_ABB = "ABB"
_SBC = ("SBC", "FIN", "ELT", "EMU")  # Saia, Finder, Eltako and EMU, whose codes are the same
_GMC = "GMC"  # Gossen Metrawatt
_GAV = "GAV"  # Carlo Gavazzi
SCHNEIDER = "SEC"  # Schneider Electric
AMIS = "SAM"  # Siemens TD-351x

# subunit of an ABB energy: active import is 0 (user manual of the B series, chapter 9)
_ABB_SUBUNITS = {1: (ACTIVE, -1), 2: (REACTIVE, 1), 3: (REACTIVE, -1)}

# Schneider's maker's codes (user manual of the iEM3000 series, DOCA0005EN): 1 to 3 a phase to
# neutral, 9 export; others are averages, phase to phase, and registers that a user may reset.
_SCHNEIDER_EXPORT = 9


# What else such a meter sends, from and to: operating times, dates and durations, numbers of its
# own, text; by the table that VIF opens. Volumes, heat, flows and pressures are of others.
_SENT = {
    0: ((0x00, 0x07), (0x20, 0x2F), (0x6C, 0x6D), (0x70, 0x7A), (0x7C, 0x7C), (0x7F, 0x7F)),
    0xFB: ((0x00, 0x05), (0x14, 0x17), (0x28, 0x2F), (0x34, 0x37), (0x7B, 0x7B)),
    0xFD: ((0x00, 0x71),),
}
# VIFE: errors; starts, directions, limits, durations, factors; a further table; its maker's own
_SENT_REFINED = ((0x00, 0x1F), (0x39, 0x7D))


class Meaning:
    """The quantity of a record.

    c, d: groups C and D, c that of all phases and +. exponent: of ten in W, V, A ... sign: 1
    forward, -1 backward, 0 unknown. phase: 0 all, 1 to 3.
    """

    __slots__ = ("c", "d", "exponent", "phase", "sign")

    def __init__(self, c: int, d: int, exponent: int) -> None:
        self.c = c
        self.d = d
        self.exponent = exponent
        self.sign = 0
        self.phase = 0

    def group_c(self, sign: int) -> int:
        """Group C of a value in this direction: 1 or -1."""
        c = self.c + (1 if sign < 0 and self.c in (ACTIVE, REACTIVE, APPARENT) else 0)
        return c + 20 * self.phase


def meaning(information: bytes, maker: str, subunit: int) -> "Meaning | None":
    """The Meaning of VIF and VIFE (bytes, as sent), None if it is not known for certain."""
    code = information[0] & 0x7F
    at = 1
    if information[0] in (0xFB, 0xFD) and len(information) > 1:
        code = information[1] & 0x7F
        at = 2
    found = _quantity(information[0], code)
    if found is None or not _refine(found, information, at, maker):
        return None
    if subunit and not _subunit(found, maker, subunit):
        return None
    return found


def is_sent(information: bytes) -> bool:
    """Whether an electricity meter may send a record with VIF and VIFE (bytes, as sent)."""
    table = information[0] if information[0] in _SENT and len(information) > 1 else 0
    at = 1 if table else 0
    code = information[at] & 0x7F
    if not _within(_SENT[table], code):
        return False
    if code == _MAKERS and not table:
        return True
    at += 1
    while at < len(information):
        code = information[at] & 0x7F
        if code == _MAKERS:
            return True
        if not _within(_SENT_REFINED, code):
            return False
        at += 2 if code == _FURTHER else 1
    return True


def _within(ranges: "tuple[tuple[int, int], ...]", code: int) -> bool:
    for first, last in ranges:
        if first <= code <= last:
            return True
    return False


def _quantity(first: int, code: int) -> "Meaning | None":
    low = code & 7
    if first == 0xFB:
        low = code & 1
        if code <= 0x01:  # MWh
            return Meaning(ACTIVE, ENERGY, 5 + low)
        if code <= 0x03:  # kvarh
            return Meaning(REACTIVE, ENERGY, 3 + low)
        if code <= 0x05:  # kVAh
            return Meaning(APPARENT, ENERGY, 3 + low)
        if code in (0x28, 0x29):  # MW
            return Meaning(ACTIVE, INSTANT, 5 + low)
        low = code & 3
        if 0x14 <= code <= 0x17:  # kvar
            return Meaning(REACTIVE, INSTANT, low)
        if 0x2C <= code <= 0x2F:
            return Meaning(FREQUENCY, INSTANT, low - 3)
        if 0x34 <= code <= 0x37:  # kVA
            return Meaning(APPARENT, INSTANT, low)
        return None
    if first == 0xFD:
        if 0x40 <= code <= 0x4F:
            return Meaning(VOLTAGE, INSTANT, (code & 15) - 9)
        if 0x50 <= code <= 0x5F:
            return Meaning(CURRENT, INSTANT, (code & 15) - 12)
        return None
    if code <= 0x07:
        return Meaning(ACTIVE, ENERGY, low - 3)
    if 0x28 <= code <= 0x2F:
        return Meaning(ACTIVE, INSTANT, low - 3)
    return None


def _refine(found: Meaning, information: bytes, at: int, maker: str) -> bool:
    """Takes the VIFE into account; False where one makes the value something else."""
    end = len(information)
    while at < end:
        code = information[at] & 0x7F
        at += 1
        if code == _FORWARD:
            found.sign = 1
        elif code == _BACKWARD:
            found.sign = -1
        elif 0x70 <= code <= 0x77:  # a factor of ten
            found.exponent += code - 0x76
        elif code == 0x7D:  # a factor of 1000
            found.exponent += 3
        elif code == _FURTHER:
            if at == end or not 1 <= information[at] & 0x7F <= 3:
                return False
            found.phase = information[at] & 0x7F
            at += 1
        elif code == _MAKERS:
            return _makers(found, information[at:], maker)
        elif code:  # 00 says that the value has no error
            return False
    return True


def _makers(found: Meaning, codes: bytes, maker: str) -> bool:
    code = codes[0] & 0x7F if codes else 0
    if maker == AMIS and code == 4 and len(codes) == 1:
        found.d = INKASSO
        found.sign = 1
        return True
    if (maker in _SBC or maker == _ABB) and code <= 3:
        found.phase = code
        return True
    if maker == SCHNEIDER and len(codes) == 1:
        if 1 <= code <= 3:
            found.phase = code
            return True
        if code == _SCHNEIDER_EXPORT and found.d == ENERGY:
            found.sign = -1
            return True
    return False


def _subunit(found: Meaning, maker: str, subunit: int) -> bool:
    if maker == _ABB and found.d == ENERGY and subunit in _ABB_SUBUNITS:
        found.c, found.sign = _ABB_SUBUNITS[subunit]
        return True
    if (maker in _SBC or maker == SCHNEIDER) and subunit == 1:
        found.c = REACTIVE
        return True
    if maker == _GAV and subunit <= 3:
        found.phase = subunit
        return True
    # its powers, all of subunit 1, are told apart by their storage numbers: no manual says how
    if maker == _GMC and subunit <= 3 and not (found.c == ACTIVE and found.d == INSTANT):
        found.phase = subunit
        return True
    return False
