# The profile of a release build of gcc (data/profile/ORIGIN.md): how often each branch of the hot sources was taken
# under a mixed load. `make profile` makes it, for one version of gcc; each compilation reads its own part. Other compilers,
# versions and variants build without. Of a function that has changed since, gcc finds no profile and goes on without.
ifneq ($(LTO_COMPILE),)
PROFILE_FILE := data/profile/$(shell $(CC) -dumpmachine)-gcc-$(basename $(shell $(CC) -dumpfullversion)).tar.gz
PROFILE      ?= $(if $(wildcard $(PROFILE_FILE)),use,none)

ifeq ($(PROFILE),use)
# Counts are where gcc looks for them: beside the object, under its name.
-include $(BUILD)/obj/profile.mk
$(BUILD)/obj/profile.mk: $(PROFILE_FILE)
	@mkdir -p $(@D) && tar -xzmf $< -C $(@D)
	@echo "PROFILED := $$(tar -tzf $< | sed 's/gcda$$/o/' | tr '\n' ' ')" > $@
PROFILED_OBJ := $(PROFILED:%=$(BUILD)/obj/%)
$(PROFILED_OBJ): %.o: %.gcda
$(PROFILED_OBJ): PROFILE_COMPILE := -fprofile-use -fprofile-correction -fprofile-partial-training -Wno-coverage-mismatch -Wno-missing-profile
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
