"""A fresh Debian in a folder, as debootstrap makes it: what a newcomer's machine has.

Needs root: programs run in it by chroot, in a mount and process namespace of their own. When they
end, so does everything that they have started.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.environment.debian import Unavailable, mirror, unpack
from tools.environment.prepare import CACHE, own_suite

SUITES = ("bookworm", "trixie")
# What the README asks for: Debian with its Python, make and git.
PACKAGES = ("python3", "make", "git", "ca-certificates")

# Network settings of this machine, so that pip, npm and apt reach what they reach here.
_SETTINGS = ("etc/resolv.conf", "etc/hosts", "etc/pip.conf", "etc/npmrc", "usr/etc/npmrc")
_CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
_KEPT = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO")

_ENTER = """\
set -e
mount --make-rprivate /
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/dev/shm"
unset ROOT
exec "$@"
"""


def _debootstrap() -> tuple[Path, dict[str, str]]:
    """The program, and the environment that lets it run from a private folder."""
    folder = CACHE / "debootstrap-1"
    if not folder.exists():
        unpack(folder, {}, ["debootstrap"], own_suite())
    root = folder / "root"
    return root / "usr/sbin/debootstrap", {"DEBOOTSTRAP_DIR": str(root / "usr/share/debootstrap")}


def base(suite: str, packages: Sequence[str] = PACKAGES) -> Path:
    """The folder that holds this Debian, made once. Never run anything in it: see fresh()."""
    if os.geteuid() != 0:
        raise Unavailable("a fresh Debian needs root, for chroot; run the same command as root")
    folder = CACHE / f"debian-{suite}"
    if folder.exists():
        return folder
    program, environment = _debootstrap()
    made = Path(tempfile.mkdtemp(prefix=folder.name + ".", dir=CACHE))
    try:
        done = subprocess.run(
            ["sh", str(program), "--variant=minbase", f"--include={','.join(packages)}", suite,
             str(made), mirror()],
            env=os.environ | environment,
            capture_output=True,
            text=True,
        )  # fmt: skip
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise Unavailable(f"debootstrap of {suite} failed: {last[0] if last else 'no reason'}")
        made.chmod(0o755)
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return folder


class DebianRoot:
    """A copy that may be changed, until fresh() ends."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def command(
        self,
        argv: Sequence[str],
        user: str = "root",
        folder: str = "/",
        environment: Mapping[str, str] = {},
        network: str | None = None,
    ) -> tuple[list[str], dict[str, str]]:
        """(argv, environment) of a process that runs `argv` inside.

        user: an account of this Debian. network: a network namespace of `ip netns`.
        """
        home = "/root" if user == "root" else f"/home/{user}"
        inside = {name: os.environ[name] for name in _KEPT if name in os.environ}
        inside |= {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": home, "USER": user, "LOGNAME": user, "LANG": "C.UTF-8",
            "TERM": os.environ.get("TERM", "dumb"),
        }  # fmt: skip
        inside |= environment
        enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--", "sh", "-c", _ENTER]
        start = [
            "sh", "chroot", f"--userspec={user}", str(self.path),
            "sh", "-c", 'cd "$0" && exec "$@"', folder, *argv,
        ]  # fmt: skip
        namespace = ["ip", "netns", "exec", network] if network else []
        return [*namespace, *enter, *start], inside | {"ROOT": str(self.path)}

    def run(
        self,
        argv: Sequence[str],
        user: str = "root",
        folder: str = "/",
        environment: Mapping[str, str] = {},
        log: Path | None = None,
    ) -> int:
        """The exit status; what it prints goes to `log`, or to this process's output."""
        command, inside = self.command(argv, user, folder, environment)
        with log.open("ab") if log else open(os.devnull, "ab") as sink:
            to = sink if log else None
            return subprocess.run(command, env=inside, stdout=to, stderr=to).returncode

    def add_user(self, name: str) -> None:
        if self.run(["useradd", "--create-home", "--shell", "/bin/bash", name]):
            raise Unavailable(f"the user {name} could not be made in the fresh Debian")


def copied(suite: str, root: Path) -> DebianRoot:
    """A copy of base() in the folder `root`, with this machine's network settings."""
    subprocess.run(["cp", "-a", "--reflink=auto", str(base(suite)), str(root)], check=True)
    for name in (*_SETTINGS, _CERTIFICATES):
        source, target = Path("/") / name, root / name
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copy(source, target)
    return DebianRoot(root)


@contextmanager
def fresh(suite: str) -> Iterator[DebianRoot]:
    """A copy of base() with this machine's network settings; removed at the end."""
    parent = Path(tempfile.mkdtemp(prefix="debian-", dir=CACHE))
    try:
        found = copied(suite, parent / "root")
        parent.chmod(0o755)
        yield found
    finally:
        shutil.rmtree(parent, ignore_errors=True)
