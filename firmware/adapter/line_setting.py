"""Settings of a meter's line, as text: "2400 8E1", "115200 8N1 inverted", "auto"."""

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    Setting = tuple[int, int, str, int, bool]

AUTO = "auto"
BAUDS = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
_SAYS = 'a line is "auto", or a baud rate and a form as in "2400 8E1" or "115200 8N1 inverted"'


def parse(text: object) -> "Setting":
    """(baud, bits, parity, stop, inverted); parity is "N", "E" or "O". ValueError otherwise."""
    words = text.split() if isinstance(text, str) else []
    if len(words) not in (2, 3) or (len(words) == 3 and words[2] != "inverted"):
        raise ValueError(_SAYS)
    form = words[1]
    if len(form) != 3 or form[0] not in "78" or form[1] not in "NEO" or form[2] not in "12":
        raise ValueError(_SAYS)
    for baud in BAUDS:
        if words[0] == str(baud):
            return baud, int(form[0]), form[1], int(form[2]), len(words) == 3
    raise ValueError("a baud rate is one of " + ", ".join([str(b) for b in BAUDS]))
