"""Prometheus metrics that are computed when they are asked for."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

Samples = Iterable[tuple[dict[str, str], float]]  # labels and value


def registry(families: Callable[[], Iterable[Metric]]) -> CollectorRegistry:
    """A registry of its own that calls families for each scrape."""

    class Families(Collector):
        def collect(self) -> Iterable[Metric]:
            return families()

    made = CollectorRegistry()
    made.register(Families())
    return made


def exposition(families: Iterable[Metric], accept: str = "") -> tuple[bytes, str]:
    """Encode metrics as the scraper's header Accept asks; the body and its content type."""
    encode, content_type = choose_encoder(accept)
    return encode(registry(lambda: families)), content_type


def gauge(name: str, text: str, samples: Samples) -> Metric:
    """A value that goes up and down."""
    return _family(name, name, text, "gauge", samples)


def counter(name: str, text: str, samples: Samples) -> Metric:
    """A value that only grows; its name ends in _total."""
    return _family(name.removesuffix("_total"), name, text, "counter", samples)


def _family(name: str, sample: str, text: str, kind: str, samples: Samples) -> Metric:
    family = Metric(name, text, kind)
    for labels, value in samples:
        family.add_sample(sample, labels, value)
    return family


def process(prefix: str, version: str) -> Iterator[Metric]:
    """The version, and the standard metrics of this process: its CPU time, memory and start."""
    yield gauge(f"{prefix}_build_info", "Version.", [({"version": version}, 1)])
    yield from ProcessCollector(registry=None).collect()
