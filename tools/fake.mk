# Simulated servers for tests and benchmarks: each tests/fake/NAME.c is a main with the sim layer below it.
FAKE_SRC := $(sort $(wildcard tests/fake/*.c))
FAKE_BIN := $(FAKE_SRC:tests/fake/%.c=$(BUILD)/%)
$(FAKE_BIN): $(BUILD)/%: $(BUILD)/obj/tests/fake/%.o $(call libs_of,sim)
	@echo "  LD $@"
	@$(CC) -o $@ $(filter %.o,$^) $(call group,$^) $(LDFLAGS_ALL) $(LIBS)
.PHONY: fake
fake: $(FAKE_BIN)
