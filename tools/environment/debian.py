"""Debian packages and their dependencies in a private folder: without root or installation.

apt resolves the dependencies and checks each package against Debian's signed index, as for an
installation; only its state is private. The programs are started by their own loader and
libraries. A newer suite than the machine's, or its 32-bit build, therefore does not touch the
machine's libc.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import unquote

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

_APT_CONF = """\
APT::Architecture "{arch}";
APT::Architectures "{arch}";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::Etc::SourceList "{work}/sources.list";
Dir::Etc::SourceParts "{work}/empty";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "{work}/empty";
Dir::State "{work}";
Dir::State::status "{work}/status";
Dir::Cache "{work}";
"""


# Libraries that their packages find by an absolute path, which is wrong in a private folder.
_LIBRARY_SUBFOLDERS = ("pulseaudio", "systemd")


class Unavailable(Exception):
    """Something is not available here; the text says in one sentence why, and what to type."""


class ListUnavailable(Unavailable):
    """A suite's package list cannot be read, often because the mirror is being updated."""


def _run(argv: list[str], env: dict[str, str], cwd: Path, what: str) -> str:
    done = subprocess.run(argv, env=env, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        reason = [line for line in lines if line.startswith("E:")] or lines[-1:]
        raise Unavailable(f"{what} failed: {reason[0] if reason else 'no reason given'}")
    return done.stdout


def mirror() -> str:
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
    ).stdout.split()
    for uri in listed:
        if uri.rstrip("/").endswith("/debian"):
            return uri
    raise Unavailable("apt knows no Debian mirror; put one into /etc/apt/sources.list")


def _starter(root: Path, program: str, own_loader: bool) -> str:
    """A shell script that starts `program` (its path below root), independent of its location."""
    if not (root / program).exists():
        raise Unavailable(f"the Debian packages do not contain {program}")
    libc = next(p for p in (*root.glob("lib/*/libc.so.6"), *root.glob("usr/lib/*/libc.so.6")))
    home = libc.parent
    folders = [home, root / "usr" / "lib" / home.name]
    folders += [root / "usr" / "lib" / home.name / d for d in _LIBRARY_SUBFOLDERS]
    inside = "$here/root"  # as the script finds it
    lib = ":".join(f"{inside}/{d.relative_to(root)}" for d in folders if d.is_dir())
    loader = next(home.glob("ld-linux*.so.*")).relative_to(root)
    target = f'"{inside}/{program}" "$@"'
    start = (
        f'exec "{inside}/{loader}" --library-path "{lib}" {target}'
        if own_loader
        else f'LD_LIBRARY_PATH="{lib}" FONTCONFIG_SYSROOT="{inside}" exec {target}'
    )
    return f'#!/bin/sh\nhere=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)\n{start}\n'


def unpack(
    folder: Path,
    programs: dict[str, str],
    packages: list[str],
    suite: str,
    arch: str | None = None,
    own_loader: bool = True,
) -> None:
    """Make `folder` with root/ (`packages` of `suite` with dependencies) and a starter per program.

    programs: starter's file name -> the program's path below root/. own_loader False starts it
    with the machine's own loader (for one that starts itself again, as Chromium does); the suite
    must then be the machine's. Raises Unavailable; the folder is then not there.
    """
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Unavailable(
            "this machine has no apt-get; install " + ", ".join(packages) + " by its own means"
        )
    if not KEYRING.exists():
        raise Unavailable("Debian's keys are missing; type: apt-get install debian-archive-keyring")
    if arch is None:
        arch = subprocess.run(
            ["dpkg", "--print-architecture"], capture_output=True, text=True
        ).stdout.strip()
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=folder.name + ".", dir=folder.parent))
    work = made / "apt"
    try:
        for d in ("empty", "lists/partial", "archives/partial"):
            (work / d).mkdir(parents=True)
        (work / "status").touch()
        (work / "sources.list").write_text(
            f"deb [signed-by={KEYRING} arch={arch}] {mirror()} {suite} main\n"
        )
        (work / "apt.conf").write_text(_APT_CONF.format(arch=arch, work=work))
        env = os.environ | {"APT_CONFIG": str(work / "apt.conf"), "LC_ALL": "C"}
        names = ", ".join(packages)
        try:
            what = f"reading Debian's package list of {suite}"
            _run(["apt-get", "-qq", "update"], env, work, what)
        except Unavailable as why:
            raise ListUnavailable(str(why)) from None
        uris = _run(
            ["apt-get", "-qq", "--print-uris", "--no-install-recommends", "install", *packages],
            env,
            work,
            f"finding the Debian packages for {names}",
        )
        closure = [unquote(line.split("/")[-1].split("_")[0]) for line in uris.splitlines()]
        archives = work / "archives"
        _run(
            ["apt-get", "-qq", "download", *closure],
            env,
            archives,
            f"fetching the Debian packages for {names}",
        )
        root = made / "root"
        root.mkdir()
        for deb in sorted(archives.glob("*.deb")):
            _run(["dpkg-deb", "-x", str(deb), str(root)], env, work, f"unpacking {deb.name}")
        for name, program in programs.items():
            starter = made / name
            starter.write_text(_starter(root, program, own_loader))
            starter.chmod(0o755)
        shutil.rmtree(work)
        made.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
