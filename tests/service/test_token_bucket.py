"""A token bucket: spent, in debt, and filled again with time."""

from smartmeter_service.token_bucket import TokenBucket


def test_a_debt_is_paid_with_time() -> None:
    at = 0.0
    bucket = TokenBucket(0.1, 2.0, lambda: at)
    bucket.take(3.0)
    assert bucket.debt_s() == 10.0
    at = 9.9
    assert bucket.tokens < 0
    at = 10.1
    assert bucket.tokens > 0
    assert bucket.debt_s() == 0.0


def test_no_more_than_the_burst_collects() -> None:
    at = 0.0
    bucket = TokenBucket(1.0, 5.0, lambda: at)
    bucket.take(1)
    assert not bucket.is_full
    at = 1_000.0
    assert bucket.is_full
    assert bucket.tokens == 5.0


def test_what_was_not_used_can_be_returned() -> None:
    bucket = TokenBucket(1.0, 5.0, lambda: 0.0)
    bucket.take(5)
    bucket.take(-2)
    assert bucket.tokens == 2.0
