"""`dead-letters`: what could not be stored, to be listed, shown, replayed and deleted."""

import argparse
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from smartmeter.wire import topics
from smartmeter_service.toml_file import SettingsError

from smartmeter_cloud.cli.times import to_ms
from smartmeter_cloud.config.settings import HELP
from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_cloud.store import query
from smartmeter_cloud.store.interface import Store
from smartmeter_cloud.store.rows import DeadLetter, WantedLetters

_SHORT = 12  # hex digits of a digest in a list


def add(commands: Any) -> None:
    about = "list, show, replay or delete messages that could not be stored"
    command = commands.add_parser("dead-letters", help=about, description=about)
    command.add_argument(
        "action", nargs="?", default="list", choices=("list", "show", "replay", "delete")
    )
    command.add_argument("digests", metavar="DIGEST", nargs="*", help="its first digits suffice")
    command.add_argument("--household", metavar="ID", help="of its Concentrators")
    command.add_argument("--concentrator", metavar="ID")
    command.add_argument("--from", dest="start", metavar="TIME", help="received since then")
    command.add_argument("--to", dest="end", metavar="TIME", help="received before")
    command.add_argument("--all", action="store_true", help="replay or delete every one")
    command.add_argument("--json", action="store_true", help="one JSON object a line")
    command.add_argument("--config", metavar="FILE", type=Path, help=HELP)


def run(store: Store, chosen: argparse.Namespace) -> int:
    """The exit status: 1 if a letter could not be replayed. SettingsError."""
    letters = _letters(store, chosen)
    narrowed = chosen.digests or chosen.household or chosen.concentrator
    narrowed = narrowed or chosen.start or chosen.end
    if chosen.action in ("replay", "delete") and not (narrowed or chosen.all):
        raise SettingsError(f"name the dead letters to {chosen.action}, or say --all")
    if chosen.action == "list":
        say = _as_json if chosen.json else _line
        for letter in letters:
            print(say(letter))
        return 0
    if chosen.action == "show":
        for letter in letters:
            whole = store.dead_letter(letter.digest)
            if whole is not None:
                print((_as_json if chosen.json else _page)(whole))
        return 0
    do: Callable[[Store, DeadLetter], str] = _replay if chosen.action == "replay" else _delete
    left = 0
    for letter in letters:
        whole = store.dead_letter(letter.digest)
        if whole is None:
            continue
        said = do(store, whole)
        left += bool(said)
        print(f"{letter.digest.hex()[:_SHORT]}: {said or chosen.action.rstrip('e') + 'ed'}")
    if letters:
        done = len(letters) - left
        note = f"{chosen.action} of {done} dead letters"
        store.note(int(time.time() * 1000), "command line", note, chosen.household)
    return 1 if left else 0


def _letters(store: Store, chosen: argparse.Namespace) -> list[DeadLetter]:
    found: dict[bytes, DeadLetter] = {}
    start = to_ms("--from", chosen.start, store.zone, 0)
    end = to_ms("--to", chosen.end, store.zone, query.FAR_MS)
    for digest in chosen.digests or [""]:
        wanted = WantedLetters(digest.lower(), chosen.household, chosen.concentrator, start, end)
        some = store.find_dead_letters(wanted)
        if digest and not some:
            raise SettingsError(f"there is no dead letter {digest}")
        found |= {letter.digest: letter for letter in some}
    return list(found.values())


def _replay(store: Store, letter: DeadLetter) -> str:
    """Store it as if it came again; why it cannot be, or ""."""
    if letter.size != len(letter.payload):
        return "it was cut by an older version, and cannot be replayed"
    topic = letter.topic
    if topic.endswith(f"/{topics.READINGS}") and not letter.payload.lstrip().startswith(b"["):
        topic = topic.removesuffix(topics.READINGS) + topics.READING  # a part of an array
    batch = MessageBatch()
    batch.add(topic, letter.payload, letter.received)
    if batch.unstorable:
        return batch.unstorable[0].letter.reason
    store.write(batch)
    for refused in batch.refused.values():
        return refused[0].reason
    return _delete(store, letter)


def _delete(store: Store, letter: DeadLetter) -> str:
    store.remove_dead_letter(letter.digest)
    return ""


def _line(letter: DeadLetter) -> str:
    return (
        f"{letter.digest.hex()[:_SHORT]}  {_time(letter)}  {letter.size} bytes  {letter.topic}: "
        f"{letter.reason}"
    )


def _page(letter: DeadLetter) -> str:
    return "\n".join(
        (
            f"digest:       {letter.digest.hex()}",
            f"received:     {_time(letter)}",
            f"concentrator: {letter.concentrator}",
            f"topic:        {letter.topic}",
            f"reason:       {letter.reason}",
            f"payload:      {letter.size} bytes",
            ascii(letter.payload)[2:-1],
        )
    )


def _as_json(letter: DeadLetter) -> str:
    document = {
        "digest": letter.digest.hex(),
        "received": _time(letter),
        "concentrator": letter.concentrator,
        "topic": letter.topic,
        "reason": letter.reason,
        "size": letter.size,
    }
    if letter.payload:
        document["payload"] = letter.payload.hex()
    return json.dumps(document)


def _time(letter: DeadLetter) -> str:
    return datetime.fromtimestamp(letter.received / 1000, UTC).isoformat(timespec="seconds")
