# Tests and measurements around the built program.

# Scenarios: make scenario [CASES="lane_* tools_*"] [WORKERS=1,4]
.PHONY: scenario
scenario: $(SLUICE)
	@python3 tests/scenario/run.py --program $(SLUICE) $(if $(WORKERS),--workers $(WORKERS)) $(CASES)

# The SDKs of PyPI and npm against the program and the simulated provider.
.PHONY: sdk
sdk: $(SLUICE) $(BUILD)/fakeprovider
	@python3 tests/sdk/run.py --program $(SLUICE) --fakeprovider $(BUILD)/fakeprovider

# Coding agents of npm through the program to the simulated provider; five minutes, and 1.1 GB of packages on first use.
.PHONY: agents
agents: $(SLUICE) $(BUILD)/fakeprovider
	@python3 tests/agents/run.py --program $(SLUICE) --fakeprovider $(BUILD)/fakeprovider

# kill -9 at random moments and at every fault point; builds the variant `fault` itself.
.PHONY: crash crash-long
crash:
	@python3 tests/fault/crash.py
crash-long:
	@python3 tests/fault/crash.py --long

# Who may come in: tokens of an identity provider (PyJWT).
.PHONY: keys-test
keys-test: $(SLUICE)
	@python3 tests/keys/run.py --program $(SLUICE)

# A thousand calls at once against caps that fit 37 of them, with kill -9 in between: [SEED=N]
.PHONY: caps caps-long
caps: $(SLUICE)
	@python3 tests/fault/caps.py --program $(SLUICE) $(if $(SEED),--seed $(SEED))
caps-long: $(SLUICE)
	@python3 tests/fault/caps.py --program $(SLUICE) --long

# Three nodes with real PostgreSQL and Redis in network namespaces, as root: [SEED=N] [ONLY=caps,rates,keys,faults]
.PHONY: cluster-test cluster-long
cluster-test: $(SLUICE)
	@python3 tests/fault/cluster.py --program $(SLUICE) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))
cluster-long: $(SLUICE)
	@python3 tests/fault/cluster.py --program $(SLUICE) --long $(if $(SEED),--seed $(SEED))

# Three nodes, HAProxy, Redis, PostgreSQL and a simulated provider as plain processes on the loopback, until Ctrl-C.
.PHONY: cluster
cluster: $(SLUICE) $(BUILD)/fakeprovider
	@SLUICE=$(CURDIR)/$(SLUICE) FAKEPROVIDER=$(CURDIR)/$(BUILD)/fakeprovider bash deploy/cluster.sh

# The script does start them, and what is there for containers can be read.
.PHONY: deploy-test
deploy-test: $(SLUICE) $(BUILD)/fakeprovider
	@python3 tests/cluster/deploy.py --program $(SLUICE) --fakeprovider $(BUILD)/fakeprovider

# The same in containers, as docs/guides/deployment.md says; skipped where no engine answers. ENGINE=own starts a dockerd (as root),
# IMAGES=stand-ins makes images that are not there of Debian's packages instead of pulling them. In no gate: it builds the image.
.PHONY: compose-test
compose-test:
	@python3 tests/cluster/compose.py $(if $(filter own,$(ENGINE)),--own-engine) $(if $(filter stand-ins,$(IMAGES)),--stand-ins)

# The same crowd on three nodes with a real PostgreSQL, which is killed, too: [SEED=N]
.PHONY: cluster-caps
cluster-caps: $(SLUICE)
	@python3 tests/fault/cluster_caps.py --program $(SLUICE) $(if $(SEED),--seed $(SEED))

# Conversations of a cluster: two nodes, a real PostgreSQL and a real Redis.
.PHONY: cluster-sessions
cluster-sessions: $(SLUICE)
	@python3 tests/cluster/sessions.py --program $(SLUICE)

# Keys and ledger of a cluster: nodes, a real PostgreSQL, kill -9 of both. [ROUNDS=N SEED=N]
.PHONY: cluster-ledger
cluster-ledger: $(SLUICE)
	@python3 tests/cluster/ledger.py --program $(SLUICE) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED))

# A vendor's own invoice against the ledger: [CALLS=100000]
.PHONY: invoice
invoice: $(SLUICE)
	@python3 tests/fault/invoice.py --program $(SLUICE) $(if $(CALLS),--calls $(CALLS))

# What was learned, and where conversations are, after a restart and after kill -9: seconds.
.PHONY: restart
restart: $(SLUICE)
	@python3 tests/fault/restart.py --program $(SLUICE)

# Answers of two models replayed, the weak one's read and escalated, quality over spend: [ROWS=FILE] [POINTS=N] [BAR=0.75]
.PHONY: cascade
cascade: $(SLUICE)
	@python3 tests/bench/cascade.py --program $(SLUICE) $(if $(ROWS),--rows $(ROWS)) $(if $(POINTS),--points $(POINTS)) \
	  --bar $(or $(BAR),0.6)

# Misspelt framing with innocent requests behind it, compared with nginx: a minute at most. [SEED=N]
.PHONY: smuggling
smuggling: $(SLUICE)
	@python3 tests/fault/diff_smuggling.py --program $(SLUICE) $(if $(SEED),--seed $(SEED))

# Mixed load with faults: 2 minutes, or an hour.
.PHONY: soak soak-long
soak: $(SLUICE)
	@python3 tests/fault/soak.py --program $(SLUICE)
soak-long: $(SLUICE)
	@python3 tests/fault/soak.py --program $(SLUICE) --long

# make bench [ONLY=json,tls] [ROUNDS=5] [RECORD=1] [LONG=1]
.PHONY: bench
bench: $(SLUICE)
	@python3 tests/bench/run.py --program $(SLUICE) $(if $(ONLY),--only $(ONLY)) \
	  $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(RECORD),--record) $(if $(LONG),--long)

# Benchmarks of single layers: LAYER_bench.c is linked with its layer and what that may use.
define LAYER_BENCH_RULES
$(BUILD)/bench/$(1)_bench: $(BUILD)/obj/tests/bench/$(1)_bench.o $(call libs_of,$(1))
	@mkdir -p $$(@D)
	@$$(CC) -o $$@ $$(filter %.o,$$^) $$(call group,$$^) $$(LDFLAGS_ALL) $$(LIBS)
endef
$(foreach layer,dialect route store,$(eval $(call LAYER_BENCH_RULES,$(layer))))
$(BUILD)/bench/budget_bench $(BUILD)/bench/history_bench: \
    $(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(call libs_of,store)
	@mkdir -p $(@D)
	@$(CC) -o $@ $(filter %.o,$^) $(call group,$^) $(LDFLAGS_ALL) $(LIBS)

# Token counts against npm's tiktoken: [COUNT=10000] [SEED=N]
$(BUILD)/token_encode: $(BUILD)/obj/tests/tokens/encode.o $(call libs_of,model)
	@$(CC) -o $@ $(filter %.o,$^) $(call group,$^) $(LDFLAGS_ALL) $(LIBS)
.PHONY: tokens-test
tokens-test: $(BUILD)/token_encode
	@python3 tests/tokens/run.py --encode $< $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED))
