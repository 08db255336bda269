"""Hours without Wi-Fi, without NTP, with a clock that jumps: what is lost is counted, no more."""

from tests.firmware.rig import LONG, WIFI, Setup, TestMeter, agrees, with_a_clock_to_turn


@LONG
def test_an_hour_without_wifi(setup: Setup, meter: TestMeter) -> None:
    """The last 60 s are kept, what is older is dropped and counted, nothing restarts."""
    with_a_clock_to_turn(setup)
    first = meter.send()
    assert agrees(setup.listener.next("reading"), first)
    setup.board.air(networks={})
    setup.board.wait_console("network: lost")
    for _ in range(6):
        meter.send()
        meter.wire.taken()
    setup.board.pass_time(3600, 60)
    before = len(setup.board.console())
    setup.board.air(networks=WIFI)
    setup.board.pass_time(10, 1)
    last = [meter.send() for _ in range(2)]
    meter.wire.taken()
    setup.soon("broker: connected", before)
    status = setup.status(60)
    assert status["uptime"] > 3600
    assert status["dropped"] == 6
    assert status["state"] == "online"
    assert "no Wi-Fi of that name" in status["last_trouble"]
    # the first was acknowledged an hour ago, and does not come again
    for truth in last:
        assert agrees(setup.listener.next("reading"), truth)
    assert setup.board.resets == [1, 1, 1]


@LONG
def test_a_day_without_ntp_and_a_clock_that_jumps(setup: Setup, meter: TestMeter) -> None:
    with_a_clock_to_turn(setup)
    setup.board.air(ntp=False)
    setup.board.pass_time(13 * 3600, 300)  # the time is asked for anew every 12 hours
    setup.board.wait_console("clock: no answer from")
    setup.later()  # or it may pause for up to a minute, that is by a clock that stands now
    truth = meter.send()
    assert agrees(setup.listener.next("reading", 60), truth)
    meter.wire.taken()
    while not (status := setup.later())["ntp_failures"]:
        pass
    set_before = status["clock_set"]
    assert set_before[:13] < status["time"][:13]
    # For the board, 13 hours have passed, for the meter none; now NTP says 2 hours more.
    setup.board.air(ntp=True, clock=2 * 3600)
    offset = 0
    for _ in range(10):
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
