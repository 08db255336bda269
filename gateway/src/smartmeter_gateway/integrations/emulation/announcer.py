"""Tells the LAN by mDNS (RFC 6762, 6763) that an emulated device is there; the extra `mdns`."""

from typing import NamedTuple

from . import homewizard_p1, shelly_pro_3em
from .homewizard_p1 import HomeWizardP1
from .shelly_pro_3em import ShellyPro3Em


class Service(NamedTuple):
    """kind: such as _http._tcp; name: of the device; text: the TXT record."""

    kind: str
    name: str
    text: dict[str, str]


def services(device: ShellyPro3Em | HomeWizardP1) -> list[Service]:
    """What the original announces (General/mDNS of Shelly, discovery of HomeWizard)."""
    if isinstance(device, ShellyPro3Em):
        text = {"gen": "2", "app": shelly_pro_3em.APP, "ver": device.version}
        return [Service(kind, device.id, text) for kind in ("_shelly._tcp", "_http._tcp")]
    text = {
        "api_enabled": "1",
        "path": homewizard_p1.PATH,
        "serial": device.serial,
        "product_name": homewizard_p1.NAME,
        "product_type": homewizard_p1.PRODUCT,
    }
    return [Service("_hwenergy._tcp", f"p1meter-{device.serial[-6:]}", text)]


class CannotAnnounce(Exception):
    """Why the network does not learn of the services; one sentence."""


class Announcer:
    """Announces services at a host and port from start() to stop()."""

    def __init__(self, host: str, port: int, found: list[Service]) -> None:
        """host: an address of this machine, whose network hears of it."""
        from zeroconf import ServiceInfo

        self._host = host
        self._zeroconf: object = None
        self._infos = [
            ServiceInfo(
                f"{kind}.local.",
                f"{name}.{kind}.local.",
                port=port,
                properties=text,
                server=f"{name}.local.",
                parsed_addresses=[host],
            )
            for kind, name, text in found
        ]

    def start(self) -> None:
        """Raises CannotAnnounce."""
        from zeroconf import Error, NonUniqueNameException, Zeroconf

        try:
            self._zeroconf = zeroconf = Zeroconf(interfaces=[self._host])
            for info in self._infos:
                zeroconf.register_service(info)
        except NonUniqueNameException:
            raise CannotAnnounce("another device on the network has its name") from None
        except (Error, OSError) as why:
            raise CannotAnnounce(str(why) or type(why).__name__) from None

    def stop(self) -> None:
        """Take the services back."""
        from zeroconf import Zeroconf

        if isinstance(self._zeroconf, Zeroconf):
            self._zeroconf.unregister_all_services()
            self._zeroconf.close()
