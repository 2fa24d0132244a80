# Sluice: one Makefile, non-recursive. `make help` lists the targets.
#
# Every source layer becomes one static library per variant (build/VARIANT/lib/LAYER.a); a program links the
# layers it names. DEPS_<layer> is the direct form of the table in docs/ARCHITECTURE.md, and tools/check-layers
# proves that the includes keep to it.

VARIANT ?= release
CC      ?= gcc
ifeq ($(origin CC),default)
CC      := gcc
endif
BUILD   := build/$(VARIANT)
VERSION := 0.1.0

LAYERS := base codec model dialect provider route net store config sim gateway cli

DEPS_base     :=
DEPS_codec    := base
DEPS_model    := base codec
DEPS_dialect  := base codec model
DEPS_provider := base codec model
DEPS_route    := base codec model
DEPS_net      := base codec
DEPS_store    := base model
DEPS_config   := base codec model dialect provider route
DEPS_sim      := base codec net
DEPS_gateway  := base codec model dialect provider route net store config
DEPS_cli      := base codec model dialect provider route net store config gateway sim

-include build/deps.mk
build/deps.mk: tools/deps.sh $(wildcard build/grammars/complete)
	@mkdir -p build && sh tools/deps.sh > $@.tmp && mv $@.tmp $@

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wvla -Wformat=2 -Wcast-qual -Wwrite-strings -Wundef \
	-Wpointer-arith -Wdouble-promotion -Wdate-time -Wno-overlength-strings -Werror
IS_CLANG := $(findstring clang,$(shell $(CC) --version))
ifeq ($(IS_CLANG),)
WARN += -Wduplicated-cond -Wlogical-op
endif
COMMON := -std=gnu17 -g -pthread -Isrc -I. -I$(BUILD)/gen $(DEP_CFLAGS) -ffile-prefix-map=$(CURDIR)=. \
	-DSLUICE_VERSION=\"$(VERSION)\"
# Not -ftrivial-auto-var-init=zero: with it gcc 12.2 loses parts of constants that a function returns in a struct.
HARDEN := -O2 -fno-plt -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -fPIE
HARDEN_LD := -pie -Wl,-z,relro,-z,now,-z,noexecstack
FLAGS_release := $(HARDEN)
LD_release    := $(HARDEN_LD)
FLAGS_asan  := -O1 -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined -DSLUICE_FAULTS
LD_asan     := -fsanitize=address,undefined
FLAGS_tsan  := -O1 -fsanitize=thread -fno-omit-frame-pointer
LD_tsan     := -fsanitize=thread
FLAGS_cov   := -O0 --coverage
LD_cov      := --coverage
FLAGS_fault := -O1 -DSLUICE_FAULTS
LD_fault    :=
FLAGS_fuzz  := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer
LD_fuzz     := -fsanitize=fuzzer,address,undefined
# The release program of gcc is optimised as a whole when it is linked, in one piece and with more of it inlined:
# about 4 % fewer instructions for each request; LTO=0 links in a second instead. Its objects hold plain code too,
# which tests and tools link.
LTO ?= 1
ifeq ($(VARIANT)$(IS_CLANG)$(LTO),release1)
LTO_COMPILE  = $(LTO_LEVEL) -flto -ffat-lto-objects -frandom-seed=$<
LTO_PROGRAM := $(WARN) -Wno-maybe-uninitialized $(FLAGS_release) -O3 -fno-tree-vectorize -flto=1 -flto-partition=one -ffile-prefix-map=$(CURDIR)=.
LTO_OTHERS  := -fno-lto
# Vectors that the compiler finds by itself cost more than they save: texts are short.
$(BUILD)/obj/src/%.o: LTO_LEVEL := -O3 -fno-tree-vectorize
endif
include tools/profile.mk
# The assembler makes the symbols of an embedded file, which link-time optimisation does not see.
EMBEDDING := src/model/token_ranks src/route/text_model_data src/cli/demo_workload
$(EMBEDDING:%=$(BUILD)/obj/%.o): LTO_COMPILE := $(LTO_OTHERS)
CFLAGS_ALL  := $(COMMON) $(WARN) $(FLAGS_$(VARIANT)) $(CFLAGS)
LDFLAGS_ALL := -pthread $(LD_$(VARIANT)) $(LTO_OTHERS) $(LDFLAGS)
LIBS        := $(DEP_LIBS) -lm

.DEFAULT_GOAL := build
.SECONDARY:
.DELETE_ON_ERROR:

# --- libraries, one per layer -------------------------------------------------------------------------
define LAYER_RULES
SRC_$(1) := $$(sort $$(wildcard src/$(1)/*.c src/$(1)/*/*.c))
OBJ_$(1) := $$(SRC_$(1):%.c=$$(BUILD)/obj/%.o)
$$(BUILD)/lib/$(1).a: $$(OBJ_$(1))
	@mkdir -p $$(@D) && rm -f $$@ && ar rcsD $$@ $$^
ALL_OBJ += $$(OBJ_$(1))
endef
$(foreach layer,$(LAYERS),$(eval $(call LAYER_RULES,$(layer))))

# Gathering scalars into vectors costs the text pass more than it saves.
$(BUILD)/obj/src/route/%.o: CFLAGS_ALL += -fno-tree-slp-vectorize

$(BUILD)/obj/%.o: %.c $(GENERATED_DEPS) | generated
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CFLAGS_ALL) $(LTO_COMPILE) $(PROFILE_COMPILE) -MMD -MP -c $< -o $@

# Which grammars there are is a flag of these (deps.sh).
$(addprefix $(BUILD)/obj/,src/route/check_code.o tests/unit/route/check_test.o): build/deps.mk

# llhttp: a library where it is packaged, else the packaged generated C, compiled here without our warnings
$(BUILD)/lib/llhttp.a: $(LLHTTP_SRC)
	@mkdir -p $(BUILD)/obj/llhttp $(@D) && rm -f $@
	@for f in $(LLHTTP_SRC); do \
	  $(CC) -std=gnu17 -O2 -fPIE $(if $(filter asan fuzz tsan,$(VARIANT)),$(FLAGS_$(VARIANT))) $(DEP_CFLAGS) -w \
	    -c $$f -o $(BUILD)/obj/llhttp/$$(basename $$f .c).o || exit 1; done
	@ar rcsD $@ $(if $(LLHTTP_SRC),$(BUILD)/obj/llhttp/*.o)

# tree-sitter's grammars: generated C of packages (tools/fetch-grammars.sh), mostly tables; none where there are none
$(BUILD)/lib/grammars.a: $(GRAMMAR_SRC)
	@mkdir -p $(BUILD)/obj/grammars $(@D) && rm -f $@
	@for f in $(GRAMMAR_SRC); do \
	  $(CC) -std=gnu17 -O1 -fPIE $(if $(filter asan fuzz tsan,$(VARIANT)),$(FLAGS_$(VARIANT))) -w -I$$(dirname $$f) \
	    -c $$f -o $(BUILD)/obj/grammars/$$(echo $$f | tr / _ | sed 's/\.c$$//').o || exit 1; done
	@ar rcsD $@ $(if $(GRAMMAR_SRC),$(BUILD)/obj/grammars/*.o)

libs_of = $(patsubst %,$(BUILD)/lib/%.a,$(sort $(1) $(DEPS_$(1)))) $(BUILD)/lib/llhttp.a $(BUILD)/lib/grammars.a
group   = -Wl,--start-group $(filter %.a,$(1)) -Wl,--end-group

# --- generated sources (catalogue, assets): each generator adds itself to GENERATED -------------------
include tools/generate.mk
.PHONY: generated
generated: $(GENERATED)

# --- programs --------------------------------------------------------------------------------------------
SLUICE := $(BUILD)/sluice
$(SLUICE): $(call libs_of,cli)
	@echo "  LD $@"
	@$(CC) -o $@ $(call group,$^) $(filter-out $(LTO_OTHERS),$(LDFLAGS_ALL)) $(LTO_PROGRAM) $(LIBS)

.PHONY: build all run help
build: $(SLUICE)
all: build
# Installs what is missing, builds, starts the gateway; with no key and no local model, the simulated fleet.
run:
	@sh tools/setup.sh
	@$(MAKE) --no-print-directory build
	@exec $(SLUICE) serve --or-demo
help:
	@echo "make run | build | test | test-all | test-real | bench | unit | check | clean   (VARIANT=release|asan|tsan|cov|fuzz|fault, CC=gcc|clang, LTO=0|1, PROFILE=none)"

# A unit test tests/unit/LAYER/NAME_test.c links LAYER and what LAYER may use: nothing else.
UNIT_SRC := $(sort $(wildcard tests/unit/*/*_test.c))
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)
define UNIT_RULES
$$(BUILD)/unit/$(1)/%: $$(BUILD)/obj/tests/unit/$(1)/%.o $$(call libs_of,$(1))
	@mkdir -p $$(@D)
	@$$(CC) -o $$@ $$(filter %.o,$$^) $$(call group,$$^) $$(LDFLAGS_ALL) $$(LIBS)
.PHONY: unit-$(1)
unit-$(1): $$(filter $$(BUILD)/unit/$(1)/%,$$(UNIT_BIN))
	@sh tools/run-unit.sh $$^
endef
$(foreach layer,$(LAYERS),$(eval $(call UNIT_RULES,$(layer))))
.PHONY: unit
unit: $(UNIT_BIN)
	@sh tools/run-unit.sh $^

# A fuzz target tests/fuzz/LAYER_NAME_fuzz.c links LAYER the same way; `make fuzz VARIANT=fuzz CC=clang`.
FUZZ_SRC := $(sort $(wildcard tests/fuzz/*_fuzz.c))
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/fuzz/%)
define FUZZ_RULES
$$(BUILD)/fuzz/$(1)_%_fuzz: $$(BUILD)/obj/tests/fuzz/$(1)_%_fuzz.o $$(call libs_of,$(1))
	@mkdir -p $$(@D)
	@$$(CC) -o $$@ $$(filter %.o,$$^) $$(call group,$$^) $$(LDFLAGS_ALL) $$(LIBS)
endef
$(foreach layer,$(LAYERS),$(eval $(call FUZZ_RULES,$(layer))))
.PHONY: fuzz-build
fuzz-build: $(FUZZ_BIN)

include tools/bench.mk
-include tools/fake.mk
include tools/fault.mk
-include tools/run-tests.mk
-include tools/coverage.mk
include tools/test.mk

.PHONY: clean
clean:
	rm -rf build

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
