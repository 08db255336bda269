"""Lists without codes, as data: the meaning of each place; only loaded for such a list."""

# Lists without codes, by the kinds of their items: s string, c date-time, b 1 byte, w 2 bytes,
# q 4 or 8 bytes, t bit-string. An item is its code and exponent (None if it shows from the
# number), or what else it is; "" if its meaning is not known for certain: better no value
# than a wrong one.
ID = "id"
CLOCK = "clock"
LIST = "list"

_P = ("1.7.0", "2.7.0", "3.7.0", "4.7.0")
_E = ("1.8.0", "2.8.0", "3.8.0", "4.8.0")
_I3 = (("31.7.0", -3), ("51.7.0", -3), ("71.7.0", -3))
_I2 = (("31.7.0", -2), ("51.7.0", -2), ("71.7.0", -2))
_U1 = (("32.7.0", -1), ("52.7.0", -1), ("72.7.0", -1))
_U0 = ("32.7.0", "52.7.0", "72.7.0")
_IUF = tuple([(code, None) for code in ("14.7.0", "31.7.0", "51.7.0", "71.7.0") + _U0])
_PHASES = ("21.7.0", "41.7.0", "61.7.0", "22.7.0", "42.7.0", "62.7.0")
_TARIFFS = ("1.8.0", "1.8.1", "1.8.2", "2.8.0", "2.8.1", "2.8.2")
_KAIFA1 = (LIST, ID, "") + _P + _I3[:1] + _U1[:1]
_KAIFA3 = (LIST, ID, "") + _P + _I3 + _U1

POSITIONS = {
    # Kaifa, Norway and Sweden (KFM_001): list 1; list 2 and 3 with one phase, with three
    "q": ("kaifa", ("1.7.0",)),
    "sssqqqqqq": ("kaifa", _KAIFA1),
    "sssqqqqqqcqqqq": ("kaifa", _KAIFA1 + (CLOCK,) + _E),
    "sssqqqqqqqqqq": ("kaifa", _KAIFA3),
    "sssqqqqqqqqqqcqqqq": ("kaifa", _KAIFA3 + (CLOCK,) + _E),
    # Iskraemeco AM550, Slovenia
    "ssqqqqwwwwwwqqqqqq": ("iskraemeco", (ID, "") + _P + _U1 + _I2 + _PHASES),
    "ssbsqqqqqqqq": (
        "iskraemeco",
        (ID, "", "0-0:96.3.10", "0-0:96.14.0") + _TARIFFS + ("3.8.0", "4.8.0"),
    ),
    "sswwwwwwqqqq": ("iskraemeco", (ID, "") + _U1 + _I2 + _P),
    "ssqqqqwwqq": ("iskraemeco", (ID, "") + _P + _U1[:1] + _I2[:1] + ("21.7.0", "22.7.0")),
    "sswwqqqq": ("iskraemeco", (ID, "") + _U1[:1] + _I2[:1] + _P),
    "ssqqqqwqq": ("iskraemeco", (ID, "") + _P + _U1[:1] + ("", "")),
    "sqqqqqqqq": ("iskraemeco", (ID, "1.7.0", "2.7.0") + _TARIFFS),
    "sbqq": ("iskraemeco", (ID, "", "1.8.0", "")),
    # Iskraemeco IE.5, Croatia
    "sssqqqqqqqqqqqqwqqqqqqwwwwwwqwwwb": (
        "iskraemeco",
        (ID, "", "")
        + _TARIFFS
        + ("5.8.0", "6.8.0", "7.8.0", "8.8.0", "1.7.0", "2.7.0", ("13.7.0", -3))
        + _PHASES
        + _U1
        + _I2
        + ("", "", "", "", ""),
    ),
    "sssqqqqqqqqqqqqqqwwwwwwqwwwb": (
        "iskraemeco",
        (ID, "", "") + _TARIFFS + _P[:2] + _PHASES + _U1 + _I2 + ("", "", "", "", ""),
    ),
    # Siemens IM350 and Iskraemeco AM550, Kaernten and Wels (KELAG): code of the push list first
    "sssscqqqqqq": ("siemens", ("", ID, "", "", "") + _E + ("1.7.0", "2.7.0")),
    "ssssqqqqqq": ("siemens", ("", ID, "", "") + _E + ("1.7.0", "2.7.0")),
    "ssssqqqqqqss": ("siemens", ("", ID, "", "") + _E + ("1.7.0", "2.7.0", "", "")),
    # Wiener Netze: Landis+Gyr E450, Siemens IM350, Iskraemeco AM550
    "cqqqqqqqq": ("landis-gyr", (CLOCK,) + _E + _P),
    # Landis+Gyr E450, Netz Burgenland; the three numbers before the id, which older ones do not
    # send, are not documented
    "wwwwwwqqqqs": ("landis-gyr", _U0 + _I2 + ("1.7.0", "2.7.0", "1.8.0", "2.8.0", ID)),
    "wwwwwwqqqqwwws": (
        "landis-gyr",
        _U0 + _I2 + ("1.7.0", "2.7.0", "1.8.0", "2.8.0", "", "", "", ID),
    ),
    # ZPA AM375, Czechia (PRE Distribuce): name of the list, switches, limit and tariff beside
    "scsbqbbbbsqqqqqqqqqqqq": (
        "unknown",
        ("", CLOCK, ID, "0-0:96.3.10", "0-0:17.0.0", "", "", "", "", "", "1.7.0")
        + ("21.7.0", "41.7.0", "61.7.0", "2.7.0", "22.7.0", "42.7.0", "62.7.0")
        + ("1.8.0", "1.8.1", "1.8.2", "2.8.0"),
    ),
    # Landis+Gyr E450, Slovenia; its other list is in TWINS
    "swwwwwwwqqqqqq": ("landis-gyr", (ID,) + _IUF + _PHASES),
}

# Of the same kinds as a list above, and told apart by maker or numbers.
TWINS = {"sqqqqqqqq": ("landis-gyr", (ID,) + _P + _E)}
