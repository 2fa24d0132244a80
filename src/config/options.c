/* SPDX-License-Identifier: Apache-2.0 */
#include "config/options.h"

const struct option option_table[] = {
#define OPTION(path, type, fallback, minimum, maximum, choices, help)                              \
    {path, OPTION_##type, fallback, minimum, maximum, choices, help},
#include "config/options.def"
#undef OPTION
};
const size_t option_count = ARRAY_LEN(option_table);

#define NAME_MAX_COMPARED 40

const char *option_type_name(enum option_type type)
{
    static const char *const names[] = {
        [OPTION_SECTION] = "a section",
        [OPTION_STRING] = "a string",
        [OPTION_SECRET] = "a string",
        [OPTION_STRING_LIST] = "a list of strings",
        [OPTION_LIST_OR_SECTION] = "a list of target names or a section",
        [OPTION_BOOLEAN] = "true or false",
        [OPTION_INTEGER] = "a whole number",
        [OPTION_AUTO_INTEGER] = "a whole number or auto",
        [OPTION_DECIMAL] = "a number",
        [OPTION_DURATION] = "a duration such as 250ms, 30s or 10m",
        [OPTION_SIZE] = "a size such as 64KB or 32MB",
        [OPTION_CHOICE] = "one of a few words",
        [OPTION_PRICE] = "dollars per million tokens",
        [OPTION_MONEY] = "an amount in dollars",
    };
    return names[type];
}

const struct option *option_find(struct slice pattern)
{
    for (size_t i = 0; i < option_count; i++) {
        if (slice_eq(pattern, slice_from_cstr(option_table[i].path))) {
            return &option_table[i];
        }
    }
    return NULL;
}

struct slice option_name(const struct option *option)
{
    struct slice name = slice_from_cstr(option->path);
    size_t dot;
    while ((dot = slice_find(name, '.')) != SIZE_MAX) {
        name = slice_from(name, dot + 1);
    }
    return name;
}

bool option_is_child(const struct option *child, struct slice parent)
{
    struct slice path = slice_from_cstr(child->path);
    if (parent.len > 0) {
        if (path.len <= parent.len + 1 || !slice_starts(path, parent) || path.ptr[parent.len] != '.') {
            return false;
        }
        path = slice_from(path, parent.len + 1);
    }
    return slice_find(path, '.') == SIZE_MAX;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;
    return least < c ? least : c;
}

unsigned edit_distance(struct slice a, struct slice b, unsigned limit)
{
    unsigned rows[3][NAME_MAX_COMPARED + 1];
    if (a.len > NAME_MAX_COMPARED || b.len > NAME_MAX_COMPARED) {
        return limit + 1;
    }
    for (size_t j = 0; j <= b.len; j++) {
        rows[0][j] = (unsigned)j;
    }
    unsigned *before = rows[2];
    unsigned *previous = rows[0];
    unsigned *current = rows[1];
    for (size_t i = 1; i <= a.len; i++) {
        current[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            unsigned change = a.ptr[i - 1] == b.ptr[j - 1] ? 0 : 1;
            current[j] = min3(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + change);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1] &&
                before[j - 2] + 1 < current[j]) {
                current[j] = before[j - 2] + 1;
            }
        }
        unsigned *oldest = before;
        before = previous;
        previous = current;
        current = oldest;
    }
    return previous[b.len] > limit ? limit + 1 : previous[b.len];
}

const struct option *option_suggest(struct slice parent, struct slice name)
{
    const struct option *best = NULL;
    unsigned best_distance = name.len < 4 ? 2 : 4;
    for (size_t i = 0; i < option_count; i++) {
        if (!option_is_child(&option_table[i], parent) || slice_eq(option_name(&option_table[i]), SLICE("*"))) {
            continue;
        }
        unsigned distance = edit_distance(name, option_name(&option_table[i]), best_distance);
        if (distance < best_distance) {
            best_distance = distance;
            best = &option_table[i];
        }
    }
    return best;
}

int option_choice(const char *choices, struct slice word)
{
    struct slice rest = slice_from_cstr(choices);
    for (int i = 0; rest.len > 0; i++) {
        if (slice_eq(slice_cut(&rest, '|'), word)) {
            return i;
        }
    }
    return -1;
}
