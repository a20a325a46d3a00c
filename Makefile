# `make demo` and `make test` are all that is needed on a machine with git, make and Python.

# The first Python that TensorFlow has wheels for; override with `make PYTHON=/path/to/python`.
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11 python3.10 python; do \
	$$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-full test-quick test-oldest test-canary soak faults-table lint format docs bench bench-training bench-search bench-scaling bench-automl bench-views notebooks screenshots dist clean

help:  ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/installed  ## tune a network on real images: 20 trials, a minute or two
	$(BIN)/python examples/digits.py

# With a third worker no core idles while a test waits for a process that it has started.
test: $(VENV)/installed-dev  ## run the suite: of each table with slow cases an eighth, another one each day
	$(BIN)/python -m pytest -n 3 --dist worksteal --cases=sample

test-full: $(VENV)/installed-dev  ## run the suite with all cases
	$(BIN)/python -m pytest -n 3 --dist worksteal

test-quick: $(VENV)/installed-dev  ## run what needs no Keras: a minute
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow" tests/test_layers.py \
	  tests/util tests/space tests/core tests/algorithms tests/store tests/search

test-oldest:  ## run the suite with the oldest versions that pyproject.toml allows
	$(MAKE) VENV=.venv-oldest PIP_CONSTRAINT=tests/oldest.txt test

# What newer ones break is seen before they are released; the browser and long searches are not asked.
test-canary:  ## run the quick part and tests/keras on pre-releases of Keras and TensorFlow
	$(MAKE) VENV=.venv-canary .venv-canary/installed-dev
	.venv-canary/bin/python -m pip install --quiet --upgrade --pre keras tensorflow
	.venv-canary/bin/python -m pip list 2>/dev/null | grep -iE '^(keras|tensorflow) '
	.venv-canary/bin/python -m pytest -n 2 --dist worksteal --cases=sample tests/test_layers.py \
	  tests/util tests/space tests/core tests/algorithms tests/store tests/search tests/keras

soak: $(VENV)/installed-dev  ## run long searches, and watch their memory (some minutes)
	$(BIN)/python -m pytest -m soak tests/faults

# One test at a time: the seconds are measured.
faults-table: $(VENV)/installed-dev  ## cause real faults, and print what each of them costs (some minutes)
	rm -f .faults.jsonl
	KERASTUNE_FAULTS=.faults.jsonl $(BIN)/python -m pytest tests/faults
	$(BIN)/python -m tests.faults.table .faults.jsonl
	rm -f .faults.jsonl

lint: $(VENV)/installed-dev  ## check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/installed-dev  ## mend style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/installed-docs  ## build the documentation as a site: open site/index.html
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet --fresh-env --jobs auto \
	  --conf-dir docs/site --doctree-dir .doctrees . site

bench: $(VENV)/installed-bench  ## measure what a trial costs besides training, against KerasTuner and Optuna
	$(BIN)/python benchmarks/overhead.py

bench-training: $(VENV)/installed-bench  ## measure training against KerasTuner and a plain loop (half an hour)
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/folds.py
	$(BIN)/python benchmarks/zoo.py

bench-search: $(VENV)/installed-bench  ## measure what searches find, against KerasTuner and Optuna (some hours), and what a proposal costs
	$(BIN)/python benchmarks/search_quality.py
	$(BIN)/python benchmarks/search_goals.py
	$(BIN)/python benchmarks/search_goals_epochs.py
	$(BIN)/python benchmarks/warm_start.py
	$(BIN)/python benchmarks/gradients.py
	$(BIN)/python benchmarks/suggest_cost.py
	$(BIN)/python benchmarks/by_time.py

bench-scaling: $(VENV)/installed-bench  ## measure searches with several workers against one process and KerasTuner (half an hour)
	$(BIN)/python benchmarks/scaling.py
	$(BIN)/python benchmarks/scaling_simulated.py

bench-automl: $(VENV)/installed-bench  ## measure what is found in half a minute without a builder, against boosting and networks (an hour and a half)
	$(BIN)/python benchmarks/automl.py

bench-views: $(VENV)/installed  ## measure how long it takes to look at a project of 1,000 trials (a minute)
	$(BIN)/python benchmarks/views.py

# With the ids of cells kept, no times of execution, and TensorFlow's greetings on the terminal only, a
# notebook that is made again differs where its results and their seconds do.
notebooks: $(VENV)/installed-dev  ## make the notebooks from their sources, and run them
	cd notebooks && export PATH="$(abspath $(BIN)):$$PATH" && for source in *.py; do \
	  jupytext --quiet --update --to ipynb $$source && jupyter nbconvert --log-level=WARN --to notebook \
	    --inplace --execute --ExecutePreprocessor.record_timing=False \
	    --ExecutePreprocessor.extra_arguments="['--IPKernelApp.capture_fd_output=False']" \
	    $${source%.py}.ipynb || exit 1; \
	done && rm -rf runs

screenshots: $(VENV)/installed-dev  ## make the README's pictures (needs Chromium)
	$(BIN)/python docs/screenshots.py

# The wheel is made from the sdist, and tried where nothing else is installed and the sources are not seen.
dist: $(VENV)/installed-dev  ## build the wheel and the sdist, check them, and try the wheel in a new environment (some minutes)
	rm -rf dist .venv-dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl
	$(PYTHON) -m venv .venv-dist
	.venv-dist/bin/python -m pip install --quiet dist/*.whl mypy
	.venv-dist/bin/python -I tests/installed_wheel.py

clean:  ## delete what make made
	rm -rf $(VENV) .venv-oldest .venv-canary .venv-dist dist site .doctrees jupyter_execute \
	  .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.10 to 3.13 is needed; there is none on the PATH." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Installing again is needed when the dependencies or the version change, and only then.
$(VENV)/installed: pyproject.toml kerastune_lite/_src/util/version.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

$(VENV)/installed-bench: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	@touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@
