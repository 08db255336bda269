"""`make release VERSION=X.Y.Z`: everything that a version consists of, in dist/.

1. Writes the version into firmware/lib/smartmeter/__init__.py, and gives CHANGELOG.md's
   [Unreleased] its number and date.
2. Builds source and binary packages of the Concentrator, the Cloud and smartmeter-provision, each
   wheel from its source package, and lets twine check them.
3. Packs the compiled firmware as an archive that mpremote can copy.
4. Writes SHA256SUMS.

Commit and tag what it changed; it neither commits nor publishes.
"""

import argparse
import datetime
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from packaging.version import InvalidVersion, Version

from tools import flash

REPOSITORY = Path(__file__).resolve().parents[1]
DIST = REPOSITORY / "dist"
PACKAGES = ("gateway", "cloud", "tools/provision")
_VERSION_FILE = REPOSITORY / "firmware" / "lib" / "smartmeter" / "__init__.py"
_CHANGELOG = REPOSITORY / "CHANGELOG.md"
_UNRELEASED = "## [Unreleased]\n"
_NOTHING = "There is no release yet. This section describes what the first one will contain.\n"


class Refused(Exception):
    """Why there is no release; one sentence."""


def released(changelog: str, version: str, day: datetime.date) -> str:
    """The changelog with [Unreleased] as that version, and a new, empty [Unreleased]. Refused."""
    before, head, after = changelog.partition(_UNRELEASED)
    entries, next_head, rest = after.partition("\n## [")
    entries = entries.replace(_NOTHING, "").strip()
    if not head or not entries:
        raise Refused("CHANGELOG.md has nothing under [Unreleased]; describe what is new there")
    if f"## [{version}]" in changelog:
        raise Refused(f"CHANGELOG.md has a section [{version}] already; choose another version")
    new = f"{before}{_UNRELEASED}\n## [{version}] - {day:%Y-%m-%d}\n\n{entries}\n"
    return new + next_head + rest


def with_version(source: str, version: str) -> str:
    """The core's __init__.py with another version."""
    return re.sub(r'^__version__ = ".*"$', f'__version__ = "{version}"', source, flags=re.M)


def _present() -> Version:
    found = re.search(r'^__version__ = "(.*)"$', _VERSION_FILE.read_text(), re.M)
    assert found is not None
    return Version(found[1])


def _check(version: str) -> None:
    try:
        wanted = Version(version)
    except InvalidVersion:
        raise Refused(f"{version!r} is not a version; write it as 0.2.0") from None
    if str(wanted) != version or wanted < _present():
        raise Refused(f"{version} must be a plain version that is not before {_present()}")
    changed = _output(["git", "status", "--porcelain"])
    if changed:
        raise Refused("the work tree has changes; commit them first")


def _output(argv: list[str]) -> str:
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise Refused(f"{argv[-1]}: {last[0] if last else 'failed'}")
    return done.stdout


def _build() -> None:
    for package in PACKAGES:
        print(f"release: building {package} ...", flush=True)
        _output([sys.executable, "-m", "build", "--outdir", str(DIST), package])
    files = sorted(str(path) for path in DIST.iterdir())
    _output([sys.executable, "-m", "twine", "check", "--strict", *files])


def _pack_firmware(version: str) -> None:
    print("release: compiling the firmware ...", flush=True)
    name = f"smartmeter-firmware-{version}"
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / name
        made.mkdir()
        flash.collect(made)
        with tarfile.open(DIST / f"{name}.tar.gz", "w:gz") as archive:
            archive.add(made, name)


def _write_sums() -> None:
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(DIST.iterdir())
    ]
    (DIST / "SHA256SUMS").write_text("".join(lines))


def release(version: str) -> None:
    """Raises Refused; the tree is then as it was."""
    _check(version)
    files = (_CHANGELOG, _VERSION_FILE)
    before = [path.read_text(encoding="utf-8") for path in files]
    try:
        changelog = released(before[0], version, datetime.datetime.now(datetime.UTC).date())
        _CHANGELOG.write_text(changelog, encoding="utf-8")
        _VERSION_FILE.write_text(with_version(before[1], version), encoding="utf-8")
        shutil.rmtree(DIST, ignore_errors=True)
        DIST.mkdir()
        _build()
        _pack_firmware(version)
        _write_sums()
    except BaseException:
        for path, text in zip(files, before, strict=True):
            path.write_text(text, encoding="utf-8")
        raise


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("version", metavar="VERSION", help="such as 0.2.0")
    version = parser.parse_args().version
    try:
        release(version)
    except Refused as why:
        print(f"release: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    for path in sorted(DIST.iterdir()):
        print(path.relative_to(REPOSITORY))
    print(f"release: next, `git commit -am 'Version {version}'` and `git tag v{version}`")
    return 0


if __name__ == "__main__":
    sys.exit(main())
