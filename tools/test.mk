# Test targets. `make test` is the gate, `make test-all` adds the long forms. tools/run-tests.sh holds the list of steps,
# runs them in order and adds up what they counted.

.PHONY: test test-all check setup variants
setup:
	@sh tools/setup.sh

test:
	@sh tools/setup.sh --test
	@bash tools/run-tests.sh gate

test-all:
	@sh tools/setup.sh --test
	@bash tools/run-tests.sh all

check:
	@sh tools/check-layers.sh
	@sh tools/check-style.sh

# Every object and program of a variant, for its warnings: make objects VARIANT=clang CC=clang
.PHONY: objects
objects: $(ALL_OBJ) $(SLUICE)

.PHONY: test-real
test-real:
	@sh tests/real/run.sh
