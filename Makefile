# Two commands matter: `make serve` and `make test`. Both set up what they need and are quick the second time.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif

.PHONY: serve test setup web check bench bench-short picture watch-picture lock clean

serve: setup        ## train and serve on http://127.0.0.1:8000
	@$(BIN)/python -m server

test:               ## every check and every test, in Python, TypeScript and a browser
	@$(PYTHON) scripts/setup.py --dev --browser --postgres
	@$(BIN)/python scripts/check.py

setup:
	@$(PYTHON) scripts/setup.py

web:                ## build the pages into web/dist
	@$(PYTHON) scripts/setup.py --web-only

check:              ## linters and types only
	@$(PYTHON) scripts/setup.py --dev
	@$(BIN)/python scripts/check.py --static

bench:              ## measure speed beside lightly, store the results and write README's table; three quarters of an hour
	@$(PYTHON) scripts/setup.py --dev
	@$(BIN)/python -m benchmarks

bench-short:        ## see that the benchmarks run; a minute, nothing is kept
	@$(PYTHON) scripts/setup.py --dev
	@$(BIN)/python -m benchmarks --short

picture:            ## take README's picture of the belt anew
	@$(PYTHON) scripts/setup.py --dev --browser
	@$(BIN)/python scripts/picture.py

watch-picture:      ## take the picture of `sushibelt watch` anew
	@$(PYTHON) scripts/setup.py --dev
	@$(BIN)/python scripts/watch_picture.py

lock:               ## renew the locks from pyproject.toml
	@$(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --upgrade -o requirements.lock pyproject.toml
	@$(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --upgrade -c requirements.lock --group dev -o requirements-dev.lock

clean:
	rm -rf $(VENV) web/node_modules web/dist
