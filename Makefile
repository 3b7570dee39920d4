# Everything that people and CI run. Each target says what it does; `make` alone lists them.

SECS ?= 60
RUNS ?= 200
ROUNDS ?= 7
CUTS ?= 200
SCENARIOS ?=
BROKERS ?=
ARGS ?=

CARGO ?= cargo
NPM ?= npm
TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
TOOLS := $(TARGET)/tools
DASHBOARD := crates/admin/dashboard
XTASK := $(CARGO) run --quiet --locked -p castmq-xtask --
VERSUS := $(CARGO) run --quiet --locked -p castmq-versus -- --target $(TARGET)

# ROUNDS stands for those of `bench` unless somebody gives it.
KILLS = $(if $(filter file,$(origin ROUNDS)),200,$(ROUNDS))

.PHONY: help run build dashboard pages test check deny fuzz spec differences test-long sim crash \
	bench bench-pure instructions

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: pages ## Build the release binary and start a broker on 127.0.0.1:1883
	$(CARGO) build --release --locked -p castmq
	$(TARGET)/release/castmq start --config config/castmq.toml

build: pages ## Build the release binary
	$(CARGO) build --release --locked -p castmq

dashboard: $(DASHBOARD)/dist/index.html ## Build the dashboard that the binary carries; needs Node.js

# Where there is no npm, or npm finds nothing to install from, the broker goes without and says so.
pages:
	@if ! command -v $(NPM) >/dev/null; then \
		echo "no npm here: the binary goes without its dashboard" >&2; \
	elif ! $(MAKE) --no-print-directory dashboard; then \
		echo "the dashboard could not be built: the binary goes without it" >&2; \
	fi

$(DASHBOARD)/dist/index.html: $(DASHBOARD)/node_modules/.package-lock.json $(DASHBOARD)/build.mjs \
		$(shell find $(DASHBOARD)/src -type f)
	cd $(DASHBOARD) && node build.mjs

$(DASHBOARD)/node_modules/.package-lock.json: $(DASHBOARD)/package-lock.json
	cd $(DASHBOARD) && $(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# One build serves all tests: the programs under test are those that the first line has built.
test: export CASTMQ_BIN = $(TARGET)/debug/castmq
test: pages ## All tests: unit, doc, model, conformance, simulation, real clients, the dashboard
	$(CARGO) test --workspace --locked --no-fail-fast
	CASTMQ__NODE__POLLER=tokio CASTMQ_CONFORMANCE_STORE=1 $(CARGO) test --locked --no-fail-fast \
		-p castmq-conformance -p castmq-e2e
	CASTMQ_CONFORMANCE_TRANSPORT=wss $(CARGO) test --locked -p castmq-conformance
	tests/e2e/run paho mqttjs dashboard

check: ## Formatting, lints, the project's own rules, and documentation, warnings denied
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(XTASK) edges
	$(XTASK) tidy
	$(XTASK) differences --check
	$(XTASK) spec --check
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

deny: $(TOOLS)/bin/cargo-deny ## Licences, banned and doubled dependencies, sources
	$< --config .deny.toml check bans licenses sources

spec: ## Each normative statement of MQTT with the tests that show it
	$(XTASK) spec

differences: ## Collect the `// differs:` comments into docs/DIFFERENCES.md
	$(XTASK) differences

fuzz: $(TOOLS)/bin/cargo-fuzz ## Fuzz each target for SECS seconds
	@cd tests/fuzz && for target in $$(basename -s .rs fuzz_targets/*.rs); do \
		echo "== fuzz: $$target, $(SECS) s"; \
		mkdir -p corpus/$$target; \
		RUSTC_BOOTSTRAP=1 $(TOOLS)/bin/cargo-fuzz fuzz run --fuzz-dir . $$target \
			corpus/$$target seeds/$$target -- -max_total_time=$(SECS) || exit 1; \
	done

sim: export SIM_RUNS = $(RUNS)
sim: ## Simulate RUNS seeds: several arbiters on one thread, storms, pauses, panics
	$(CARGO) test --profile simulation --locked -p castmq-simulation

# For example: make crash ROUNDS=1000 CUTS=1000, and make crash ROUNDS=20 SEED=7 to repeat some
crash: export CASTMQ_BIN = $(TARGET)/release/castmq
crash: build ## Kill the broker under load ROUNDS times (200), cut the store's power CUTS times (200)
	$(CARGO) run --quiet --locked -p castmq-crash -- --rounds $(KILLS)
	CUTS=$(CUTS) $(CARGO) test --release --locked -p castmq-store --test store power_cut

# For example: make bench ROUNDS=3 SCENARIOS=p2p,conn BROKERS=castmq,mosquitto
# make bench ARGS="--broker 'flashmq=flashmq --config-file f.conf --port {port}' --duration 3"
bench: build ## CastMQ against every broker found: ROUNDS rounds of SCENARIOS (all) with BROKERS (all)
	$(VERSUS) --rounds $(ROUNDS) $(if $(SCENARIOS),--scenarios $(SCENARIOS)) \
		$(if $(BROKERS),--brokers $(BROKERS)) $(ARGS)

# For example: make bench-pure ARGS=glance
bench-pure: ## How long the pure parts take: packets, and the decisions about messages (criterion)
	$(CARGO) bench --locked -p castmq-mqtt -p castmq-rules --bench codec --bench rules -- $(ARGS)

instructions: build ## Instructions by message, counted by valgrind: one arbiter, two, and unwatched
	$(CARGO) build --release --locked -p castmq --features blind --target-dir $(TARGET)/blind
	$(VERSUS) --instructions

test-long: export PROPTEST_CASES = 20000
test-long: test ## All tests, then the long rounds
	$(CARGO) test --locked -p castmq-rules -p castmq-mqtt
	CASTMQ_LOAD_SECS=600 $(CARGO) test --release --locked -p castmq-load
	$(MAKE) sim RUNS=2000
	$(MAKE) fuzz SECS=600

$(TOOLS)/bin/cargo-deny:
	$(CARGO) install --locked --root $(TOOLS) --target-dir $(TARGET) cargo-deny@0.20.2

$(TOOLS)/bin/cargo-fuzz:
	$(CARGO) install --locked --root $(TOOLS) --target-dir $(TARGET) cargo-fuzz@0.13.2
