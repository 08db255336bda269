"""`make first-hour`: a newcomer with nothing but the README, from the box to a live page.

Two fresh Debians, one for the Cloud and one for the home, in two network namespaces. The commands
are those of the README, taken literally; answers are typed at a terminal. An ESP32 is played by a
virtual board, and its meter by a virtual meter. Counted are commands, answers, and the time from
the first question to the reading on the page; what is downloaded before does not count. Needs root.
"""

import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tools.environment.debian import Unavailable
from tools.environment.debian_root import DebianRoot, fresh
from tools.environment.prepare import REPOSITORY
from tools.first_hour.networks import Networks, networks
from tools.first_hour.readme import Missing, block_with
from tools.first_hour.terminal import Stuck, Terminal
from tools.table import Table, verdicts

SUITE = os.environ.get("FIRST_HOUR_RELEASE", "trixie")
ANSWERS_MAX, SECONDS_MAX = 12, 300.0
_CONFIG = "/etc/smartmeter-cloud/cloud.toml"
_URL = "URL"  # the README's placeholder for the repository's address
_CLONE = "/srv/smart-meter-chain.git"
_SUDO = '#!/bin/sh\nexec "$@"\n'  # this user is root already
_LOGS = REPOSITORY / ".cache" / "first-hour"


class Count:
    """What the newcomer had to do so far."""

    def __init__(self) -> None:
        self.commands = self.answers = 0
        self.table = Table(("step", 44), ("commands", 8), ("answers", 7), ("s", 6))

    def step(self, what: str, commands: int, answers: int, seconds: float) -> None:
        self.commands += commands
        self.answers += answers
        self.table.row(what, commands, answers, seconds)


class Machine:
    """One fresh Debian with the repository's address at hand."""

    def __init__(self, name: str, root: DebianRoot, network: str) -> None:
        self.name = name
        self.root = root
        self.network = network
        self.log = _LOGS / f"{name}.log"
        sudo = root.path / "usr/local/bin/sudo"
        sudo.write_text(_SUDO)
        sudo.chmod(0o755)
        subprocess.run(
            ["git", "clone", "--quiet", "--bare", "--no-hardlinks", str(REPOSITORY),
             str(root.path / _CLONE.lstrip("/"))],
            check=True,
        )  # fmt: skip
        root.run(["chown", "-R", "root:", _CLONE])

    def type(self, line: str, folder: str = "/root", alone: bool = True) -> Terminal:
        """A command at a shell. alone: in the machine's own network, without the internet."""
        network = self.network if alone else None
        command, environment = self.root.command(["sh", "-c", line], "root", folder, {}, network)
        return Terminal(command, environment, self.log)

    def do(self, line: str, folder: str = "/root", alone: bool = True) -> str:
        """A command that asks nothing; its screen. Raises Stuck if it fails."""
        terminal = self.type(line, folder, alone)
        try:
            if terminal.end(900):
                raise Stuck(f"{line} failed; the screen:\n{terminal.screen[-2000:]}")
            return terminal.screen
        finally:
            terminal.stop()

    def install(self, lines: list[str], folder: str = "/root") -> tuple[str, list[str]]:
        """Run the README's lines up to the first that sets something up.

        (the folder they end in, the lines that are left)
        """
        for number, line in enumerate(lines):
            if re.search(r"bin/smartmeter-[a-z]+\b", line):
                return folder, lines[number:]
            line = line.replace(f"clone {_URL}", f"clone {_CLONE}")
            line = line.replace("apt install", "apt-get install --yes")
            self.do(line, folder, alone=False)
            for target in re.findall(r"\bcd (\S+)", line):
                folder = os.path.normpath(os.path.join(folder, target))
        return folder, []


@contextmanager
def _hardware(network: str, folder: Path, key: str) -> Iterator[Path]:
    """A meter on a wire to a board; the port at which the board is plugged in."""
    keys = folder / "key"
    keys.write_text(key)
    keys.chmod(0o600)
    wire, port = folder / "meter", folder / "board"
    start = ["ip", "netns", "exec", network, sys.executable, "-m"]
    with ExitStack() as closing:
        for argv, link in (
            (["tools.meters", "kaifa-ma309", "--port-link", wire, "--key-file", keys], wire),
            (["tools.virtual_board", folder / "esp32", "--uart", wire, "--port-link", port,
              "--line", "2400 8E1"], port),
        ):  # fmt: skip
            process = subprocess.Popen(
                [*start, *map(str, argv)], cwd=REPOSITORY, stdout=subprocess.DEVNULL
            )
            closing.callback(process.wait)
            closing.callback(process.terminate)
            while not link.exists():
                if process.poll() is not None:
                    raise Stuck(f"{argv[0]} ended")
                time.sleep(0.1)
        yield port


def _program(name: str, lines: list[str]) -> str:
    """How these lines call it. Raises Missing."""
    for line in lines:
        if found := re.search(rf"\S*{name}\b", line):
            return found[0]
    raise Missing(f"README.md does not call {name} where it should")


def _set_up_cloud(
    cloud: Machine, lines: list[str], folder: str, count: Count
) -> tuple[Terminal, str]:
    """(the running `serve`, the link to log in with)."""
    begin = time.monotonic()
    program = _program("smartmeter-cloud", lines)
    init = cloud.type(f"{program} init --config {_CONFIG}", folder)
    init.answer("Number", "")
    init.answer("reach this machine", "")
    init.answer("Time zone", "Europe/Vienna")
    if init.end():
        raise Stuck(init.screen)
    init.stop()
    serve = cloud.type(f"{program} serve --config {_CONFIG}", folder)
    serve.wait_for("to log in for the first time, within a day, open ")
    serve.wait_for("\n")
    link = re.findall(r"open (https?://\S+)", serve.screen)[0]
    count.step("Cloud: init, serve", 2, init.answers, time.monotonic() - begin)
    return serve, link


def _invite(cloud: Machine, lines: list[str], folder: str) -> str:
    program = _program("smartmeter-cloud", lines)
    said = cloud.do(f"{program} invite home-1 --config {_CONFIG}", folder)
    return re.findall(r"smartmeter-invite\S+", said)[0]


def _set_up_home(
    home: Machine, lines: list[str], folder: str, invitation: str, count: Count
) -> tuple[Terminal, str]:
    """(the running Concentrator, the pairing code)."""
    begin = time.monotonic()
    program = _program("smartmeter-gateway", lines)
    init = home.type(f"{program} init", folder)
    init.answer("Number", "")
    init.answer("Number", "1")
    init.answer("Paste that line", invitation)
    if init.end():
        raise Stuck(init.screen)
    init.stop()
    home.do(f"{program} check", folder)
    run = home.type(f"{program} run", folder)  # a chroot has no systemd for install-service
    run.wait_for("an adapter can be paired")
    code = re.findall(r"smartmeter-pair://\S+", home.do(f"{program} pair", folder))[0]
    run.wait_for("an adapter can be paired")
    count.step("Concentrator: init, check, run, pair", 4, init.answers, time.monotonic() - begin)
    return run, code


def _provision(home: Machine, program: str, port: Path, code: str, key: str, count: Count) -> None:
    begin = time.monotonic()
    tool = home.type(f"{program} --board {port.resolve()}")
    known = {
        "pairing code": code, "country of the meter": "AT",
        "number or name of the Wi-Fi": "1", "Wi-Fi password": "", "the meter's encryption key": key,
        "the meter [": "1",
    }  # fmt: skip
    while True:
        found = tool.wait_for(*known, "done: the first reading has reached", seconds=240)
        if found not in known:
            break
        tool.type(known[found])
    tool.end()
    tool.stop()
    count.step("Adapter: smartmeter-provision", 1, tool.answers, time.monotonic() - begin)


def _see_the_page(network: str, link: str, count: Count) -> None:
    """In a browser at home. Its warning of an unknown certificate is accepted, as people do."""
    begin = time.monotonic()
    argv = ["ip", "netns", "exec", network, sys.executable, "-m", "tools.first_hour.browser", link]
    picture = _LOGS / "page.png"
    done = subprocess.run([*argv, str(picture)], cwd=REPOSITORY, capture_output=True, text=True)
    if done.returncode:
        raise Stuck(f"the page shows no reading: {done.stderr.strip()[-500:]}")
    count.step(f"Page: {done.stdout.strip()}", 0, 0, time.monotonic() - begin)


def play(count: Count, between: Networks, closing: ExitStack) -> float:
    """The seconds from the first question to the reading on the page."""
    cloud = Machine("cloud", closing.enter_context(fresh(SUITE)), between.cloud)
    home = Machine("home", closing.enter_context(fresh(SUITE)), between.home)
    readme = REPOSITORY / "README.md"
    begin = time.monotonic()
    cloud_lines = block_with(readme, "install ./gateway ./cloud")
    home_lines = block_with(readme, "install ./gateway", "smartmeter-gateway init")
    board_lines = block_with(readme, "install ./tools/provision")
    clone = [line for line in home_lines if "apt install" in line or "git clone" in line]
    cloud_folder, _ = cloud.install([*clone, *cloud_lines])
    home_folder, home_left = home.install(home_lines)
    _, board_left = home.install(board_lines, home_folder)
    lines = [*clone, *cloud_lines, *home_lines, *board_lines]
    installs = len(lines) - len(home_left) - len(board_left)
    count.step("Install, as the README says (downloads)", installs, 0, time.monotonic() - begin)

    cloud_left = block_with(readme, "smartmeter-cloud serve")
    key = secrets.token_hex(16)
    hardware = _LOGS / "hardware"
    hardware.mkdir()
    port = closing.enter_context(_hardware(between.home, hardware, key))
    begin = time.monotonic()
    serve, link = _set_up_cloud(cloud, cloud_left, cloud_folder, count)
    closing.callback(serve.stop)
    invitation = _invite(cloud, cloud_left, cloud_folder)
    count.step("Cloud: invite", 1, 0, 0.0)
    run, code = _set_up_home(home, home_left, home_folder, invitation, count)
    closing.callback(run.stop)
    tool = f"{home_folder}/{_program('smartmeter-provision', board_left)}"
    _provision(home, tool, port, code, key, count)
    _see_the_page(between.home, link, count)
    return time.monotonic() - begin


def main() -> int:
    shutil.rmtree(_LOGS, ignore_errors=True)
    _LOGS.mkdir(parents=True)
    count = Count()
    try:
        with networks("first-hour") as between, ExitStack() as closing:
            seconds = play(count, between, closing)
    except (Unavailable, Missing, Stuck) as why:
        print(why, file=sys.stderr)
        print(f"what was on the screens is in {_LOGS}", file=sys.stderr)
        return 1
    good = [
        (count.answers <= ANSWERS_MAX, f"{count.answers} answers; at most {ANSWERS_MAX}"),
        (seconds <= SECONDS_MAX, f"{seconds:.0f} s to the reading; at most {SECONDS_MAX:.0f}"),
    ]
    print(f"{count.commands} commands")
    verdicts(good)
    return 0 if all(met for met, _ in good) else 1


if __name__ == "__main__":
    sys.exit(main())
