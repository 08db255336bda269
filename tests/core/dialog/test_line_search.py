"""The search for a line's baud rate, parity and inversion."""

from smartmeter import Fault, Reading
from smartmeter.dialog.line_search import SETTINGS, Search, name

KEY = Fault("key", "no key")
NOISE = Fault("noise", "noise")
P1 = (115200, 8, "N", 1, True)


def run(search, line, until_ms, step_ms=500):
    """Drives a search; line(setting) gives (bytes, events) of each step. The settings opened."""
    opened = [search.setting]
    for now in range(0, until_ms, step_ms):
        n, events = line(search.setting)
        change = search.events(n, events, now)
        if change:
            assert change == search.setting
            opened.append(change)
    return opened


def test_it_begins_with_the_usual_ones():
    assert SETTINGS[0] == (2400, 8, "E", 1, False)
    assert len(SETTINGS) == len(set(SETTINGS)) == 28
    assert P1 in SETTINGS
    assert name(P1) == "115200 8N1 inverted"


def test_a_silent_line_is_tried_with_every_setting_for_15_s():
    search = Search()
    opened = run(search, lambda setting: (0, []), 15000 * 29)
    assert opened[:28] == list(SETTINGS)
    assert search.rounds == 1
    assert search.progress == "no bytes"
    assert not search.found


def test_it_stays_with_the_first_reading():
    search = Search()
    opened = run(search, lambda s: (100, [Reading()]) if s == P1 else (0, []), 400000)
    assert opened[-1] == P1
    assert search.found
    assert search.progress == "readings"


def test_bytes_that_are_no_frame():
    search = Search()
    opened = run(search, lambda setting: (20, [NOISE]), 14000)
    assert opened == [SETTINGS[0]]
    assert search.progress == "bytes but no frame"


def test_a_line_full_of_garbage_is_left_sooner():
    search = Search()
    opened = run(search, lambda setting: (1000, [NOISE]), 24 * 2500)
    assert len(opened) > 20


def test_frames_without_a_key_are_found_too():
    search = Search()
    opened = run(search, lambda s: (300, [KEY]) if s == P1 else (0, []), 400000)
    assert opened[-1] == P1
    assert search.found
    assert search.progress == "frames but no key"


def test_one_chance_frame_is_not_enough_but_gets_more_time():
    search = Search()
    seen = []

    def line(setting):
        if not seen:
            seen.append(1)
            return 300, [KEY]
        return 0, []

    opened = run(search, line, 29000)
    assert opened == [SETTINGS[0]]
    assert search.events(0, [], 31000) == SETTINGS[1]
    assert not search.found


def test_it_begins_with_what_was_found_the_last_time():
    assert Search(first=P1).setting == P1
    other = (19200, 8, "N", 1, False)
    search = Search(first=list(other))
    assert search.setting == other
    assert run(search, lambda setting: (0, []), 15500)[1] == SETTINGS[0]
