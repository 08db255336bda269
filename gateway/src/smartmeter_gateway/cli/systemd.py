"""The Concentrator as a systemd service."""

from smartmeter_service.systemd_unit import Service

SERVICE = Service(
    name="smartmeter-gateway",
    command="run",
    description="Concentrator of smart meters",
    # Idle it has 50 MB. A small Raspberry Pi has 512 MB, and other programs.
    memory="384M",
    tasks=128,  # a thread per port and broker, some twenty else
    more="""\
CapabilityBoundingSet=
AmbientCapabilities=
WatchdogSec=60
SupplementaryGroups=dialout
DevicePolicy=closed
# ttyUSB and ttyACM, by their numbers: their names are known only once such a device has been there,
# and one that is plugged in later would be refused until a restart.
DeviceAllow=char-188 rw
DeviceAllow=char-166 rw
DeviceAllow=char-ttyS rw
DeviceAllow=char-ttyAMA rw
""",
    source="./gateway",
)
