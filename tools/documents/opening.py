"""How a household gets its meter's port opened, and its key, by country. Written by hand.

Operators change their portals. So the texts say what to ask for, and no page of an operator.
"""

_ASK = (
    "Ask your grid operator whether the port is open, and what else you need.",
    "We know no more of this country. Please report how you got there.",
)

OPENING: dict[str, tuple[str, ...]] = {
    "AT": (
        "Ask your grid operator for the customer interface (Kundenschnittstelle) and its key.",
        "Most have a form, or a place in their customer portal. It may take days.",
        "Name the number of your meter. You get 32 hex digits, and from some operators two keys.",
        "If an operator lists a key for each meter, take the one of the number on your meter.",
    ),
    "BE": (
        "The customer port (gebruikerspoort, port utilisateur) is closed when it is delivered.",
        "Open it in your grid operator's portal. It is free, and there is no key.",
    ),
    "CH": (
        "Ask your grid operator for the customer interface (Kundenschnittstelle) and its key.",
        "Some operators send without encryption. Then there is no key.",
    ),
    "CY": _ASK,
    "CZ": (
        "Ask your grid operator to switch on the customer interface (RS485).",
        "Not every meter has it.",
    ),
    "DE": (
        "The infrared port always sends the totals. There is no key.",
        "For power and decimals, ask your metering operator (Messstellenbetreiber) for the PIN.",
        "Enter it by the button or with a torch, and set `InF` to `on`.",
        "Set `PIN` to `off`, so that it need not be entered again after a power failure.",
    ),
    "DK": (
        "Ask your grid company to open the customer port.",
        "For Kamstrup Omnipower it also gives you two keys, GPK60 and GPK61.",
    ),
    "EE": ("Ask your grid operator to open the P1 port. There is no key.",),
    "FI": (
        "If the port is silent, open it in your grid company's web service.",
        "There is no key.",
    ),
    "FR": (
        "The port always sends. There is no key.",
        "Your supplier changes the mode from historical to standard, from afar and for free.",
        "The standard mode also has voltages and the exported energy.",
    ),
    "HR": _ASK,
    "HU": (
        "Ask the operator to open the P1 port, in its customer portal.",
        "There is no key.",
    ),
    "IL": _ASK,
    "LT": ("Ask the operator to open the P1 port, in its customer portal. There is no key.",),
    "LU": (
        "The port always sends. Ask your grid operator for the key: 32 hex digits.",
        "Name the number of your meter.",
    ),
    "NL": ("The P1 port is open. There is no key.",),
    "NO": (
        "The HAN port is closed when it is delivered.",
        "Open it in your grid company's portal. It is free, and there is no key.",
    ),
    "PL": ("Ask the operator to open the port and for both keys, in its customer portal.",),
    "SE": (
        "Ask your grid company to open the customer interface (kundgränssnitt, H1 port).",
        "There is no key.",
    ),
    "SI": ("Ask your grid operator to open the I1 interface. There is no key.",),
    "": (
        "These meters belong to you, or to your building. Nobody has to open anything.",
        "Ask before you connect a meter that bills you.",
    ),
}
