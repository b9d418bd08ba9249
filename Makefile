# make demo   set up, find the scale of two sample slides, say where pictures and reports are
# make test   set up, run the tests
# make check  ruff and mypy
# make fuzz   damaged inputs for every reader and parser, for as long as you like; FUZZ_CASES in all
# make lowest the tests with the lowest versions that pyproject.toml allows; an environment of some GB
# make newest the tests with the newest versions of all, on the newest Python
# make audit  known vulnerabilities of what is installed, as pip-audit's service knows them
# make matrix set up, ask every family of networks in docs/networks.md
# make docs   the site of the documentation, in build/site; a warning is an error
# make wheel  the sdist, and the wheel made from it, in build/dist
# make wheel-check   the wheel in environments of its own, used far from the checkout (GBs)
# make consumers   let other tools read patches by our exports; each gets an environment (GBs)

PYTHON ?= python3
VENV ?= .venv
# for pip: an index, a constraints file, … For a small torch without CUDA on Linux:
#   make demo PIP_OPTIONS="-c .ci/constraints.txt --extra-index-url https://download.pytorch.org/whl/cpu"
PIP_OPTIONS ?= -c .ci/constraints.txt
PYTEST_OPTIONS ?= -n 2

BIN := $(VENV)/bin
export OMP_NUM_THREADS ?= 2

FUZZ_CASES ?= 100000

# the Pythons in which the wheel is tried
WHEEL_PYTHONS ?= $(PYTHON)

.PHONY: demo test check fuzz lowest newest audit matrix docs wheel wheel-check consumers clean

demo: $(VENV)/.installed
	@mkdir -p demo
	$(BIN)/wsi-scale estimate sample_data/CMU-1-Small-Region.svs \
	  --json demo/CMU-1.json --plot demo/CMU-1.png --html demo/CMU-1.html
	@echo
	$(BIN)/wsi-scale estimate sample_data/figures.tif --network figures \
	  --json demo/figures.json --plot demo/figures.png --html demo/figures.html
	@echo
	@echo "pictures: demo/CMU-1.png,  demo/figures.png"
	@echo "pages:    demo/CMU-1.html, demo/figures.html"
	@echo "reports:  demo/CMU-1.json, demo/figures.json"

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --cov --cov-report=term $(PYTEST_OPTIONS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fuzz: $(VENV)/.installed-dev
	nice -n 19 $(BIN)/python tests/fuzz/run.py --cases $(FUZZ_CASES) --out fuzz

lowest newest:
	.ci/versions $@

# the service is asked by public version, so without a local one such as +cpu; no answer is a failure
audit: $(VENV)/.installed-dev
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --quiet pip-audit
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+.*//' > build/audit/installed.txt
	build/audit/bin/pip-audit --strict --no-deps --disable-pip -r build/audit/installed.txt

matrix: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/family_matrix.py --check --workers 2

docs: $(VENV)/.installed-docs
	$(BIN)/python docs/site/lay_out.py build/pages
	$(BIN)/python -m sphinx -W --keep-going -q -b html -c docs/site build/pages build/site
	@echo "the site: build/site/index.html"

wheel: $(VENV)/.installed-docs
	rm -rf build/dist
	$(BIN)/python -m build --outdir build/dist .

wheel-check: wheel
	$(BIN)/python packaging/check_wheel.py --pip-options "$(PIP_OPTIONS)" \
	  $(foreach one,$(WHEEL_PYTHONS),--python $(one))

# a tool that cannot be installed here leaves no environment, and the table says so
consumers: $(VENV)/.installed-dev
	mkdir -p build/consumers
	$(BIN)/python benchmarks/consumers/run.py --packages | while read -r name packages; do \
	  $(PYTHON) -m venv build/consumers/$$name && \
	  build/consumers/$$name/bin/python -m pip install --quiet $(PIP_OPTIONS) $$packages || \
	  rm -rf build/consumers/$$name; \
	done
	$(BIN)/python benchmarks/consumers/run.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml .ci/constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet $(PIP_OPTIONS) --editable .
	touch $@

$(VENV)/.installed-dev: pyproject.toml .ci/constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet $(PIP_OPTIONS) --editable ".[dev,networks]"
	touch $(VENV)/.installed $@

$(VENV)/.installed-docs: pyproject.toml .ci/constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet $(PIP_OPTIONS) --editable ".[docs]"
	touch $(VENV)/.installed $@

clean:
	rm -rf $(VENV) demo build
