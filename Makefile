# The commands of this project. The first one that needs it installs everything into .venv.
SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/installed
export PYTHONPATH := $(CURDIR)
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help demo demo-cluster ui test test-ui lint bench pictures setup clean images up down check-python check-java

help:  ## show this list (the default)
	@grep --extended-regexp --no-filename '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | \
	  while IFS= read -r line; do printf '  %-14s%s\n' "$${line%%:*}" "$${line##*  ## }"; done

demo: setup  ## run the whole pipeline on sample logs in a local Airflow, and print the results
	python -m local demo

demo-cluster: setup  ## run the demo on a local HDFS and Spark cluster, and compare its tables with the demo's
	python -m local demo-cluster

ui: setup  ## start a local Airflow to work with, at http://localhost:8080, until Ctrl-C
	python -m local ui

# Most tests keep one core busy, so two processes run them. The tests of a file stay together, since they share fixtures.
# Without the last option, files with many tests would come first, and a slow file with few tests last.
test: setup  ## run the tests, except those that take minutes
	python -m pytest -m "not long" --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-ui: setup  ## run the tests that take minutes: a whole Airflow, a browser, clusters, containers
	python -m pytest -m long

lint: setup  ## check style, formatting, types, import layers and installed packages
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-cache --no-logo
	pip check

bench: setup  ## measure the figures in the documentation
	python -m benchmarks

pictures: setup  ## take new pictures for docs/ in a local Airflow and a browser
	python -m local pictures

# Without a class archive, everything works but starts more slowly.
setup: check-java $(STAMP)  ## install everything into .venv; other targets do this when needed
	@env -u SPARK_HOME python -m spark_jobs.jvm.class_archive || true

# Spark's image comes first, because Airflow's image is based on it.
images: export CODE_REVISION = $(shell git describe --always --dirty --abbrev=40 --exclude="*")
images: .env  ## build the Docker images
	docker compose build spark-master
	docker compose build namenode airflow-api-server trainer

up: images  ## start HDFS, Spark, Airflow and MLflow in Docker
	docker compose up --detach --wait
	@echo "Airflow: http://localhost:8080, user admin, password in .env. MLflow: http://localhost:5000"

down: .env  ## stop the containers; their volumes stay
	docker compose down

.env:
	(umask 077; docker/env.sh > $@.new)
	. ./$@.new; install -d -m 700 $$([ $$(id -u) != 0 ] || echo -o $$USER_ID) "$$ANTM2C_DATA"
	mv $@.new $@

clean:  ## remove .venv and caches; data and runs in var/ stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache spark-warehouse metastore_db derby.log
	find . -name __pycache__ -prune -exec rm -rf {} +

# pip does not compile: most modules are never imported, and Python compiles the others at their first import.
$(STAMP): requirements.txt requirements-dev.txt constraints.txt | check-python
	$(PYTHON) -m venv .venv
	@echo "Installing into .venv: this takes a minute or two, and 3 GB of disk space"
	pip install --no-compile --constraint constraints.txt --requirement requirements-dev.txt
	touch $@

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 is needed: install it, or name it with make PYTHON=/path/to/python3.11" >&2; exit 1; }

check-java:
	@java -version 2>&1 | grep -qE 'version "(17|21)[.\"]' || \
	  { echo "Java 17 or 21 is needed: install one (Debian: apt-get install openjdk-17-jre-headless) and put java on PATH" >&2; exit 1; }
