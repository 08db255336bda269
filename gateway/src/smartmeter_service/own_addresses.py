"""The addresses of this machine, as others on the network reach it."""

import contextlib
import ipaddress
import socket

# Packets are never sent there (RFC 5737, RFC 3849): only the route to it counts.
_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def own_addresses() -> list[str]:
    """IPv4 and IPv6, the most likely first; none of the loopback."""
    found: list[str] = []
    for family, elsewhere in _ELSEWHERE:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))
            found.append(str(probe.getsockname()[0]))
    with contextlib.suppress(OSError):
        found += [str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)]
    addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in found]
    usable = [a for a in addresses if not (a.is_loopback or a.is_link_local or a.is_unspecified)]
    return list(dict.fromkeys(map(str, usable)))
