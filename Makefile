# Everything is put into .venv (or .venv_jazzy); nothing outside this folder is written but pip's cache.
PYTHON ?= python3
# kilted or jazzy, from PyPI, where no ROS 2 distribution is sourced; empty: kilted
ROS =
# cpu or cuda; empty keeps the one that is installed (cpu when there is none)
TORCH ?=
ARGS ?=

VENV := .venv$(if $(filter-out kilted,$(ROS)),_$(ROS))
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup run test mutants lint doctor clean

help:
	@echo 'make setup    make .venv: ROS 2, MuJoCo, torch and our messages (TORCH=cuda: with CUDA)'
	@echo 'make run      train on ComplexHook; more settings: make run ARGS="..."'
	@echo 'make test     run the tests; some of them: make test ARGS="test/setup/test_doctor.py"'
	@echo 'make mutants  make faults on purpose, see which the tests notice: ARGS="--only HER"'
	@echo 'make lint     run ruff, mypy and the linters of ROS 2'
	@echo 'make doctor   check this machine and the set-up'
	@echo 'make clean    remove the environments and all build results'
	@echo 'ROS=jazzy     with Jazzy from PyPI in .venv_jazzy, in place of Kilted in .venv'
	@echo 'PYTHON=...    the Python to set up with (3.10 to 3.13), default python3'

setup:
	@$(PYTHON) -m rpl_ros.setup.bootstrap --torch '$(TORCH)' --ros '$(ROS)'

run: setup
	@$(BIN)/rpl launch complex_hook $(ARGS)

test: setup
	@$(BIN)/python -m pytest $(ARGS)

mutants: setup
	@nice $(BIN)/python test/mutants.py $(ARGS)

lint: setup
	@PATH='$(BIN)':"$$PATH" test/lint

doctor:
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m rpl_ros.setup.doctor; \
	else $(PYTHON) -m rpl_ros.setup.doctor; fi

clean:
	rm -rf .venv .venv_jazzy build install log *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
