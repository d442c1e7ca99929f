# Everything from an empty machine with Python 3.11 or newer: `make demo`, `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# two processes of the tests, each on one thread and with whole files, so that fits are shared in a file, the files of long
# tests first (tests/conftest.py); few arenas of malloc, so that what is let go is used again
TESTS := MALLOC_ARENA_MAX=2 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 \
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo test measure-tests slow gpu matrix lint docs pictures clean

demo: $(READY)  ## separate the pair that ships with ddip-tf; the picture is saved_models/demo/preview.png
	$(BIN)/ddip-tf demo -o saved_models/demo --overwrite
	$(BIN)/ddip-tf regenerate saved_models/demo --check

test: $(READY)  ## the test suite; a part of it: make test ARGS="tests/slices -k offset"
	$(TESTS) $(ARGS)

measure-tests: $(READY)  ## the same, with its memory at the peak and its time
	$(BIN)/python tools/peak_memory.py $(MAKE) test

slow: $(READY)  ## the tests that take minutes
	$(BIN)/python -m pytest -m slow

gpu: $(READY)  ## where TensorFlow sees a GPU: the tests of it, then its speed; make gpu PEER=PYTHON that has torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[gpu]"
	$(BIN)/python -m pytest -m gpu -rs tests/training/test_on_gpu.py
	$(BIN)/python tools/benchmark.py build/gpu --sides 272,448,1024 --times 0 --long 0 $(if $(PEER),--peer $(PEER))

matrix:  ## the test suite on Python 3.11 to 3.13, as far as they are found: make matrix ARGS="tests/slices"
	$(PYTHON) tools/matrix.py -- $(ARGS)

lint: $(READY)  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(READY)  ## the documentation site: docs/_build/index.html; a warning is an error
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs docs/_build

pictures: $(READY)  ## every picture that ships, and saved_models/example, by the program as it is
	$(BIN)/python tools/pictures.py

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test,lint]"
	touch $@

clean:
	rm -rf $(VENV) build docs/_build *.egg-info
