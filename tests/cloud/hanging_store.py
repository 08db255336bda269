"""Run smartmeter-cloud with a store whose newest() hangs while a file is there.

    python hanging.py TRIGGER ARGUMENT...

/healthz then notices after 2 s, and not after half a minute.
"""

import runpy
import sys
import time
from pathlib import Path
from typing import Any

from smartmeter_cloud.api import live
from smartmeter_cloud.store.sqlite import SqliteStore

if __name__ == "__main__":
    trigger = Path(sys.argv.pop(1))
    newest = SqliteStore.newest

    def hanging(*arguments: Any) -> Any:
        while trigger.exists():
            time.sleep(0.1)
        return newest(*arguments)

    SqliteStore.newest = hanging  # type: ignore[method-assign]
    live.LATE_SECONDS = 2.0
    runpy.run_module("smartmeter_cloud", run_name="__main__", alter_sys=True)
