"""An administrator of one household is one of that household only."""

import time
from pathlib import Path
from typing import Any

import pytest
from smartmeter_cloud.store.rows import Invitation

from tests.cloud.api.test_access import Issuer
from tests.cloud.api_process import Site, call
from tests.cloud.harness import command, eventually


@pytest.fixture
def site(guarded: Site) -> Site:
    return guarded


@pytest.fixture
def smith(site: Site) -> str:
    """smith's administrator, made by the command line."""
    made = command(
        "key", "s", "--scope", "admin", "--household", "smith", "--config", str(site.config)
    )
    assert made.status == 0, made.err
    return made.out.strip()


def test_gives_keys_of_its_own_household_only(site: Site, smith: str) -> None:
    body: dict[str, Any] = {"name": "app", "scopes": ["read"]}
    for household in (None, "jones", "new"):
        status, answer, _ = call(
            site, "POST", "v1/keys", body | {"household": household}, key=smith
        )
        assert (status, answer["detail"]) == (403, "choose one of your own households")
    status, given, _ = call(site, "POST", "v1/keys", body | {"household": "smith"}, key=smith)
    assert status == 200
    assert [m["id"] for m in call(site, "GET", "v1/meters", key=given["key"])[1]] == ["m1"]


def test_sees_and_removes_keys_of_its_own_household_only(site: Site, smith: str) -> None:
    everybody, jones = site.key("read"), site.key("read", "jones")
    all_keys = call(site, "GET", "v1/keys", key=site.key("admin"))[1]
    seen = call(site, "GET", "v1/keys", key=smith)[1]
    assert {k["household"] for k in seen} == {"smith"}
    for key in all_keys:
        if key["household"] != "smith":
            assert call(site, "DELETE", f"v1/keys/{key['id']}", key=smith)[0] == 404
    for key in (everybody, jones):
        assert call(site, "GET", "v1/meters", key=key)[0] == 200


def test_moves_no_concentrator(site: Site, smith: str) -> None:
    for name, household, status in (
        ("house-2", "smith", 404),
        ("house-1", "jones", 403),
        ("nobody", "smith", 404),
        ("house-1", "smith", 200),
    ):
        path = f"v1/concentrators/{name}"
        assert call(site, "PUT", path, {"household": household}, key=smith)[0] == status
    assert site.store.concentrators() == {"house-1": "smith", "house-2": "jones"}
    assert [m["id"] for m in call(site, "GET", "v1/meters", key=smith)[1]] == ["m1"]


def test_invites_and_revokes_its_own_concentrators(site: Site, smith: str) -> None:
    def invite(name: str, key: str, household: str | None = None) -> int:
        body = {"household": household}
        return call(site, "POST", f"v1/concentrators/{name}/invitations", body, key=key)[0]

    admin = site.key("admin")
    soon = int(time.time() * 1000) + 10**6
    site.store.invite(Invitation(b"pending", "pending", soon), 0)  # when there was one household
    assert invite("pending", admin) == 403
    assert invite("house-2", smith) == 409
    assert invite("pending", smith) == 409
    assert invite("house-1", smith, "jones") == 403
    assert invite("house-1", smith) == 200
    assert invite("house-3", smith) == 200
    assert site.store.concentrators()["house-3"] == "smith"
    seen = call(site, "GET", "v1/concentrators", key=smith)[1]
    assert [c["id"] for c in seen] == ["house-1", "house-3"]
    for name, status in (("house-2", 404), ("pending", 404), ("house-3", 200)):
        path = f"v1/concentrators/{name}/certificates"
        assert call(site, "DELETE", path, key=smith)[0] == status
    assert len(call(site, "GET", "v1/concentrators", key=admin)[1]) == 4


def test_reads_the_audit_log_of_its_own_household(site: Site, smith: str) -> None:
    admin = site.key("admin")
    for household in ("smith", "jones", None):
        body = {"name": f"of {household}", "scopes": ["read"], "household": household}
        assert call(site, "POST", "v1/keys", body, key=admin)[0] == 200
    whats = " ".join(line["what"] for line in call(site, "GET", "v1/audit", key=smith)[1])
    assert "of smith" in whats
    assert "jones" not in whats
    assert "of None" not in whats


def test_sees_no_counts_of_everybody(site: Site, smith: str) -> None:
    assert call(site, "GET", "metrics", key=smith)[0] == 403
    body = {"name": "x", "scopes": ["metrics"], "household": "smith"}
    assert call(site, "POST", "v1/keys", body, key=smith)[0] == 403
    arguments = ("key", "x", "--scope", "metrics", "--household", "smith")
    made = command(*arguments, "--config", str(site.config))
    assert (made.status, "leave out --household" in made.err) == (1, True)


def test_households_of_others_are_not_listed(site: Site, smith: str) -> None:
    assert [h["id"] for h in call(site, "GET", "v1/households", key=smith)[1]] == ["smith"]


def test_an_issuer_s_token_with_admin_is_bound_as_well(tmp_path: Path) -> None:
    issuer = Issuer()
    site = Site(tmp_path, f'[oidc]\nissuer = "{issuer.url}"\naudience = "meters"\n', guarded=True)
    try:
        site.two_households()
        token = issuer.token(scope="admin", households=["smith"])
        eventually(lambda: call(site, "GET", "v1/keys", key=token)[0] == 200)
        body = {"name": "x", "scopes": ["read"], "household": None}
        assert call(site, "POST", "v1/keys", body, key=token)[0] == 403
        status, given, _ = call(site, "POST", "v1/keys", body | {"household": "smith"}, key=token)
        assert status == 200
        assert given["expires"]  # with the token
        path = "v1/concentrators/house-2"
        assert call(site, "PUT", path, {"household": "smith"}, key=token)[0] == 404
    finally:
        site.end()
