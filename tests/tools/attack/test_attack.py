"""The short attacks of `make attack` against a running chain; none may succeed."""

import resource
import time
from collections.abc import Iterator

import pytest
from smartmeter.wire import topics

from tools.attack import campaign
from tools.attack.client import document, eventually
from tools.attack.site import METER, Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    with Site(tmp_path_factory.mktemp("attack"), mosquitto=False) as made:
        yield made
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_every_short_attack_is_held(site: Site) -> None:
    outcomes = list(campaign.run(site, short=True))
    assert len(outcomes) > 20
    assert {o.title: o.why for o in outcomes if o.why} == {}


def test_a_chain_that_has_suffered_is_reported(site: Site) -> None:
    """The honest household's readings no longer arrive: no attack counts as held then."""
    site.honest.client.client.disconnect()
    with pytest.raises(campaign.NotHeld, match="no longer arrive"):
        campaign.well(site, patience=3)
    site.honest.client.client.reconnect()
    site.honest.client.publish(topics.meter(METER, topics.READING), document(1, time.time()))
    assert eventually(lambda: site.delay_s() is not None)
