"""The groups of a TIC frame that were right before: most of them never change, or once a day.

Only for CPython: a device has one frame in a second or two, and no heap to spare.
"""

TYPE_CHECKING = False  # what follows is for mypy
if TYPE_CHECKING:
    from collections.abc import Callable

_GROUPS_MAX = 256  # some 50 groups of a frame, and those whose numbers change


class KnownGroups:
    """walk gives the mode of a frame, mode_of that of a group, as in tic.py."""

    def __init__(self, walk: "Callable[[bytes], int]", mode_of: "Callable[[bytes], int]") -> None:
        self._walk = walk
        self._mode_of = mode_of
        self._mode = 0
        self._known: set[bytes] = set()

    def mode(self, frame: bytes) -> int:
        """The mode whose check every group of a frame has, 0 if there is none."""
        groups = frame[2:-2].split(b"\r\n")
        if frame[1] != 10 or frame[-2] != 13 or not self._mode:
            return self._learn(frame, groups)
        for group in groups:
            if group in self._known:
                continue
            if b"\r" in group or b"\n" in group or self._mode_of(group) != self._mode:
                return self._learn(frame, groups)
        self._keep(groups)
        return self._mode

    def _learn(self, frame: bytes, groups: "list[bytes]") -> int:
        mode = self._walk(frame)
        if mode:
            if mode != self._mode:
                self._known.clear()
                self._mode = mode
            self._keep(groups)
        return mode

    def _keep(self, groups: "list[bytes]") -> None:
        if len(self._known) > _GROUPS_MAX:
            self._known.clear()
        self._known.update(groups)
