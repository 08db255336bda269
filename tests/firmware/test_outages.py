"""Minutes or days without Wi-Fi, DHCP, DNS, NTP, memory or a broker: it comes back by itself."""

from tests.firmware.rig import (
    LONG,
    ONE_WORD_SIZE,
    WIFI,
    Gate,
    Setup,
    TestMeter,
    agrees,
    with_a_clock_to_turn,
)


@LONG
def test_a_quarter_of_an_hour_without_wifi(setup: Setup, meter: TestMeter) -> None:
    """The last 60 s are kept, what is older is dropped and counted, nothing restarts."""
    with_a_clock_to_turn(setup)
    first = meter.send()
    assert agrees(setup.listener.next("reading"), first)
    setup.board.air(networks={})
    setup.board.wait_console("network: lost")
    for _ in range(6):
        meter.send()
        meter.wire.taken()
    setup.board.pass_time(900, 60)
    before = len(setup.board.console())
    setup.board.air(networks=WIFI)
    setup.board.pass_time(10, 1)
    last = [meter.send() for _ in range(2)]
    meter.wire.taken()
    setup.soon("broker: connected", before)
    status = setup.status(60)
    assert status["uptime"] > 900
    assert status["dropped"] == 6
    assert status["state"] == "online"
    assert "no Wi-Fi of that name" in status["last_trouble"]
    # the first was acknowledged long ago, and does not come again
    for truth in last:
        assert agrees(setup.listener.next("reading"), truth)
    assert setup.board.resets == [1, 1, 1]


@LONG
def test_a_day_without_ntp_and_a_clock_that_jumps(setup: Setup, meter: TestMeter) -> None:
    with_a_clock_to_turn(setup)
    setup.board.air(ntp=False)
    # The time is asked for again every 12 hours. No leap is so long that it restarts.
    while setup.later(500)["uptime"] < 12.5 * 3600:
        pass
    setup.board.wait_console("clock: no answer from")
    truth = meter.send()
    assert agrees(setup.listener.next("reading", 60), truth)
    meter.wire.taken()
    while not (status := setup.later())["ntp_failures"]:
        pass
    set_before = status["clock_set"]
    assert set_before[:13] < status["time"][:13]
    # For the board, 12.5 hours or more have passed, for the meter none; now NTP says 2 hours more.
    setup.board.air(ntp=True, clock=2 * 3600)
    offset = 0
    for _ in range(20):
        truth = meter.send()
        assert agrees(setup.listener.next("reading", 60), truth)
        status = setup.later()
        offset = int(status["clock_offset"])
        if offset < -14 * 3600:
            break
    assert status["ntp_failures"] == 0
    assert status["clock_set"] > set_before
    assert -15.5 * 3600 < offset < -14 * 3600
    assert status["state"] == "online"
    assert setup.board.resets == [1, 1, 1]


def _through_a_gate(setup: Setup) -> Gate:
    gate = Gate(setup.broker.port)
    gate.open()
    setup.settings["broker"]["port"] = gate.port
    with_a_clock_to_turn(setup)
    setup.board.wait_console("broker: connected")
    return gate


@ONE_WORD_SIZE
def test_a_lost_lease_is_renewed(setup: Setup, meter: TestMeter) -> None:
    """The port goes on saying "connected"; only a new start of the interface asks DHCP again."""
    gate = _through_a_gate(setup)
    before = len(setup.board.console())
    resets = list(setup.board.resets)
    setup.board.air(lease=2)
    gate.leads_to(setup.broker.port)  # its connections break, because nothing passes any more
    setup.board.wait_console("no such host name, or no name server", after=before)
    setup.board.pass_time(240, 20)
    assert "starting again" not in setup.board.console()[before:]
    setup.board.pass_time(80, 10)
    setup.soon("broker: connected", before)
    assert "no way to the broker for 5 minutes; starting again" in setup.board.console()[before:]
    assert setup.board.resets == resets
    truth = meter.send()
    assert agrees(setup.listener.next("reading"), truth)
    gate.close()


@ONE_WORD_SIZE
def test_dead_dns_ends_in_a_restart_that_is_told(setup: Setup, meter: TestMeter) -> None:
    gate = _through_a_gate(setup)
    before = len(setup.board.console())
    resets = list(setup.board.resets)
    setup.board.air(names=False)
    gate.leads_to(setup.broker.port)
    setup.board.wait_console("no such host name, or no name server", after=before)
    setup.board.pass_time(1300, 20)
    setup.board.wait_console("no way to the broker for 20 minutes; restarting", after=before)
    setup.board.air(names=True)
    setup.soon("broker: connected", setup.board.console().rindex("restarting"))
    while "restart" not in (status := setup.status()):
        pass
    assert status["restart"] == "no way to the broker for 20 minutes"
    assert (status["state"], status["reset"]) == ("online", "hard")
    assert "last_crash" not in status
    assert setup.board.resets == [*resets, 2]
    truth = meter.send()
    assert agrees(setup.listener.next("reading"), truth)
    gate.close()


@ONE_WORD_SIZE
def test_two_handshakes_without_memory_end_in_a_restart(setup: Setup, meter: TestMeter) -> None:
    for tls, sockets in (
        ([12], 0),
        ([16], 0),
        ([-0x4D80, "MBEDTLS_ERR_ECP_ALLOC_FAILED"], 0),
        ([], 12),
    ):
        setup.board.air(tls=tls, sockets=sockets)
        before = len(setup.board.console())
        setup.provision()
        setup.board.wait_console(
            "no memory for a connection, twice in a row; restarting", after=before
        )
        setup.board.wait_console("adapter: version", after=before + 200)
    setup.board.air(sockets=0)
    status = setup.status()
    assert status["restart"] == "no memory for a connection, twice in a row"
    assert status["state"] == "online"
    truth = meter.send()
    assert agrees(setup.listener.next("reading"), truth)


@LONG
def test_a_day_without_a_broker(setup: Setup, meter: TestMeter) -> None:
    with_a_clock_to_turn(setup)
    before = len(setup.board.console())
    setup.broker.kill()
    setup.board.wait_console("the connection was refused", after=before)
    setup.board.pass_time(86400, 60)
    assert "no way to the broker for 20 minutes" in setup.board.console()[before:]
    assert "crashed" not in setup.board.console()[before:]
    before = len(setup.board.console())
    setup.broker.start()
    setup.soon("broker: connected", before)
    status = setup.status()
    assert status["state"] == "online"
    assert "no way to the broker" in status["restart"]
    truth = meter.send()
    assert agrees(setup.listener.next("reading"), truth)
