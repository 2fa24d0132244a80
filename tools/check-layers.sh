#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Proves that the includes of src/ keep to the layers. The table is DEPS_<layer> of the Makefile, so that what is checked
# and what is linked cannot differ. TAP on stdout, exit status 1 when an include or the table itself is wrong.
set -eu
cd "$(dirname "$0")/.."

table=$(awk '
    /^LAYERS *:=/ { sub(/^[^=]*=/, ""); print "LAYERS " $0 }
    /^DEPS_[a-z_]+ *:=/ {
        layer = $0
        sub(/^DEPS_/, "", layer)
        sub(/[ :=].*$/, "", layer)
        sub(/^[^=]*=/, "")
        print "DEPS " layer " " $0
    }' Makefile)

find src -type f \( -name '*.c' -o -name '*.h' -o -name '*.def' \) | sort |
    xargs awk -v table="$table" '
    function fail(layer, text) { problems[layer] = problems[layer] "# " text "\n" }
    BEGIN {
        rows = split(table, row, "\n")
        for (r = 1; r <= rows; r++) {
            words = split(row[r], word, " ")
            if (word[1] == "LAYERS") {
                for (w = 2; w <= words; w++) {
                    order[++layers] = word[w]
                    place[word[w]] = layers
                }
            } else if (word[1] == "DEPS") {
                listed[word[2]] = 1
                for (w = 3; w <= words; w++) {
                    may[word[2], word[w]] = 1
                    uses[word[2]] = uses[word[2]] " " word[w]
                }
            }
        }
    }
    FNR == 1 {
        split(FILENAME, part, "/")
        from = part[2]
        if (!(from in place) && !(from in strange)) {
            strange[from] = 1
            fail("", FILENAME ": src/" from " is not among LAYERS")
        }
    }
    /^[ \t]*#[ \t]*include[ \t]*"/ {
        split($0, quoted, "\"")
        includes++
        target = quoted[2]
        if (target !~ /\//) {
            # a generated header lies in the build directory; any other says where it belongs
            beside = FILENAME
            sub(/[^\/]*$/, target, beside)
            if ((getline line < beside) >= 0) {
                fail(from, FILENAME ":" FNR ": \"" target "\" does not name its layer")
            }
            close(beside)
            next
        }
        sub(/\/.*$/, "", target)
        if (target != from && !((from, target) in may)) {
            fail(from, FILENAME ":" FNR ": " from " must not include " quoted[2])
        }
    }
    END {
        for (i = 1; i <= layers; i++) {
            if (!(order[i] in listed)) {
                fail("", "Makefile: DEPS_" order[i] " is missing")
            }
            count = split(uses[order[i]], used, " ")
            for (u = 1; u <= count; u++) {
                if (!(used[u] in place)) {
                    fail("", "Makefile: DEPS_" order[i] " names " used[u] ", which is no layer")
                }
                if (used[u] in place && place[used[u]] >= i) {
                    fail("", "Makefile: " order[i] " uses " used[u] ", which does not come before it")
                }
            }
        }
        if (includes == 0) {
            fail("", "no include was found: the check itself is broken")
        }
        order[0] = ""
        for (i = 0; i <= layers; i++) {
            bad = order[i] in problems
            failed += bad
            name = i == 0 ? "the table of the layers is sound" : "src/" order[i] " includes only what it may use"
            printf "%s%sok %d - %s\n", problems[order[i]], bad ? "not " : "", i + 1, name
        }
        printf "1..%d\n", layers + 1
        exit failed > 0
    }'
