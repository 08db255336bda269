"""Assembles one APDU from a link layer's data: whole, in segments, in blocks, or both."""

from ..fault import Fault, Rejected

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from .blocks import Blocks

    Telegram = Fault | tuple[str, bytes | bytearray] | None

BLOCK = 0xE0  # general-block-transfer: the tag of each block
APDU_MAX = 1536  # assembled; the longest known has 752 bytes


class Assembly:
    """data: the segments of a telegram so far, or None. blocks: the blocks so far, or None."""

    def __init__(self) -> None:
        self.data: bytearray | None = None
        self.blocks: "Blocks | None" = None

    def unfinished(self) -> bool:
        return self.data is not None or (self.blocks is not None and self.blocks.unfinished())

    def drop(self) -> None:
        self.data = None
        if self.blocks is not None:
            self.blocks.drop()

    def whole(self, apdu: bytes | bytearray) -> "Telegram":
        """The telegram in an information field that is whole; None while blocks are missing."""
        if not apdu or apdu[0] != BLOCK:
            return "apdu", apdu
        if self.blocks is None:
            from .blocks import Blocks

            self.blocks = Blocks(APDU_MAX)
        try:
            whole = self.blocks.add(apdu)
        except Rejected as e:
            return Fault(e.kind, e.detail)
        return ("apdu", whole) if whole else None
