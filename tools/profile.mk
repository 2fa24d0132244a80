# The profile of a release build of gcc (data/profile/ORIGIN.md): how often each branch of the hot sources was taken
# under a mixed load. `make profile` makes it, for one version of gcc; each compilation reads its own part. Other compilers,
# versions and variants build without. Of a function that has changed since, gcc finds no profile and goes on without.
ifneq ($(LTO_COMPILE),)
PROFILE_FILE := data/profile/$(shell $(CC) -dumpmachine)-gcc-$(basename $(shell $(CC) -dumpfullversion)).tar.gz
# Of the command line only: a variable of that name in somebody's environment must not change the program.
ifneq ($(origin PROFILE),command line)
override PROFILE := $(if $(wildcard $(PROFILE_FILE)),use,none)
endif

ifeq ($(PROFILE),use)
ifeq ($(and $(shell command -v tar 2>/dev/null),$(shell command -v gzip 2>/dev/null)),)
$(error The profile in $(PROFILE_FILE) cannot be read without tar and gzip; PROFILE=none builds without it)
endif
# Counts are where gcc looks for them: beside the object, under its name. What cannot be unpacked ends the build.
include $(BUILD)/obj/profile.mk
$(BUILD)/obj/profile.mk: $(PROFILE_FILE)
	@mkdir -p $(@D) && tar -xzmf $< -C $(@D)
	@echo "PROFILED := $$(tar -tzf $< | sed 's/gcda$$/o/' | tr '\n' ' ')" > $@
PROFILED_OBJ := $(PROFILED:%=$(BUILD)/obj/%)
$(PROFILED_OBJ): %.o: %.gcda
$(PROFILED_OBJ:.o=.gcda): $(PROFILE_FILE)
	@mkdir -p $(@D) && tar -xzmf $< -C $(BUILD)/obj $(@:$(BUILD)/obj/%=%)
# What is known to be hot is worth inlining further than the usual limits: 1 % fewer instructions of a request, 3 % more code.
PROFILE_INLINE := --param=max-inline-insns-single=400 --param=max-inline-insns-auto=60 \
	--param=inline-unit-growth=200 --param=large-function-growth=1000 --param=large-stack-frame-growth=10000
$(PROFILED_OBJ): PROFILE_COMPILE := -fprofile-use -fprofile-correction -fprofile-partial-training -Wno-coverage-mismatch -Wno-missing-profile \
	$(PROFILE_INLINE)
# What a request passes once is hot, too, although the loops over its text are a hundred times hotter.
LTO_PROGRAM  += --param=hot-bb-count-ws-permille=999
endif

# An instrumented program: it writes counts beside its objects when it ends.
ifeq ($(PROFILE),make)
$(BUILD)/obj/src/%.o: PROFILE_COMPILE := -fprofile-generate -fprofile-update=prefer-atomic
LTO_PROGRAM  := $(LTO_OTHERS) -fprofile-generate
endif
endif

.PHONY: profile
profile: $(BUILD)/fakeprovider
	@sh tools/profile/make.sh "$(CC)" "$(PROFILE_FILE)" $(BUILD)/fakeprovider
