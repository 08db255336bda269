"""Whether a text is a number, an OBIS code or a time, before it is used."""

from .reading import is_moment

_DIGITS_MAX = 40  # of one number; a 64-bit integer has 20, and 10^19 may scale it


def parse_decimal(text: str) -> tuple[int, int]:
    """The (mantissa, exponent) of plain decimal text such as -0.17; ValueError otherwise."""
    if not 0 < len(text) <= _DIGITS_MAX:
        raise ValueError("a number has 1 to %d digits" % _DIGITS_MAX)
    body = text[1:] if text[0] in "+-" else text
    whole, point, fraction = _partition(body)
    digits = whole + fraction
    if not whole or (point and not fraction) or not is_digits(digits):
        raise ValueError("a number is digits and at most one decimal point")
    mantissa = int(digits)
    return (-mantissa if text[0] == "-" else mantissa), -len(fraction)


def _partition(text: str) -> tuple[str, bool, str]:
    i = text.find(".")
    return (text, False, "") if i < 0 else (text[:i], True, text[i + 1 :])


def is_digits(text: str) -> bool:
    """Whether text has only 0 to 9 (str.isdigit accepts other scripts' digits, too)."""
    for c in text:
        if not "0" <= c <= "9":
            return False
    return bool(text)


def is_code(text: object) -> bool:
    """Whether text is an OBIS code C.D.E or A-B:C.D.E (IEC 62056-61), each group 0 to 255."""
    if not isinstance(text, str) or not 5 <= len(text) <= 19:
        return False
    head, colon, tail = text.rpartition(":")
    if colon:
        medium = head.split("-")
        if len(medium) != 2 or not (_is_group(medium[0]) and _is_group(medium[1])):
            return False
    groups = tail.split(".")
    return len(groups) == 3 and all([_is_group(g) for g in groups])


def _is_group(text: str) -> bool:
    return len(text) <= 3 and is_digits(text) and int(text) < 256


def is_time(text: object) -> bool:
    """Whether text is an RFC 3339 time with seconds and offset, on an existing day."""
    if not isinstance(text, str) or not 20 <= len(text) <= 32:
        return False
    if text[4] + text[7] + text[10] + text[13] + text[16] != "--T::":
        return False
    tail = text[19:]
    if tail[0] == ".":
        n = 1
        while n < len(tail) and "0" <= tail[n] <= "9":
            n += 1
        if n == 1:
            return False
        tail = tail[n:]
    if tail != "Z":
        if len(tail) != 6 or tail[0] not in "+-" or tail[3] != ":":
            return False
        if not is_digits(tail[1:3] + tail[4:]) or int(tail[1:3]) > 23 or int(tail[4:]) > 59:
            return False
    digits = text[:4] + text[5:7] + text[8:10] + text[11:13] + text[14:16] + text[17:19]
    return is_digits(digits) and is_moment(
        int(text[:4]),
        int(text[5:7]),
        int(text[8:10]),
        int(text[11:13]),
        int(text[14:16]),
        int(text[17:19]),
    )
