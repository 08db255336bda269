"""Imports the base and builds all images; make containers runs this where podman is on the PATH.

python -m tools.containers.images STORAGE BASE
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from tools.environment.prepare import REPOSITORY

OURS = ("gateway", "cloud")
# stand_ins/NAME is built in the place of this image of cloud/deploy/compose.yaml
STAND_INS = {
    "broker": "eclipse-mosquitto:2",
    "store": "postgres:17",
    "prometheus": "prom/prometheus:v3.5.0",
}
_BASE = "localhost/base"
# Network settings of this machine, so that pip and npm reach in a build what they reach here.
_SETTINGS = ("/etc/ssl/certs", "/etc/pip.conf", "/etc/npmrc", "/usr/etc/npmrc")


class Failed(Exception):
    """What does not work, in one sentence, with the last lines of the program."""


def run(*argv: str, stdin: str | None = None) -> str:
    """What the program prints. Raises Failed."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise Failed(f"{' '.join(argv)[:200]} ended with status {done.returncode}:\n{said}")
    return done.stdout


def build(image: str, file: Path, context: Path, policy: Path, ours: bool) -> None:
    """Raises Failed. file: a Containerfile whose argument BASE is the base. ours: it uses pip."""
    begun = time.monotonic()
    volumes = [f"--volume={path}:{path}:ro" for path in _SETTINGS if ours and os.path.exists(path)]
    run(
        "buildah", "bud", f"--signature-policy={policy}", "--isolation=chroot", "--network=host",
        "--pull-never", "--format=docker", f"--build-arg=BASE={_BASE}", *volumes,
        "--tag", image, "--file", str(file), str(context),
    )  # fmt: skip
    print(f"built {image} in {time.monotonic() - begun:.0f} s", flush=True)


def main() -> int:
    storage, base = Path(sys.argv[1]), sys.argv[2]
    policy = storage / "settings/policy.json"
    archive = storage / "base.tar"
    try:
        run("tar", "-C", base, "-cf", str(archive), ".")
        run("podman", "import", f"--signature-policy={policy}", str(archive), _BASE)
        archive.unlink()
        for part in OURS:
            file = REPOSITORY / part / "Containerfile"
            build(f"localhost/smartmeter-{part}", file, REPOSITORY, policy, ours=True)
        for name, image in STAND_INS.items():
            folder = Path(__file__).parent / "stand_ins"
            build(f"localhost/{image}", folder / name, folder, policy, ours=False)
    except Failed as why:
        print(f"containers: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
