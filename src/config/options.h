/* SPDX-License-Identifier: Apache-2.0 */
/* The option table (options.def) as data. Read-only, any thread. */
#ifndef SLUICE_CONFIG_OPTIONS_H
#define SLUICE_CONFIG_OPTIONS_H

#include "base/buf.h"

enum option_type {
    OPTION_SECTION,
    OPTION_STRING,
    OPTION_SECRET,
    OPTION_STRING_LIST,     /* a list, or one string */
    OPTION_LIST_OR_SECTION, /* a list of strings, one string, or a section */
    OPTION_BOOLEAN,
    OPTION_INTEGER,
    OPTION_AUTO_INTEGER, /* an integer or the word auto */
    OPTION_DECIMAL,      /* value scaled by 1000 */
    OPTION_DURATION,     /* value in ms */
    OPTION_SIZE,         /* value in bytes */
    OPTION_CHOICE,       /* value: index in the choices */
    OPTION_PRICE,        /* dollars per million tokens; value in pico-dollars per token */
    OPTION_MONEY,        /* dollars; value in nano-dollars */
};

struct option {
    const char *path; /* "routes.*.baseline" */
    enum option_type type;
    const char *fallback; /* default as text; NULL: not set */
    int64_t minimum;      /* both 0: no bounds */
    int64_t maximum;
    const char *choices; /* "a|b|c" */
    const char *help;
};

extern const struct option option_table[];
extern const size_t option_count;

const char *option_type_name(enum option_type type);
/* The option of a concrete path's pattern (exact comparison with the table's path). */
const struct option *option_find(struct slice pattern);
/* Is `child` (a row) a direct child of the pattern `parent` ("" for the top)? */
bool option_is_child(const struct option *child, struct slice parent);
/* The last word of the path. */
struct slice option_name(const struct option *option);
/* The child of `parent` that somebody who writes `name` means: the same word written differently,
 * a usual name for it, a near miss, or a part of it. NULL: none. */
const struct option *option_suggest(struct slice parent, struct slice name);
/* An option of this very name in another section, or NULL. */
const struct option *option_elsewhere(struct slice name);
/* Index of a word in the choices; -1: none. */
int option_choice(const char *choices, struct slice word);
bool option_has_bounds(const struct option *option);
/* "1 to 64", "1KB to 1MB", "100ms to 10m": for people. */
void option_write_bounds(const struct option *option, struct buf *out);

/* Edit distance with transpositions (optimal string alignment) up to `limit`; limit + 1 when
 * beyond. */
unsigned edit_distance(struct slice a, struct slice b, unsigned limit);
/* How far a word of this length may be from what was meant: half of its letters are not a typo. */
unsigned edit_limit(struct slice word);

#endif
