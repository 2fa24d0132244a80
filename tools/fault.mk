# Tests of what is left when the machine fails, as programs of their own.

# Simulated power losses below the journal and SQLite: the linker puts tests/fault/power_calls.c between src/store and the
# system, and its own counter before segment_begin(). [LOSSES=10000] [SEED=N]
POWER_CALLS := open open64 openat openat64 mkdir fsync msync munmap mmap mmap64 renameat unlinkat segment_begin
POWER_SRC   := $(sort $(wildcard tests/fault/power_*.c))
POWER_LOSS  := $(BUILD)/power_loss
empty :=
space := $(empty) $(empty)
comma := ,
$(POWER_LOSS): $(POWER_SRC:%.c=$(BUILD)/obj/%.o) $(call libs_of,store)
	@echo "  LD $@"
	@$(CC) -o $@ $(filter %.o,$^) $(call group,$^) -Wl,$(subst $(space),$(comma),$(POWER_CALLS:%=--wrap=%)) \
	  $(LDFLAGS_ALL) $(LIBS)
.PHONY: power-loss power-loss-long
power-loss: $(POWER_LOSS)
	@$(POWER_LOSS) $(if $(LOSSES),--losses $(LOSSES)) $(if $(SEED),--seed $(SEED))
power-loss-long: $(POWER_LOSS)
	@$(POWER_LOSS) --losses 10000 $(if $(SEED),--seed $(SEED))

# The ledger's disk full, slow, locked, damaged, gone: [CASES="full-deny slow"]
$(BUILD)/slow_disk.so: tests/fault/slow_disk.c
	@mkdir -p $(@D)
	@$(CC) -std=gnu17 -O2 -fPIC -shared $(WARN) -o $@ $<
.PHONY: disk
disk: $(SLUICE) $(BUILD)/slow_disk.so
	@python3 tests/fault/disk.py --program $(SLUICE) $(CASES)

# The wall clock jumps over midnight and the end of the month, there and back (libfaketime).
.PHONY: clock
clock: $(SLUICE)
	@python3 tests/fault/clock.py --program $(SLUICE)

# The model of leases, holds, settles and crashes, checked with Spin in every order of events.
.PHONY: model model-long
model:
	@python3 tests/model/run.py
model-long:
	@python3 tests/model/run.py --long $(if $(MINUTES),--minutes $(MINUTES))
