"""The zones and the rules of daylight saving against the IANA database."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from smartmeter.dlms.clock import is_summer
from smartmeter.meters import zone_names, zones

YEARS = range(2024, 2032)


@pytest.mark.parametrize("name", zone_names.names())
def test_a_zone_has_the_offset_of_the_database(name: str) -> None:
    zone = zones.parse(zone_names.setting(name))
    there = ZoneInfo(name)
    for year in YEARS:
        # hours around each possible change, and the days between
        moments = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=6 * n) for n in range(1460)]
        for month in (3, 10):
            first = datetime(year, month, 20, tzinfo=UTC)
            moments += [first + timedelta(minutes=30 * n) for n in range(12 * 48)]
        for moment in moments:
            local = moment.astimezone(there)
            offset = local.utcoffset()
            assert offset is not None
            summer = is_summer(local.year, local.month, local.day, local.hour, zone)
            if summer is None:  # an hour that comes twice
                other = local.replace(fold=1 - local.fold).utcoffset()
                assert other != offset, local
            else:
                assert offset == timedelta(minutes=zone[0] + 60 * summer), local
