# Generated sources. A generator adds its output to GENERATED; nothing generated is edited by hand.
HOSTCC ?= cc
GENERATED :=

# The price catalogue. The build reads the snapshot in data/catalogue only, so it needs neither node nor a network;
# catalogue-check proves that the snapshot is what the pinned npm package says, catalogue-update makes it so.
GENERATED += $(BUILD)/gen/catalogue_data.h
build/tools/catalogue-embed: tools/catalogue/embed.c src/model/capability.h src/model/price.h
	@mkdir -p $(@D)
	@$(HOSTCC) -std=gnu17 -D_GNU_SOURCE -O1 -Wall -Wextra -Isrc -o $@.$$$$ $< && mv $@.$$$$ $@
$(BUILD)/gen/catalogue_data.h: build/tools/catalogue-embed data/catalogue/catalogue.tsv data/catalogue/capabilities.tsv
	@mkdir -p $(@D)
	@build/tools/catalogue-embed data/catalogue/catalogue.tsv data/catalogue/capabilities.tsv > $@.$$$$ && mv $@.$$$$ $@

.PHONY: catalogue-check catalogue-update
catalogue-check:
	@sh tools/catalogue/check.sh
catalogue-update:
	@sh tools/catalogue/update.sh

# The demo's workloads are embedded by the assembler, which the dependency files do not see.
$(BUILD)/obj/src/cli/demo_workload.o: data/workload/mixed.jsonl data/workload/coding_day.jsonl

# So are the vocabularies of tokenizers; the checksums of data/tokens are in the tree, and what they are made from is
# pinned in tools/tokens.
$(BUILD)/obj/src/model/token_ranks.o: data/tokens/cl100k_base.ranks data/tokens/o200k_base.ranks
.PHONY: tokens-check tokens-update
tokens-check:
	@sh tools/tokens/check.sh
tokens-update:
	@sh tools/tokens/update.sh

# The default weights of the text model: data/weights holds them and the public rows that they are made from; the rest of
# the material is composed from tools/weights/phrases. `make weights` makes them again, weights-check proves that it would.
$(BUILD)/obj/src/route/text_model_data.o: data/weights/default.weights
WEIGHTS_TOOL := $(BUILD)/tools/weights-train
$(WEIGHTS_TOOL): $(BUILD)/obj/tools/weights/train.o $(call libs_of,route)
	@mkdir -p $(@D)
	@$(CC) -o $@ $(filter %.o,$^) $(call group,$^) $(LDFLAGS_ALL) $(LIBS)
.PHONY: weights weights-check
build/weights/material.jsonl: tools/weights/material.py tools/weights/snippets.py data/weights/outcomes.jsonl.gz $(wildcard tools/weights/phrases/*.txt)
	@mkdir -p $(@D)
	@python3 -B tools/weights/material.py tools/weights/phrases data/weights/outcomes.jsonl.gz > $@.$$$$ && mv $@.$$$$ $@
weights: $(WEIGHTS_TOOL) build/weights/material.jsonl
	@$(WEIGHTS_TOOL) -o data/weights/default.weights build/weights/material.jsonl
weights-check: $(WEIGHTS_TOOL) build/weights/material.jsonl
	@$(WEIGHTS_TOOL) -o build/weights/default.weights build/weights/material.jsonl
	@cmp build/weights/default.weights data/weights/default.weights && echo "ok: the default weights are what their material gives"
