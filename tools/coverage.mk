# Line coverage of the unit tests; fails when a parser is not above 90 %. LINES=1 also lists the lines that did not run.
.PHONY: coverage
coverage:
	@sh tools/coverage.sh $(if $(LINES),--lines)
