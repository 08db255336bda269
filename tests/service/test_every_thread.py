"""Every thread of both servers has a last resort, and a test puts a bug into it."""

import ast
from pathlib import Path
from types import ModuleType

from tests.cloud import test_last_resort as of_cloud
from tests.gateway import test_last_resort as of_gateway

OURS = {"RestartedThread", "VitalThread"}
# What else starts a thread. ThreadingHTTPServer's threads answer one request each and report
# their own faults (web/server.py, handle_error).
OTHERS = {"Thread", "Timer", "ThreadPoolExecutor", "start_new_thread", "start_http_server"}

# (file, the thread's name in the source) -> the test that puts a bug into it
TESTED: dict[tuple[str, str], tuple[ModuleType, str]] = {
    ("smartmeter_broker/embedded.py", "'embedded broker'"): (
        of_gateway,
        "test_the_embedded_broker_ends_the_process",
    ),
    ("smartmeter_gateway/app.py", "'history'"): (of_gateway, "test_the_history_alone_is_missing"),
    ("smartmeter_gateway/cli/serial_scan.py", "f'port {port.device}'"): (
        of_gateway,
        "test_check_says_which_port_it_could_not_try",
    ),
    ("smartmeter_gateway/intake/serial_source.py", "self.name"): (
        of_gateway,
        "test_a_port_is_opened_after_a_fault",
    ),
    ("smartmeter_gateway/integrations/state_publisher.py", "'state'"): (
        of_gateway,
        "test_it_goes_on",
    ),
    ("smartmeter_gateway/integrations/emulation/http_server.py", "'emulation'"): (
        of_gateway,
        "test_an_emulated_device_answers_after_a_fault",
    ),
    ("smartmeter_gateway/integrations/emulation/udp_server.py", "'emulation (UDP)'"): (
        of_gateway,
        "test_an_emulated_device_answers_after_a_fault",
    ),
    ("smartmeter_gateway/provisioning/est_client.py", "'renewal'"): (
        of_gateway,
        "test_a_certificate_is_looked_at_after_a_fault",
    ),
    ("smartmeter_gateway/provisioning/pairing.py", "'pairing'"): (
        of_gateway,
        "test_an_adapter_is_paired_after_a_fault",
    ),
    ("smartmeter_gateway/provisioning/sntp_server.py", "'sntp'"): (
        of_gateway,
        "test_the_time_is_told_after_a_fault",
    ),
    ("smartmeter_gateway/spool/writer.py", "'spool'"): (
        of_gateway,
        "test_the_spool_s_thread_ends_the_process_and_nothing_is_lost",
    ),
    ("smartmeter_gateway/uplink/forwarder.py", "'uplink'"): (of_gateway, "test_it_goes_on"),
    ("smartmeter_gateway/web/server.py", "'http'"): (of_gateway, "test_it_goes_on"),
    ("smartmeter_mqtt/broker_link.py", "name"): (of_gateway, "test_it_goes_on"),
    ("smartmeter_cloud/app.py", "'ingest'"): (
        of_cloud,
        "test_the_process_ends_and_nothing_is_lost",
    ),
    ("smartmeter_cloud/auth/issuer_keys.py", "'issuer'"): (
        of_cloud,
        "test_the_issuer_is_asked_again_after_a_fault",
    ),
    ("smartmeter_cloud/history/upkeep.py", "'upkeep'"): (of_cloud, "test_ingest_goes_on"),
    ("smartmeter_cloud/ingest/writer.py", "'writer'"): (
        of_cloud,
        "test_the_process_ends_and_nothing_is_lost",
    ),
    ("smartmeter_cloud/pki/refresh.py", "'revocation list'"): (
        of_cloud,
        "test_the_revocation_list_is_signed_after_a_fault",
    ),
    ("smartmeter_cloud/monitoring/metrics_server.py", "'metrics'"): (
        of_cloud,
        "test_ingest_goes_on",
    ),
}
# This one waits, and then ends a process that hangs: there is nothing to go on with.
ENDS_THE_PROCESS = {("smartmeter_gateway/app.py", "'end'")}


def calls(repository: Path) -> list[tuple[str, str, ast.Call]]:
    """(file, what is called, the call) of all calls in the sources of both servers."""
    found = []
    for source in (repository / "gateway/src", repository / "cloud/src"):
        for path in sorted(source.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    called = ast.unparse(node.func).rpartition(".")[2]
                    found.append((path.relative_to(source).as_posix(), called, node))
    return found


def test_no_thread_is_without_a_last_resort(repository: Path) -> None:
    assert [(file, called) for file, called, _ in calls(repository) if called in OTHERS] == []


def test_a_bug_is_put_into_each(repository: Path) -> None:
    threads = {
        (file, ast.unparse(call.args[0]))
        for file, called, call in calls(repository)
        if called in OURS
    }
    assert threads == TESTED.keys() | ENDS_THE_PROCESS
    assert [name for module, name in TESTED.values() if not hasattr(module, name)] == []
