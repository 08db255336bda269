"""The locks fit the requirements, and install the same everywhere."""

import importlib.metadata
import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.environment import lock


def pins(group: str) -> dict[str, str]:
    text = (lock.LOCKS / f"{group}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


@pytest.mark.parametrize("group", lock.groups())
def test_a_lock_has_all_that_is_required(group: str) -> None:
    locked = pins(group)
    unfit = []
    for requirement in map(Requirement, lock.direct(group)):
        version = locked.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            unfit.append(f"{requirement}: locked is {version}")
    assert not unfit, "type: make lock"


@pytest.mark.parametrize("group", lock.groups())
def test_a_lock_names_packages_and_hashes_only(group: str) -> None:
    text = (lock.LOCKS / f"{group}.txt").read_text()
    entry = r"[a-z0-9-]+==\S+( ; [^\\\n]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n"
    heading = r"(#[^\n]*\n)+"
    assert re.fullmatch(f"{heading}({entry})+", text)
    assert not re.search(r"://|file:|(^|\s)/", text)


@pytest.mark.parametrize("group", lock.groups())
def test_one_environment_takes_all_locks(group: str) -> None:
    locked, tested = pins(group), pins("test")
    differing = {name for name in locked.keys() & tested.keys() if locked[name] != tested[name]}
    assert not differing, "type: make lock"


def test_the_tests_run_with_what_is_locked() -> None:
    text = (lock.LOCKS / "test.txt").read_text()
    entries = map(Requirement, re.findall(r"^([a-z].*) \\$", text, re.MULTILINE))
    here = [entry for entry in entries if not entry.marker or entry.marker.evaluate()]
    assert len(here) > 50
    versions = {f"{entry.name}=={importlib.metadata.version(entry.name)}" for entry in here}
    assert versions == {f"{entry.name}{entry.specifier}" for entry in here}, "type: make test"


def test_no_lock_is_left_of_a_group_that_went() -> None:
    assert sorted(path.stem for path in lock.LOCKS.glob("*")) == sorted(lock.groups())
