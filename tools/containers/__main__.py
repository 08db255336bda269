"""make containers: builds the images, and runs them as the compose files say; needs root.

The base is a Debian from debootstrap, so no image comes from a registry. buildah and podman come
from Debian, in a private folder. mosquitto, PostgreSQL and Prometheus are Debian's, in the place of
the images that cloud/deploy/compose.yaml names.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.environment.containers import Engine
from tools.environment.debian import Unavailable
from tools.environment.debian_root import base
from tools.environment.prepare import CACHE, REPOSITORY

SUITE = "bookworm"


def main() -> int:
    storage = Path(tempfile.mkdtemp(prefix="containers-storage-", dir=CACHE))
    try:
        engine = Engine(storage)
        print(f"base: Debian {SUITE}, by debootstrap", flush=True)
        folder = base(SUITE)
        # Builds need the network. What runs has one of its own, so no port here is taken.
        for module, offline in (("images", False), ("house", True)):
            argv = [sys.executable, "-u", "-m", f"tools.containers.{module}", str(storage)]
            command, environment = engine.command([*argv, str(folder)], offline)
            done = subprocess.run(command, env=dict(environment), cwd=REPOSITORY)
            if done.returncode:
                return 1
    except Unavailable as why:
        print(f"containers: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(storage, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
