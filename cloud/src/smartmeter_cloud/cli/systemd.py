"""The Cloud as a systemd service."""

from smartmeter_service.systemd_unit import Service

SERVICE = Service(
    name="smartmeter-cloud",
    command="serve",
    description="Cloud of smart meters",
    memory="75%",  # of the machine's: what a large export or roll-up needs grows with the store
    tasks=256,  # 40 threads answer requests, and each library has some of its own
    more="""\
# It may listen on 80 and 443, and nothing else that only root may.
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
PrivateDevices=true
""",
    source="./gateway ./cloud",
)
