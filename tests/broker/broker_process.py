"""The embedded broker alone in a process, so that tests can count its open files."""

import json
import logging
import signal
import sys
from pathlib import Path

from smartmeter_broker import EmbeddedBroker
from smartmeter_broker.listener import Waits


def main() -> None:
    given = json.loads(sys.argv[1])
    for name in ("certificate", "key", "client_ca"):
        if name in given:
            given[name] = Path(given[name])
    given["waits"] = Waits(**given["waits"])
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    with EmbeddedBroker("127.0.0.1", 0, **given) as broker:
        said = {"port": broker.port, "local_port": broker.local_port}
        said["local_user"], said["local_password"] = broker.local_user, broker.local_password
        print(json.dumps(said), flush=True)
        signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    main()
