# The commands of the project. Each is safe to repeat; the work is done by the scripts in .ci, everything made here
# stays in .local and target.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

export PGRX_HOME := $(CURDIR)/.local/pgrx
export PATH := $(CURDIR)/.local/tools/bin:$(PATH)

.PHONY: help demo test test-core test-sqlsmith fuzz up start down psql bench lint package clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: start ## play the whole story on real rows and leave it running; ONCE=1 stops it afterwards
	@status=0; \
	source .local/env; \
	target/debug/story play || status=$$?; \
	if [ -n "$(ONCE)" ]; then $(MAKE) down; else .ci/bridge status; fi; \
	exit $$status

test: ## run every test
	@.ci/deps test
	@.ci/extension debug
	@.ci/test

test-core: ## run PostgreSQL's own suites with and without the library and compare (six minutes)
	@.ci/deps test
	@.ci/extension debug
	@.ci/core $(ARGS)

test-sqlsmith: ## random statements as an attached run-time role (ten minutes); ARGS="--statements 1000 --seed 1"
	@.ci/deps sqlsmith
	@.ci/extension debug
	@cargo build --quiet -p vpd_tests --bin smith
	@target/debug/smith $(ARGS)

fuzz: ## random input for what reads texts of others (five minutes); ARGS="--seconds 3600 csv" for longer, for one target
	@.ci/deps fuzz
	@.ci/fuzz $(ARGS)

up: start ## build and start the database cluster and the bridge of this tree
	@.ci/bridge status

start:
	@.ci/deps demo
	@.ci/extension debug
	@.ci/build
	@.ci/cluster start
	@.ci/bridge start
	@source .local/env && target/debug/story load

down: ## stop the bridge and the cluster
	@.ci/bridge stop
	@.ci/cluster stop

psql: ## open psql as superuser in the cluster of this tree
	@.ci/cluster psql

bench: ## measure against hand-written twins and print the ratios; ARGS="--only P-1,P-8" for some of them
	@.ci/deps demo
	@.ci/extension release
	@.ci/column_encrypt
	@echo "==> building the measurements (the first time a few minutes)"
	@cargo build --quiet --release -p vpd_tests --no-default-features --bin bench
	@target/release/bench $(ARGS)

lint: ## check format, lints, documentation, boundaries and SQL rules
	@.ci/deps test
	@.ci/lint

package: ## build the release package of the extension into .local/package
	@.ci/deps demo
	@.ci/extension release
	@.ci/package

clean: ## stop everything, then remove .local and target
	@if [ -d .local ]; then $(MAKE) down; fi
	@if [ -L .local/server ]; then rm -rf "$$(realpath .local/server)"; fi
	rm -rf .local target
