"""Run smartmeter-cloud with a store that counts forever instead of finding readings.

    python endless.py SECONDS ARGUMENT...

SECONDS: how long the queries of a request may take.
"""

import runpy
import sys
from typing import Any

from smartmeter_cloud.api import problems, query_limit
from smartmeter_cloud.store.sqlite import SqliteStore

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"

if __name__ == "__main__":
    seconds = float(sys.argv.pop(1))

    def counting(store: SqliteStore, *_: Any) -> Any:
        with store._reading() as db:
            return db.all(ENDLESS)

    SqliteStore.readings = counting  # type: ignore[method-assign]
    query_limit.QUERY_SECONDS = problems.QUERY_SECONDS = seconds
    runpy.run_module("smartmeter_cloud", run_name="__main__", alter_sys=True)
