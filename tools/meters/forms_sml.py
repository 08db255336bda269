"""Forms of German meters that speak SML."""

from __future__ import annotations

from .sml import Entry, SmlForm

SML = (
    SmlForm(
        name="sml",
        about="modern German meter, opened with its PIN: totals, power, U, I, frequency",
        link="sml",
        baud=9600,
        interval=1,
        manufacturer="EMH",
        entries=(
            Entry("1-0:1.8.0", -1, 8, signed=False, status=True),
            Entry("1-0:2.8.0", -1, 8, signed=False),
            Entry("1-0:16.7.0", 0, 4),
            Entry("1-0:36.7.0", 0, 4),
            Entry("1-0:56.7.0", 0, 4),
            Entry("1-0:76.7.0", 0, 4),
            Entry("1-0:32.7.0", -1, 2, signed=False),
            Entry("1-0:52.7.0", -1, 2, signed=False),
            Entry("1-0:72.7.0", -1, 2, signed=False),
            Entry("1-0:31.7.0", -2, 2, signed=False),
            Entry("1-0:51.7.0", -2, 2, signed=False),
            Entry("1-0:71.7.0", -2, 2, signed=False),
            Entry("1-0:14.7.0", -1, 2, signed=False),
        ),
    ),
)
