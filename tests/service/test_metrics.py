"""Metrics are computed at each scrape, and come out as Prometheus reads them."""

from collections.abc import Iterator

from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from smartmeter_service.metrics import counter, gauge, process, registry


def test_each_scrape_asks_again() -> None:
    values = iter([1, 2])

    def families() -> Iterator[Metric]:
        yield counter("x_seen_total", "Seen.", [({"by": 'a"\\\n'}, next(values))])

    asked = registry(families)
    for expected in (1, 2):
        (family,) = text_string_to_metric_families(generate_latest(asked).decode())
        (sample,) = family.samples
        assert (family.type, sample.name, sample.labels, sample.value) == (
            "counter",
            "x_seen_total",
            {"by": 'a"\\\n'},
            expected,
        )


def test_of_a_process() -> None:
    def families() -> Iterator[Metric]:
        yield from process("x", "1.2")
        yield gauge("x_empty", "Nothing.", [])

    text = generate_latest(registry(families)).decode()
    found = {s.name: s for f in text_string_to_metric_families(text) for s in f.samples}
    assert found["x_build_info"].labels == {"version": "1.2"}
    assert found["process_cpu_seconds_total"].value > 0
    assert found["process_resident_memory_bytes"].value > 1_000_000
    assert found["process_start_time_seconds"].value > 1_700_000_000
    assert "# TYPE x_empty gauge" in text
    assert "python_info" not in text  # nothing of the library's global registry
