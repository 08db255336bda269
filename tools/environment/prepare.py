"""Gets what `make` needs: python3 tools/environment/prepare.py demo|test|bench|clients|provision

Makes .venv with the three parts and the Python packages of tools/locks, whose
versions and hashes are fixed (the Cloud's build fetches uPlot, which draws its
charts, by npm or PyPI's Node), and fetches the
programs that are not on the PATH (MicroPython, mosquitto, Chromium,
PostgreSQL) as Debian packages into a private folder below ~/.cache, or
/var/cache for root; nothing is installed on the machine. A second run finds all
in place and is done in a moment. Needs Python >= 3.11 and nothing else.
"""

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036
        sys.exit("prepare: Python 3.11 or newer is needed; type: apt-get install python3")
    sys.path.insert(0, str(REPOSITORY))

from tools.environment.debian import ListUnavailable, Unavailable, unpack  # noqa: E402

LOCKS = REPOSITORY / "tools" / "locks"  # written by tools/environment/lock.py
VENV = REPOSITORY / ".venv"
PYTHON = VENV / "bin" / "python"
TYPINGS = REPOSITORY / "typings"
CLIENTS = REPOSITORY / ".cache" / "clients"

# What an editable install of our own parts contains, besides the sources that it points at.
_PARTS_ARE_MADE_OF = (
    "gateway/pyproject.toml",
    "gateway/hatch_build.py",
    "cloud/pyproject.toml",
    "cloud/hatch_build.py",  # which uPlot it has
    "firmware/lib/smartmeter/__init__.py",  # the version
)

# umqtt.simple is frozen into every stock ESP32 build of MicroPython, but Debian's unix build leaves
# it out. PyPI keeps micropython-lib's own release of it.
_UMQTT = "micropython-umqtt.simple==1.3.4"
_UMQTT_SHA256 = "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f"


def _cache() -> Path:
    # PostgreSQL refuses to run as root, and its own user cannot look into root's home.
    own = "/var/cache" if os.geteuid() == 0 else os.path.expanduser("~/.cache")
    base = os.environ.get("XDG_CACHE_HOME") or own
    folder = Path(base) / "smart-meter-chain"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    folder = REPOSITORY / ".cache"
    folder.mkdir(exist_ok=True)
    return folder


CACHE = _cache()


def _codename() -> str | None:
    """The machine's release of Debian; None if it is another system."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return None
    return release.get("VERSION_CODENAME") if release.get("ID") == "debian" else None


def own_suite() -> str:
    codename = _codename()
    if codename is None:
        raise Unavailable("this machine does not run Debian")
    return codename


@dataclass(frozen=True)
class Program:
    """A program that the chain needs and pip cannot install."""

    name: str
    packages: list[str]
    starters: dict[str, str]
    suite: str | None = None  # None: the machine's own
    next_suite: str | None = None  # an alternative if the suite's list cannot be read
    arch: str | None = None
    own_loader: bool = True
    on_path: bool = True  # whether the machine's own program is good enough
    stamp: str = field(default="1")  # raise it when the unpacking changes

    def _folder(self) -> Path:
        return CACHE / f"{self.name}-{self.stamp}"

    def find(self, starter: str | None = None) -> str | None:
        """The path that starts it, or None if it is not here (yet)."""
        starter = starter or self.name
        if self.on_path and (found := shutil.which(starter, path=_search_path())):
            return found
        path = self._folder() / starter
        return str(path) if path.exists() else None

    def fetch(self, say: Callable[[str], None]) -> None:
        if self.find():
            return
        suites = [suite for suite in (self.suite or own_suite(), self.next_suite) if suite]
        for suite in suites:
            say(f"fetching {self.name} from Debian's {suite} into {CACHE} ...")
            try:
                unpack(
                    self._folder(), self.starters, self.packages, suite, self.arch, self.own_loader
                )
                return
            except ListUnavailable as why:
                say(str(why))
        raise Unavailable(
            f"the package list of {' or '.join(suites)} cannot be read; "
            "check the network and run the same command again"
        )


def _search_path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"


def _postgresql() -> Program:
    # It starts itself again, by the machine's loader, so its release must be the machine's.
    version = {"bookworm": 15}.get(_codename(), 17)
    folder = f"usr/lib/postgresql/{version}/bin"
    return Program(
        "postgresql",
        [f"postgresql-{version}"],
        {
            "postgresql": f"{folder}/postgres",
            "initdb": f"{folder}/initdb",
            "pg_ctl": f"{folder}/pg_ctl",
            "pg_dump": f"{folder}/pg_dump",
            "pg_restore": f"{folder}/pg_restore",
        },
        own_loader=False,
        on_path=False,
        stamp=f"{version}-2",
    )


PROGRAMS = {
    p.name: p
    for p in (
        Program(
            "mosquitto",
            ["mosquitto"],
            {"mosquitto": "usr/sbin/mosquitto", "mosquitto_passwd": "usr/bin/mosquitto_passwd"},
            suite="bookworm",
        ),
        # checks the unit that install-service writes, without a systemd that runs
        Program(
            "systemd-analyze",
            ["systemd"],
            {"systemd-analyze": "usr/bin/systemd-analyze"},
            suite="bookworm",
        ),
        # scrapes both servers with the files of docs/prometheus
        Program(
            "prometheus",
            ["prometheus"],
            {"prometheus": "usr/bin/prometheus", "promtool": "usr/bin/promtool"},
            suite="bookworm",
            on_path=False,
        ),
        # bookworm has no MicroPython; trixie has 1.25 for both word sizes, forky 1.26.
        Program(
            "micropython",
            ["micropython"],
            {"micropython": "usr/bin/micropython"},
            suite="trixie",
            next_suite="forky",
            on_path=False,
        ),
        Program(
            "micropython32",
            ["micropython"],
            {"micropython32": "usr/bin/micropython"},
            suite="trixie",
            next_suite="forky",
            arch="i386",
            on_path=False,
        ),
        Program(
            "chromium",
            ["chromium", "fonts-dejavu-core", "libatomic1"],  # libatomic1: for Playwright's Node
            {"chromium": "usr/lib/chromium/chromium"},
            own_loader=False,
            stamp="2",
        ),
        _postgresql(),
    )
}

NEEDED = {
    "demo": ["mosquitto", "micropython"],
    "test": [
        "mosquitto",
        "micropython",
        "micropython32",
        "chromium",
        "postgresql",
        "systemd-analyze",
    ],
    "clients": ["mosquitto", "micropython", "prometheus"],
    "bench": ["mosquitto", "micropython", "micropython32", "chromium", "postgresql"],
}


def program(name: str, starter: str | None = None) -> str:
    """The path that starts a program of PROGRAMS (or is the file, for "umqtt").

    Raises Unavailable, with the reason, where it could not be had.
    """
    if name == "umqtt":
        path = CACHE / "umqtt" / "umqtt" / "simple.py"
        if path.exists():
            return str(path)
    elif found := PROGRAMS[name].find(starter):
        return found
    reason = CACHE / f"{name}.unavailable"
    why = (
        reason.read_text() if reason.exists() else "type: python3 tools/environment/prepare.py test"
    )
    raise Unavailable(f"{name} is not available: {why}")


def _say(text: str) -> None:
    print(f"prepare: {text}", flush=True)


def _pip(*arguments: str) -> None:
    # The Cloud's build looks for npm on the PATH, and .venv has one where the machine has none.
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments],
        cwd=REPOSITORY,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines()]
        ours = [line for line in said if line.startswith("smartmeter-")]  # of a build hook
        if ours:
            raise Unavailable(ours[0])
        lines = [line for line in said if line.startswith("ERROR")]
        reason = lines[0].removeprefix("ERROR: ") if lines else done.stderr.strip()[-300:]
        raise Unavailable(
            f"pip could not install what is needed ({reason}); "
            "check the network and run the same command again"
        )


def _pip_install(lock: str, *options: str) -> None:
    """Installs exactly what a lock names; a package with another hash is refused."""
    exactly = ["--require-hashes", "--no-deps", "--no-build-isolation"]
    _pip("install", *exactly, *options, "-r", str(_lock(lock)))


def _lock(name: str) -> Path:
    return LOCKS / f"{name}.txt"


def _make_venv() -> None:
    if (
        PYTHON.exists()
        and not subprocess.run(
            [str(PYTHON), "-m", "pip", "--version"], capture_output=True
        ).returncode
    ):
        return
    _say("making .venv ...")
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True)
    if made.returncode == 0:
        return
    # Debian keeps ensurepip in a package of its own (python3-venv); pip's wheel alone does as well.
    shutil.rmtree(VENV, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(VENV)], check=True)
    wheels = CACHE / "pip"
    if not wheels.exists():
        unpack(wheels, {}, ["python3-pip-whl"], own_suite())
    wheel = next(wheels.glob("root/usr/share/python-wheels/pip-*.whl"))
    done = subprocess.run(
        [str(PYTHON), f"{wheel}/pip", "--quiet", "install", "--no-index", str(wheel)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        raise Unavailable(f"Debian's pip did not install itself: {done.stderr.strip()[-300:]}")


def _fingerprint(lock: str) -> str:
    h = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for path in (_lock("build"), _lock(lock), *(REPOSITORY / name for name in _PARTS_ARE_MADE_OF)):
        h.update(path.read_bytes())
    return h.hexdigest()


def _install(group: str) -> None:
    lock = "demo" if group == "demo" else "test"
    stamp = VENV / f"prepared-{lock}"
    fingerprint = _fingerprint(lock)
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    _say(f"installing the Python packages for `make {group}` into .venv ...")
    _pip_install("build")
    _pip_install(lock)
    if not shutil.which("npm"):
        _pip_install("node")
    _pip("install", "--no-deps", "--no-build-isolation", "-e", "gateway", "-e", "cloud")
    stamp.write_text(fingerprint)


def _install_node() -> None:
    """PyPI's Node, because Debian's is too old for some of the clients."""
    stamp = VENV / "prepared-node"
    digest = hashlib.sha256(_lock("node").read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        _say("fetching Node from PyPI ...")
        _pip_install("node")
        stamp.write_text(digest)


def _install_extra(group: str) -> None:
    """What a group alone needs; a .venv that `make demo` or `make test` made may have it too."""
    stamp = VENV / f"prepared-{group}"
    digest = hashlib.sha256(_lock(group).read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    _say(f"installing the Python packages for `make {group}` into .venv ...")
    _pip_install(group)
    stamp.write_text(digest)


def _fetch_umqtt() -> None:
    """The library's only module, from PyPI; tools/virtual_board explains what it is for."""
    folder = CACHE / "umqtt"
    if (folder / "umqtt" / "simple.py").exists():
        return
    _say("fetching umqtt.simple from PyPI ...")
    download = CACHE / "umqtt.download"
    shutil.rmtree(download, ignore_errors=True)
    done = subprocess.run(
        [str(VENV / "bin" / "unearth"), "--no-binary", "--download", str(download), _UMQTT],
        capture_output=True,
        text=True,
    )
    archives = list(download.glob("*.tar.gz"))
    if done.returncode or not archives:
        raise Unavailable(
            "umqtt.simple is not on PyPI; check the network and run the same command again"
        )
    if hashlib.sha256(archives[0].read_bytes()).hexdigest() != _UMQTT_SHA256:
        raise Unavailable(
            "umqtt.simple differs from the release; check which package index pip is set to"
        )
    with tarfile.open(archives[0]) as archive:
        member = next(m for m in archive.getmembers() if m.name.endswith("umqtt/simple.py"))
        source = archive.extractfile(member)
        assert source is not None
        text = source.read()
    (download / "umqtt").mkdir()
    (download / "umqtt" / "simple.py").write_bytes(text)
    archives[0].unlink()
    shutil.rmtree(folder, ignore_errors=True)
    download.rename(folder)


def _install_apart(lock: str, folder: Path, what: str) -> None:
    """Install what a lock names into a folder of its own, outside .venv."""
    stamp = folder / "prepared"
    digest = hashlib.sha256(_lock(lock).read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    _say(f"fetching {what} from PyPI ...")
    made = folder.with_suffix(".download")
    shutil.rmtree(made, ignore_errors=True)
    _pip_install(lock, "--target", str(made))
    (made / stamp.name).write_text(digest)
    shutil.rmtree(folder, ignore_errors=True)
    made.rename(folder)


def _optional(name: str, fetch: Callable[[], None]) -> None:
    reason = CACHE / f"{name}.unavailable"
    try:
        fetch()
    except Unavailable as why:
        reason.write_text(str(why))
        _say(f"{name} is not available here: {why}")
    else:
        reason.unlink(missing_ok=True)


def prepare(group: str) -> None:
    """Install everything that `make <group>` needs; Unavailable if it cannot even begin."""
    _make_venv()
    if group == "provision":
        _install_extra("provision")
        return
    if group in ("containers", "docs", "release"):
        _install("test")
        _install_extra(group)
        return
    _install(group)
    for name in NEEDED[group]:
        _optional(name, lambda name=name: PROGRAMS[name].fetch(_say))
    _optional("umqtt", _fetch_umqtt)
    if group == "test":
        # in .venv they would hide CPython's own modules
        _install_apart("stubs", TYPINGS, "MicroPython's type stubs")
    if group == "clients":
        _install_node()
        _install_apart("clients", CLIENTS, "libraries of other makers' meters")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "group", choices=sorted({*NEEDED, "containers", "docs", "provision", "release"})
    )
    try:
        prepare(parser.parse_args().group)
    except Unavailable as why:
        print(f"prepare: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
