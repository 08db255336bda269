"""What every test may ask for: certificates, real brokers, the captured frames."""

import ctypes.util
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.certificates import Authority
from tools.environment.debian import Unavailable
from tools.environment.mosquitto import Mosquitto
from tools.environment.prepare import program

REPOSITORY = Path(__file__).resolve().parent.parent

# Root needs --no-sandbox; the others keep Chromium from calling home.
_BROWSER_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_skipped: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped:
        _skipped.append(report.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    # A skipped test on CI is a hole nobody looks through.
    if os.environ.get("CI") and _skipped and not hasattr(session.config, "workerinput"):
        print(f"\nCI: {len(_skipped)} tests were skipped, and CI skips none")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Commands that a test calls in its own process change the umask."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A real headless Chromium, driven by Playwright."""
    try:
        path = Path(program("chromium"))
    except Unavailable as why:
        pytest.skip(str(why))
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)

    # Playwright's own Node wants libatomic, which a small Debian lacks; Chromium's folder has it.
    own = [str(d) for d in path.parent.glob("root/usr/lib/*-linux-gnu")]
    before = os.environ.get("LD_LIBRARY_PATH")
    if own and ctypes.util.find_library("atomic") is None:
        os.environ["LD_LIBRARY_PATH"] = ":".join(own)
    try:
        driver = sync_playwright().start()
    finally:
        if before is not None:
            os.environ["LD_LIBRARY_PATH"] = before
        else:
            os.environ.pop("LD_LIBRARY_PATH", None)
    started = driver.chromium.launch(executable_path=path, args=list(_BROWSER_FLAGS))
    yield started
    started.close()
    driver.stop()


@pytest.fixture
def usual_ports() -> Iterator[None]:
    """Held by one test at a time, whichever worker runs it: it may take the usual ports."""
    path = Path(tempfile.gettempdir()) / "smart-meter-chain.ports"
    if not path.exists():
        path.touch()
    with path.open() as lock:  # it may be another user's, who is to wait for us, too
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """Starts a real mosquitto; its arguments are those of Mosquitto without the folder."""
    started: list[Mosquitto] = []

    def start(**settings: object) -> Mosquitto:
        try:
            program("mosquitto")
        except Unavailable as why:
            pytest.skip(str(why))
        broker = Mosquitto(tmp_path / f"mosquitto{len(started)}", **settings)  # type: ignore[arg-type]
        started.append(broker)
        return broker.start()

    yield start
    for broker in started:
        broker.stop()
