# Each target gets what it needs by itself (tools/prepare.py); a second run finds it in place.

PYTHON = .venv/bin/python

.PHONY: demo test lint bench corpus fuzz provision

demo:
	@python3 tools/prepare.py demo
	@$(PYTHON) -m tools.demo

test:
	@python3 tools/prepare.py test
	@$(PYTHON) -m pytest -n auto --dist worksteal

lint:
	@python3 tools/prepare.py test
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy
	@$(PYTHON) -m mypy --config-file firmware/mypy.ini

bench:
	@python3 tools/prepare.py bench
	@$(PYTHON) -m tools.bench

corpus:
	@python3 tools/prepare.py test
	@$(PYTHON) -m tools.corpus

fuzz:
	@python3 tools/prepare.py test
	@$(PYTHON) -m tools.fuzz

provision:
	@python3 tools/prepare.py demo
	@$(PYTHON) -m tools.provision
