"""The tables, as steps from one version to the next; a store is updated step by step.

{integer}, {blob} and the like are what SQLite and PostgreSQL call them or do each in its own way.
"""

# ruff: noqa: S608 (SQL is put together from this file's own constants, never from what came in)

from smartmeter_cloud.store.rows import COLUMNS

_NUMBERS = ", ".join(f"{column} {{number}}" for column in COLUMNS)

_1 = f"""
CREATE TABLE meter (
    id {{serial}},
    name TEXT NOT NULL UNIQUE,
    concentrator TEXT NOT NULL,
    time {{integer}}, seq {{integer}}, suspect {{integer}},
    gap {{integer}},
    change {{integer}} NOT NULL DEFAULT 0
);
CREATE INDEX meter_change ON meter (change);
CREATE TABLE reading (
    meter {{integer}} NOT NULL REFERENCES meter (id),
    time {{integer}} NOT NULL,
    seq {{integer}} NOT NULL,
    received {{integer}} NOT NULL,
    "offset" {{integer}} NOT NULL,
    clock TEXT NOT NULL,
    auth TEXT NOT NULL,
    suspect {{integer}} NOT NULL,
    extra TEXT,
    {_NUMBERS},
    PRIMARY KEY (meter, time, seq)
) {{by_day}};
CREATE TABLE box (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    concentrator TEXT NOT NULL,
    status TEXT NOT NULL,
    received {{integer}} NOT NULL,
    PRIMARY KEY (kind, name)
) {{clustered}};
CREATE TABLE dead_letter (
    id {{serial}},
    digest {{blob}} NOT NULL UNIQUE,
    received {{integer}} NOT NULL,
    topic TEXT NOT NULL,
    reason TEXT NOT NULL,
    size {{integer}} NOT NULL,
    payload {{blob}} NOT NULL
);
CREATE TABLE counter (name TEXT PRIMARY KEY, n {{integer}} NOT NULL) {{clustered}};
CREATE TABLE process (
    name TEXT PRIMARY KEY,
    started {{integer}} NOT NULL,
    beat {{integer}} NOT NULL,
    state TEXT NOT NULL
) {{clustered}}
"""

_TOTAL = ", ".join(
    f"{what}_{part} {{{kind}}}"
    for what in ("drawn", "fed")
    for part, kind in (
        ("first_time", "integer"),
        ("first", "number"),
        ("last_time", "integer"),
        ("last", "number"),
        ("used", "number"),
        ("resets", "integer"),
    )
)
_VOLTS = ", ".join(f"u{i}_{end} {{number}}" for i in (1, 2, 3) for end in ("low", "high"))

# Every slice of 15 minutes that there is data for is dirty once, so that it is rolled up.
_2 = f"""
CREATE TABLE rollup (
    meter {{integer}} NOT NULL REFERENCES meter (id),
    tier TEXT NOT NULL,
    start {{integer}} NOT NULL,
    n {{integer}} NOT NULL,
    {_TOTAL},
    powers {{integer}} NOT NULL,
    power_sum {{number}} NOT NULL,
    power_low {{number}},
    power_high {{number}},
    {_VOLTS},
    PRIMARY KEY (meter, tier, start)
) {{clustered}};
CREATE TABLE dirty (
    meter {{integer}} NOT NULL,
    start {{integer}} NOT NULL,
    PRIMARY KEY (meter, start)
) {{clustered}};
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) {{clustered}};
INSERT INTO dirty
    SELECT DISTINCT meter, time / 900000 * 900000 FROM reading WHERE suspect = 0
"""

_3 = """
ALTER TABLE meter ADD COLUMN household TEXT NOT NULL DEFAULT 'home';
ALTER TABLE meter ADD COLUMN label TEXT NOT NULL DEFAULT '';
CREATE TABLE concentrator (name TEXT PRIMARY KEY, household TEXT NOT NULL) {clustered};
CREATE TABLE access_key (
    digest {blob} PRIMARY KEY,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    household TEXT,
    created {integer} NOT NULL,
    expires {integer},
    once {integer} NOT NULL
) {clustered};
CREATE TABLE download (
    digest {blob} PRIMARY KEY,
    query TEXT NOT NULL,
    until {integer} NOT NULL
) {clustered};
CREATE TABLE audit (id {serial}, at {integer} NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL);
INSERT INTO concentrator SELECT DISTINCT concentrator, 'home' FROM meter
"""

# invitation.enrolled: the digest of the key that used it, which may ask again.
_4 = """
CREATE TABLE invitation (
    digest {blob} PRIMARY KEY,
    concentrator TEXT NOT NULL,
    expires {integer} NOT NULL,
    enrolled {blob}
) {clustered};
CREATE TABLE certificate (
    serial TEXT PRIMARY KEY,
    concentrator TEXT NOT NULL,
    key_digest {blob} NOT NULL,
    issued {integer} NOT NULL,
    expires {integer} NOT NULL,
    revoked {integer},
    der {blob} NOT NULL
) {clustered};
CREATE INDEX certificate_concentrator ON certificate (concentrator)
"""

# PostgreSQL looks up the meter of each single reading otherwise; it is looked at once a batch.
_5 = "{loosen}"

# A meter may be made before its first reading; family: which make and model it was chosen as.
_6 = "ALTER TABLE meter ADD COLUMN family TEXT NOT NULL DEFAULT ''"

# Published totals over all meters stay as they are: see aggregates.py.
_7 = """
CREATE TABLE told_sum (
    start {integer} PRIMARY KEY,
    meters {integer} NOT NULL,
    drawn {number} NOT NULL,
    fed_meters {integer} NOT NULL,
    fed {number}
) {clustered}
"""

# What was made with a key or session dies with it. Whose a session is was not kept before, so who
# had one logs in again.
_8 = """
DELETE FROM access_key WHERE substr(name, 1, 11) = 'session of ';
ALTER TABLE access_key ADD COLUMN session {integer} NOT NULL DEFAULT 0;
ALTER TABLE access_key ADD COLUMN parent {blob}
    REFERENCES access_key (digest) ON DELETE CASCADE;
CREATE INDEX access_key_parent ON access_key (parent);
ALTER TABLE download ADD COLUMN parent {blob} REFERENCES access_key (digest) ON DELETE CASCADE;
CREATE INDEX download_parent ON download (parent);
ALTER TABLE audit ADD COLUMN household TEXT
"""

# Sums are of households and no longer of meters. Earlier sums are not computed again, because the
# difference would reveal something.
_9 = """
ALTER TABLE meter ADD COLUMN added {integer} NOT NULL DEFAULT 0;
ALTER TABLE told_sum RENAME COLUMN meters TO drawn_households;
ALTER TABLE told_sum RENAME COLUMN fed_meters TO fed_households;
UPDATE told_sum SET drawn_households = 0, fed_households = 0;
CREATE TABLE told_household (
    start {integer} NOT NULL,
    household TEXT NOT NULL,
    drawn {number},
    fed {number},
    PRIMARY KEY (start, household)
) {clustered}
"""

# A dead letter counts towards the bound of its Concentrator. refused: whose messages have got
# a refusal instead of a receipt, and why.
_10 = """
ALTER TABLE dead_letter ADD COLUMN concentrator TEXT NOT NULL DEFAULT '';
UPDATE dead_letter SET concentrator = {second_level} WHERE topic LIKE 'concentrator/%/%';
CREATE INDEX dead_letter_concentrator ON dead_letter (concentrator);
CREATE TABLE refused (
    concentrator TEXT NOT NULL,
    meter TEXT NOT NULL,
    reason TEXT NOT NULL,
    first {integer} NOT NULL,
    last {integer} NOT NULL,
    messages {integer} NOT NULL,
    PRIMARY KEY (concentrator, meter)
) {clustered}
"""

# Only meters have an adapter, and its status is bounded; see status_quota.py and ingest/message.py.
_11 = """
DELETE FROM box WHERE kind = 'adapter'
    AND (length(status) > 16384 OR name NOT IN (SELECT name FROM meter))
"""

# A sub-meter's medium ("gas" and so on) and the units of its values, as JSON. Both are "" for a
# main meter of electricity, whose codes have a unit each.
_12 = """
ALTER TABLE meter ADD COLUMN medium TEXT NOT NULL DEFAULT '';
ALTER TABLE meter ADD COLUMN units TEXT NOT NULL DEFAULT ''
"""

# Texts by code as JSON, and the ratio of transformers (NULL: none). Slices of sub-meters are rolled
# up again, because `drawn` is now what such a meter counts, in its own unit.
_13 = """
ALTER TABLE reading ADD COLUMN texts TEXT;
ALTER TABLE reading ADD COLUMN ratio {integer};
INSERT INTO dirty
    SELECT meter, start FROM rollup
    WHERE tier = 'quarter' AND meter IN (SELECT id FROM meter WHERE medium <> '')
    ON CONFLICT (meter, start) DO NOTHING
"""

# Energy of imported intervals, which no total covers; see slices.py.
_14 = """
ALTER TABLE rollup ADD COLUMN drawn_interval_before {number};
ALTER TABLE rollup ADD COLUMN drawn_interval_after {number};
ALTER TABLE rollup ADD COLUMN fed_interval_before {number};
ALTER TABLE rollup ADD COLUMN fed_interval_after {number}
"""


def _energy(what: str) -> str:
    """A slice's energy as in history/energy.py: what it counted, and the step from the one before.

    The step of an outage of more than 15 minutes, or of a reset or swapped meter, is left out.
    """
    ms = f"s.{what}_first_time - s.{what}_before_time"
    wh = f"s.{what}_first - s.{what}_before"
    return f"""
    CASE WHEN s.{what}_used IS NULL THEN s.{what}_interval_before
    ELSE {{round}}s.{what}_used + CASE
        WHEN {ms} <= 900000 AND {wh} >= 0
            AND {wh} <= (CASE WHEN {ms} < 60000 THEN 60000 ELSE {ms} END) / 3.6
        THEN {wh} ELSE 0 END{{rounded}} END AS {what}_wh"""


# For analysts: names and units of the state topic, and times that are readable. Readings are found
# by meter and time_ms, and PostgreSQL then leaves out the partitions of other days.
_15 = f"""
CREATE VIEW readings AS SELECT
    m.name AS meter, m.label, m.household, m.medium,
    {{moment}}r.time{{of_ms}} AS time, r.time AS time_ms, {{moment}}r.received{{of_ms}} AS received,
    r.clock, r.auth, r.seq, r.suspect AS clock_wrong,
    r.obis_1_7_0 AS power_import_w, r.obis_2_7_0 AS power_export_w,
    coalesce(r.obis_16_7_0, r.obis_1_7_0 - coalesce(r.obis_2_7_0, 0), -r.obis_2_7_0) AS power_w,
    r.obis_1_8_0 AS energy_import_wh, r.obis_2_8_0 AS energy_export_wh,
    r.obis_3_8_0 AS reactive_energy_import_varh, r.obis_4_8_0 AS reactive_energy_export_varh,
    r.obis_31_7_0 AS current_l1_a, r.obis_51_7_0 AS current_l2_a, r.obis_71_7_0 AS current_l3_a,
    r.obis_32_7_0 AS voltage_l1_v, r.obis_52_7_0 AS voltage_l2_v, r.obis_72_7_0 AS voltage_l3_v,
    r.extra AS further, r.texts, r.ratio
FROM reading r JOIN meter m ON m.id = r.meter;
CREATE VIEW energy_15min AS SELECT
    s.meter, s.label, s.household, {{moment}}s.start{{of_ms}} AS start, s.start AS start_ms,
    {_energy("drawn")}, {_energy("fed")},
    CASE WHEN s.powers > 0 THEN 1.0 * s.power_sum / s.powers END AS mean_w,
    s.power_low AS lowest_w, s.power_high AS highest_w, s.n AS readings
FROM (
    SELECT m.name AS meter, m.label, m.household, r.start, r.n,
        r.powers, r.power_sum, r.power_low, r.power_high,
        r.drawn_used, r.drawn_first, r.drawn_first_time, r.drawn_interval_before,
        lag(r.drawn_last) OVER w AS drawn_before,
        lag(r.drawn_last_time) OVER w AS drawn_before_time,
        r.fed_used, r.fed_first, r.fed_first_time, r.fed_interval_before,
        lag(r.fed_last) OVER w AS fed_before,
        lag(r.fed_last_time) OVER w AS fed_before_time
    FROM rollup r JOIN meter m ON m.id = r.meter
    WHERE r.tier = 'quarter' AND m.medium IN ('', 'electricity')
    WINDOW w AS (PARTITION BY m.name ORDER BY r.start)
) s
"""

STEPS = (_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15)
VERSION = len(STEPS)


def statements(version: int, words: dict[str, str]) -> list[str]:
    """The SQL that brings a store from `version` to the next, in a dialect's own words."""
    parts = [s.strip() for s in STEPS[version].format(**words).split(";\n")]
    return [s for s in parts if s]
