"""buildah, podman and runc from Debian, in a private folder; nothing is installed on the machine.

They start themselves again with a cleared environment, so LD_LIBRARY_PATH does not reach all of
them. Instead, they run in a mount namespace whose /etc/ld.so.cache also has the private libraries.
Images and containers are in a folder of their own.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.environment.debian import Unavailable, unpack
from tools.environment.prepare import CACHE, own_suite

PACKAGES = ("buildah", "podman", "conmon", "runc", "netavark", "aardvark-dns", "iptables")
INSTALL = "type: apt-get install --no-install-recommends " + " ".join(PACKAGES)

_CONTAINERS = """\
[containers]
seccomp_profile = "{root}/usr/share/containers/seccomp.json"
# crun and runc may not raise these everywhere
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]

[engine]
cgroup_manager = "cgroupfs"
conmon_path = ["{root}/usr/bin/conmon"]
events_logger = "file"
helper_binaries_dir = ["{root}/usr/lib/podman"]
runtime = "runc"
tmp_dir = "{storage}/libpod"

[engine.runtimes]
runc = ["{root}/usr/sbin/runc"]

[network]
network_backend = "netavark"
network_config_dir = "{storage}/networks"
"""
_STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{storage}/root"
runroot = "{storage}/run"
"""
_REGISTRIES = "unqualified-search-registries = []\n"
_POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}\n'

# Everything that is started inside ends with the namespace, and so does what podman keeps in /run.
_ENTER = """\
set -e
mount --make-rprivate /
mount -t proc proc /proc
mount --bind "$LIBRARIES" /etc/ld.so.cache
if [ "$1" = offline ]; then
    ip link set lo up
    mount -t tmpfs tmpfs /run
fi
shift
exec "$@"
"""


def root() -> Path:
    """The folder with the programs, fetched once. Unavailable says what to type instead."""
    if os.geteuid() != 0:
        raise Unavailable("containers need root here; run the same command as root")
    folder = CACHE / "containers-1"
    if not folder.exists():
        try:
            unpack(folder, {}, list(PACKAGES), own_suite(), own_loader=False)
        except Unavailable as why:
            raise Unavailable(
                f"buildah and podman could not be fetched ({why}); {INSTALL}"
            ) from None
    return folder / "root"


class Engine:
    """buildah and podman, with images and containers in the folder `storage`."""

    def __init__(self, storage: Path) -> None:
        """Unavailable."""
        self._root = root()
        self._settings = storage / "settings"
        self._settings.mkdir(parents=True, exist_ok=True)
        (storage / "tmp").mkdir(exist_ok=True)
        for name, text in (
            ("containers.conf", _CONTAINERS),
            ("storage.conf", _STORAGE),
        ):
            (self._settings / name).write_text(text.format(root=self._root, storage=storage))
        (self._settings / "registries.conf").write_text(_REGISTRIES)
        self.policy = self._settings / "policy.json"
        self.policy.write_text(_POLICY)
        self._libraries = self._settings / "ld.so.cache"
        self._cache_libraries()
        # Debian chooses between two kinds of iptables at installation; this one needs no modules.
        programs = self._settings / "bin"
        programs.mkdir(exist_ok=True)
        for name in ("iptables", "ip6tables"):
            (programs / name).unlink(missing_ok=True)
            (programs / name).symlink_to(self._root / "usr/sbin/xtables-nft-multi")
        path = f"{programs}:{self._root}/usr/bin:{self._root}/usr/sbin"
        self._environment = {
            "CONTAINERS_REGISTRIES_CONF": str(self._settings / "registries.conf"),
            "CONTAINERS_CONF": str(self._settings / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self._settings / "storage.conf"),
            "LIBRARIES": str(self._libraries),
            "PATH": f"{path}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin",
            "TMPDIR": str(storage / "tmp"),
            # iptables finds its extensions by an absolute path
            "XTABLES_LIBDIR": str(next(self._root.glob("usr/lib/*/xtables"))),
        }

    def _cache_libraries(self) -> None:
        listed = self._settings / "ld.so.conf"
        folders = [*self._root.glob("usr/lib/*-linux-*"), *self._root.glob("lib/*-linux-*")]
        listed.write_text("\n".join(["include /etc/ld.so.conf", *map(str, folders)]) + "\n")
        ldconfig = shutil.which("ldconfig", path="/usr/sbin:/sbin") or "ldconfig"
        done = subprocess.run(
            [ldconfig, "-X", "-f", str(listed), "-C", str(self._libraries)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise Unavailable(f"ldconfig failed ({done.stderr.strip()[-200:]}); {INSTALL}")

    def command(
        self, argv: Sequence[str], offline: bool = False
    ) -> tuple[list[str], Mapping[str, str]]:
        """(argv, environment) of a process that finds buildah and podman on its PATH.

        offline: in a network of its own, so that ports on this machine may be in use.
        """
        spaces = ["--mount", "--pid", "--fork", "--kill-child", *(["--net"] if offline else [])]
        mode = "offline" if offline else "online"
        enter = ["unshare", *spaces, "--", "sh", "-c", _ENTER, "sh", mode, *argv]
        return enter, os.environ | self._environment
