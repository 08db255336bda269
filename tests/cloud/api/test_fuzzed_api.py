"""The API follows its own description: valid requests, and one step beyond each limit.

`make fuzz-api` goes on with what chance makes.
"""

import re
from pathlib import Path

from tools.fuzz.api import fuzz


def test_it_is_as_it_is_described(tmp_path: Path) -> None:
    done = fuzz(tmp_path, "coverage", examples=1, seed=1)
    assert done.returncode == 0, done.stdout + done.stderr
    tried = re.search(r"Tested: +(\d+)", done.stdout)
    assert tried, done.stdout
    assert int(tried[1]) >= 29  # operations
