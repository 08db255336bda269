# Each target gets what it needs by itself (tools/environment/prepare.py); a second run finds it in place.

PYTHON = .venv/bin/python

.PHONY: demo test lint lock bench corpus reports fuzz fuzz-api attack faults power-cuts word-sizes soak home-assistant home-assistant-live debian docs release openapi clients provision

demo:
	@python3 tools/environment/prepare.py demo
	@$(PYTHON) -m tools.demo

# the tests mostly wait for real programs, so there are four workers a core
test:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m pytest -n 8 --dist worksteal

lint:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy
	@$(PYTHON) -m mypy --config-file firmware/mypy.ini
	@$(PYTHON) -m tools.prose

# after a change of requirements; `python -m tools.environment.lock --upgrade` takes the newest versions
lock:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.environment.lock

bench:
	@python3 tools/environment/prepare.py bench
	@$(PYTHON) -m tools.bench

corpus:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.conformance.corpus

# captures from public reports, against tools/conformance/reports.json
reports:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.conformance.reports

fuzz:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.fuzz
	@$(PYTHON) -m pytest -q --hypothesis-profile=thorough tests/core

# the Cloud's API against its own description; API_EXAMPLES (default 300) for each operation
fuzz-api:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.fuzz.api --examples $${API_EXAMPLES:-300}

# attacks on a running chain of two households, with both kinds of broker; make test takes the short ones
attack:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.attack

# everything is killed under traffic; FAULT_SECONDS (default 600) is how long
faults:
	@python3 tools/environment/prepare.py test
	@FAULT_SECONDS=$${FAULT_SECONDS:-600} $(PYTHON) -m pytest tests/faults tests/cloud/test_faults.py tests/cloud/store/test_disk.py -s

# what Home Assistant takes in a discovery message, in its newest release, against what the tests know
home-assistant:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.conformance.home_assistant

# the newest Home Assistant that Debian trixie's Python runs, beside a chain that has a bad day. Needs root,
# and ten minutes more the first time; LIVE_SECONDS (default 420) is how long it runs at least
home-assistant-live:
	@python3 tools/environment/prepare.py demo
	@$(PYTHON) -m tools.home_assistant

# the Cloud's OpenAPI document, by two linters that npm fetches
openapi:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.conformance.openapi

# programs that others wrote read a running chain as docs/ says: Prometheus, libraries for meters
clients:
	@python3 tools/environment/prepare.py clients
	@$(PYTHON) -m tools.clients

# a simulated week of the adapter, and a day without PSRAM, in 20 minutes or more; SOAK_TELEGRAMS
# bounds it. 65 536 publishes go over one connection
soak:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.soak

# the adapter's power is cut at every single write of an update; make test takes some of them
power-cuts:
	@python3 tools/environment/prepare.py test
	@POWER_CUT_STEP=1 $(PYTHON) -m pytest tests/firmware/test_update.py -k power_cuts

# all of the adapter's tests on both word sizes; make test takes the long ones on 32 bit alone
word-sizes:
	@python3 tools/environment/prepare.py test
	@WORD_SIZES=1 $(PYTHON) -m pytest -n 2 --dist worksteal tests/firmware

# the site of docs/ in build/site, then the shell blocks of README and docs that can run here
docs:
	@python3 tools/environment/prepare.py docs
	@$(PYTHON) -m tools.documents.site
	@$(PYTHON) -m tools.documents.shell_blocks

# packages, firmware and checksums of a version, in dist/; make release VERSION=0.2.0
release:
	@python3 tools/environment/prepare.py release
	@$(PYTHON) -m tools.release $(VERSION)

# the README's two commands on fresh Debians, as root and as a user; needs root
debian:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.conformance.debian

provision:
	@python3 tools/environment/prepare.py provision
	@$(PYTHON) -m tools.provision
