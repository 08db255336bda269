"""What a decoder may know of a meter besides the telegram."""

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from typing import Any

    from .profile import Profile
    from .tariffs import Row

# What a meter's clock shows if it does not send the deviation.
STANDARD = "standard"  # standard time all the year (Kamstrup, Aidon, Kaifa; Swedish H1)
LOCAL = "local"  # the time on the wall, with daylight saving (Landis+Gyr)

# The place of the meter: minutes ahead of UTC at standard time, and the rule of daylight saving,
# EUROPE (2000/84/EC), ISRAEL or "". Most countries with such meters have Central European time.
EUROPE = "EU"
ISRAEL = "IL"
CENTRAL = (60, EUROPE)


class Context:
    """The knowledge of one meter; the Receiver is one.

    key, auth_key: 16 bytes each, or None. profile: the one that the user set, or None to go by the
    telegram. zone: the meter's time zone, as CENTRAL is one. unencrypted: whether telegrams that
    are not encrypted become readings although a key is set. submeters: whether readings of the
    meters that are read through this one are wanted, too. bus: the primary addresses of several
    meters on one M-Bus, the main meter's first; the place of the others is their channel.
    counters, times: by system title, the last invocation counter accepted, and the time of that
    telegram if its tag was checked. rows: the tariffs that totals are made of (tariffs.py).
    plans: the layouts kept for the next telegram (dlms/lists/plan_native.py).
    Of the telegram at hand: title, the system title that it was encrypted under, or b"";
    guarded, whether a CRC or a tag was checked.
    extras: whether P1's messages, peaks and failures become texts of the reading.
    """

    key: bytes | None
    auth_key: bytes | None
    counters: dict[bytes, int]
    times: dict[bytes, str]
    profile: "Profile | None"
    zone: "tuple[int, str]"
    unencrypted: bool
    extras: bool
    submeters: bool
    bus: "tuple[int, ...]"
    plans: "dict[tuple[object, ...], Any]"
    rows: "dict[str, Row]"
    title: bytes
    guarded: bool
