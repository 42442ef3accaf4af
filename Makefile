# The front of the repository. `make demo` and `make test` need nothing before them but git, make, root (or
# sudo) and a Rust toolchain on Debian 12.

.DEFAULT_GOAL := help
.PHONY: help setup demo build test test-full bench lint fmt

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

test-full: setup ## What `make test` does, with many more rounds of races and interruptions (an hour)
	TAGBOAT_FULL=1 scripts/test

bench: setup ## What is measured, beside its bar: a table (PARTS="scale edit" measures only these)
	@cargo build --quiet --locked --package tagboat
	@cargo run --quiet --locked --package tagboat-testing --bin bench -- $(PARTS)

lint: ## Clippy, warnings are errors
	cargo clippy --locked --workspace --all-targets -- --deny warnings

fmt: ## Format the code
	cargo fmt --all
