# Everything is put into .venv; nothing outside this folder is written but pip's cache.
PYTHON ?= python3
# cpu or cuda; empty keeps the one that is installed (cpu when there is none)
TORCH ?=
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup run test doctor clean

help:
	@echo 'make setup    make .venv: ROS 2, MuJoCo, torch and our messages (TORCH=cuda: with CUDA)'
	@echo 'make run      train on ComplexHook; more settings: make run ARGS="..."'
	@echo 'make test     run the tests; some of them: make test ARGS="test/test_doctor.py"'
	@echo 'make doctor   check this machine and the set-up'
	@echo 'make clean    remove .venv and all build results'
	@echo 'PYTHON=...    the Python to set up with (3.10 to 3.13), default python3'

setup:
	@$(PYTHON) -m rpl_ros.bootstrap --torch '$(TORCH)'

run: setup
	@.venv/bin/rpl launch complex_hook $(ARGS)

test: setup
	@.venv/bin/python -m pytest $(ARGS)

doctor:
	@if [ -x .venv/bin/python ]; then .venv/bin/python -m rpl_ros.doctor; \
	else $(PYTHON) -m rpl_ros.doctor; fi

clean:
	rm -rf .venv build install log *.egg-info .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
