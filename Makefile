# Each target gets what it needs by itself (tools/environment/prepare.py); a second run finds it in place.

PYTHON = .venv/bin/python

.PHONY: demo
demo:
	@python3 tools/environment/prepare.py demo
	@$(PYTHON) -m tools.demo

# the tests mostly wait for real programs, so there are two workers a core
.PHONY: test
test:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m pytest -n 4 --dist worksteal

.PHONY: lint
lint:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy
	@$(PYTHON) -m mypy --config-file firmware/mypy.ini
	@$(PYTHON) -m tools.prose

# after a change of requirements; `python -m tools.environment.lock --upgrade` takes the newest versions
.PHONY: lock
lock:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.environment.lock

.PHONY: bench
bench:
	@python3 tools/environment/prepare.py bench
	@$(PYTHON) -m tools.bench

.PHONY: corpus
corpus:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.conformance.corpus

# captures from public reports, against tools/conformance/reports.json
.PHONY: reports
reports:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.conformance.reports

.PHONY: fuzz
fuzz:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.fuzz
	@$(PYTHON) -m pytest -q --hypothesis-profile=thorough tests/core

# the Cloud's API against its own description; API_EXAMPLES (default 300) for each operation
.PHONY: fuzz-api
fuzz-api:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.fuzz.api --examples $${API_EXAMPLES:-300}

# attacks on a running chain of two households, with both kinds of broker; make test takes the short ones
.PHONY: attack
attack:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.attack

# everything is killed under traffic; FAULT_SECONDS (default 600) is how long
.PHONY: faults
faults:
	@python3 tools/environment/prepare.py test
	@FAULT_SECONDS=$${FAULT_SECONDS:-600} $(PYTHON) -m pytest tests/faults tests/cloud/test_faults.py tests/cloud/store/test_disk.py -s

# what Home Assistant takes in a discovery message, in its newest release, against what the tests know
.PHONY: home-assistant
home-assistant:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.conformance.home_assistant

# the newest Home Assistant that Debian trixie's Python runs, beside a chain that has a bad day. Needs root,
# and ten minutes more the first time; LIVE_SECONDS (default 420) is how long it runs at least
.PHONY: home-assistant-live
home-assistant-live:
	@python3 tools/environment/prepare.py demo
	@$(PYTHON) -m tools.home_assistant

# the Cloud's OpenAPI document, by two linters that npm fetches
.PHONY: openapi
openapi:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.conformance.openapi

# programs that others wrote read a running chain as docs/ says: Prometheus, libraries for meters
.PHONY: clients
clients:
	@python3 tools/environment/prepare.py clients
	@$(PYTHON) -m tools.clients

# a simulated week of the adapter, and a day without PSRAM, in 20 minutes or more; SOAK_TELEGRAMS
# bounds it. 65 536 publishes go over one connection
.PHONY: soak
soak:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.soak

# the adapter's power is cut at every single write of an update; make test takes some of them
.PHONY: power-cuts
power-cuts:
	@python3 tools/environment/prepare.py test
	@POWER_CUT_STEP=1 $(PYTHON) -m pytest tests/firmware/test_update.py -k power_cuts

# all of the adapter's tests on both word sizes, with every form of meter that sends by itself.
# make test takes the long ones on 32 bit alone, and a few forms
.PHONY: word-sizes
word-sizes:
	@python3 tools/environment/prepare.py test
	@WORD_SIZES=1 $(PYTHON) -m pytest -n 2 --dist worksteal tests/firmware

# the site of docs/ in build/site, then the shell blocks of README and docs that can run here
.PHONY: docs
docs:
	@python3 tools/environment/prepare.py docs
	@$(PYTHON) -m tools.documents.site
	@$(PYTHON) -m tools.documents.shell_blocks
# the page in Chromium at the device scales of desks, tablets and phones
.PHONY: page
page:
	@python3 tools/environment/prepare.py test
	@PAGE_SCALES=1 $(PYTHON) -m pytest -n 2 tests/cloud/web

# a newcomer with the README in fresh Debians, from nothing to a reading on the page; needs root
.PHONY: first-hour
first-hour:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.first_hour

# packages, firmware and checksums of a version, in dist/; make release VERSION=0.2.0
.PHONY: release
release:
	@python3 tools/environment/prepare.py release
	@$(PYTHON) -m tools.release $(VERSION)

# the README's two commands on fresh Debians, as root and as a user; needs root
.PHONY: debian
debian:
	@python3 tools/environment/prepare.py test
	@$(PYTHON) -m tools.conformance.debian

# both images, built and run as the compose files say, with Debian's buildah and podman; needs root
.PHONY: containers
containers:
	@python3 tools/environment/prepare.py containers
	@$(PYTHON) -m tools.containers

.PHONY: provision
provision:
	@python3 tools/environment/prepare.py provision
	@$(PYTHON) -m tools.provision
