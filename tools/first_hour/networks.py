"""Two network namespaces with a wire between them: a home, and a Cloud elsewhere."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tools.environment.debian import Unavailable

# Documentation's own addresses (RFC 5737): nothing real answers there.
HOME_ADDRESS, CLOUD_ADDRESS = "198.51.100.2", "198.51.100.1"


@dataclass(frozen=True)
class Networks:
    home: str
    cloud: str


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


@contextmanager
def networks(name: str) -> Iterator[Networks]:
    """Both exist until the end. Raises Unavailable, mostly for want of root or of iproute2."""
    made = Networks(f"{name}-home", f"{name}-cloud")
    try:
        for space in (made.home, made.cloud):
            _ip("netns", "add", space)
        _ip("link", "add", "home0", "netns", made.home, "type", "veth",
            "peer", "name", "cloud0", "netns", made.cloud)  # fmt: skip
        for space, link, own, other in (
            (made.home, "home0", HOME_ADDRESS, CLOUD_ADDRESS),
            (made.cloud, "cloud0", CLOUD_ADDRESS, HOME_ADDRESS),
        ):
            for command in (
                f"addr add {own}/24 dev {link}", "link set lo up", f"link set {link} up",
                f"route add default via {other}",
            ):  # fmt: skip
                _ip("-n", space, *command.split())
        yield made
    finally:
        for space in (made.home, made.cloud):
            subprocess.run(["ip", "netns", "delete", space], capture_output=True)
