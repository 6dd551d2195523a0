# Both `make demo` and `make test` set everything up the first time.
SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/installed
export PYTHONPATH := $(CURDIR)
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo demo-cluster ui test test-ui bench setup lint clean images up down check-python check-java

demo: setup
	python -m local demo

demo-cluster: setup
	python -m local demo-cluster

ui: setup
	python -m local ui

# Most tests keep one core busy. A file's tests share what it builds; the longest file is not left for the end.
test: setup
	python -m pytest -m "not long" --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-ui: setup
	python -m pytest -m long

bench: setup
	python -m benchmarks

lint: setup
	ruff check .
	ruff format --check .
	mypy

# Everything works without a class archive, only more slowly.
setup: check-java $(STAMP)
	@env -u SPARK_HOME python -m spark_jobs.jvm.class_archive || true

# Spark's image first: Airflow's stands on it.
images: export CODE_REVISION = $(shell git describe --always --dirty --abbrev=40 --exclude="*")
images: .env
	docker compose build spark-master
	docker compose build namenode airflow-api-server trainer

up: images
	docker compose up --detach --wait
	@echo "Airflow: http://localhost:8080, user admin, password in .env. MLflow: http://localhost:5000"

down: .env
	docker compose down

.env:
	(umask 077; docker/env.sh > $@.new)
	. ./$@.new; install -d -m 700 $$([ $$(id -u) != 0 ] || echo -o $$USER_ID) "$$ANTM2C_DATA"
	mv $@.new $@

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache spark-warehouse metastore_db derby.log
	find . -name __pycache__ -prune -exec rm -rf {} +

# Nothing is compiled ahead: most modules are never imported, and Python compiles those that are.
$(STAMP): requirements.txt requirements-dev.txt constraints.txt | check-python
	$(PYTHON) -m venv .venv
	@echo "Installing into .venv: a minute or two, and 3 GB"
	pip install --no-compile --constraint constraints.txt --requirement requirements-dev.txt
	touch $@

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 is needed: install it, or name it with make PYTHON=/path/to/python3.11" >&2; exit 1; }

check-java:
	@java -version 2>&1 | grep -qE 'version "(17|21)[.\"]' || \
	  { echo "Java 17 or 21 is needed: install one (Debian: apt-get install openjdk-17-jre-headless) and put java on PATH" >&2; exit 1; }
