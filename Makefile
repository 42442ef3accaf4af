# The front of the repository. `make demo` and `make test` need nothing before them but git, make, root (or
# sudo) and a Rust toolchain on Debian 12.

.DEFAULT_GOAL := help
.PHONY: help setup demo build test test-full bench fuzz lint fmt

help: ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install the Debian packages that building and testing need
	@scripts/setup

demo: setup ## The story on real parts: packages, hosts, an upgrade, a sick version, a race (KEEP=1 leaves the hosts up)
	@scripts/demo

build: setup ## Build the tagboat binary
	cargo build --locked

test: setup ## Everything that must hold: format, lints, every ring of tests
	scripts/test

test-full: export TAGBOAT_FULL = 1
test-full: setup ## What `make test` does, with many more rounds of races and interruptions, and fuzzing (an hour)
	scripts/test

bench: setup ## What is measured, beside its bar: a table (PARTS="scale edit" measures only these)
	@cargo build --quiet --locked --package tagboat
	@cargo run --quiet --locked --package tagboat-testing --bin bench -- $(PARTS)

fuzz: export TAGBOAT_FULL = 1
fuzz: setup ## Everything that reads bytes from outside, against made-up ones: a minute each
	scripts/fuzz

lint: ## Clippy, warnings are errors
	cargo clippy --locked --workspace --all-targets -- --deny warnings

fmt: ## Format the code
	cargo fmt --all
