/* SPDX-License-Identifier: Apache-2.0 */
#include "config/options.h"

#include "config/preset.h"
#include "route/strategy.h"

const struct option option_table[] = {
#define OPTION(path, type, fallback, minimum, maximum, choices, help)                              \
    {path, OPTION_##type, fallback, minimum, maximum, choices, help},
#include "config/options.def"
#undef OPTION
};
const size_t option_count = ARRAY_LEN(option_table);

#define NAME_MAX_COMPARED 40

/* What people write who know another program's name for it. */
static const struct {
    const char *parent;
    const char *word;
    const char *child;
} synonyms[] = {
    {"", "models", "targets"},
    {"", "aliases", "routes"},
    {"", "router", "routes"},
    {"", "auth", "keys"},
    {"", "database", "ledger"},
    {"server", "host", "listen"},
    {"server", "port", "listen"},
    {"server", "bind", "listen"},
    {"server", "address", "listen"},
    {"server", "threads", "workers"},
    {"server", "processes", "workers"},
    {"server.tls", "cert", "certificate"},
    {"server.tls", "private_key", "key"},
    {"log", "verbosity", "level"},
    {"providers.*", "type", "preset"},
    {"providers.*", "kind", "preset"},
    {"providers.*", "url", "base_url"},
    {"providers.*", "endpoint", "base_url"},
    {"providers.*", "api_base", "base_url"},
    {"providers.*", "host", "base_url"},
    {"providers.*", "token", "api_key"},
    {"providers.*", "secret", "api_key"},
    {"providers.*", "timeout", "total_timeout"},
    {"providers.*", "verify_ssl", "insecure_skip_verify"},
    {"targets.*", "model_name", "model"},
    {"targets.*", "max_tokens", "output_tokens"},
    {"targets.*", "context_window", "context_tokens"},
    {"targets.*", "cost", "price"},
    {"targets.*", "latency", "latency_ms"},
    {"routes.*", "models", "targets"},
    {"routes.*", "candidates", "targets"},
    {"routes.*", "fallbacks", "targets"},
    {"routes.*", "fallback", "targets"},
    {"routes.*", "retries", "max_attempts"},
    {"routes.*", "latency", "max_latency_ms"},
    {"routes.*", "cost", "max_cost_usd"},
    {"routes.*", "budget", "max_cost_usd"},
    {"classifier", "model", "target"},
    {"classifier", "endpoint", "url"},
    {"ledger", "file", "path"},
    {"ledger", "fsync", "sync"},
};

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
        if (path.len <= parent.len + 1 || !slice_starts(path, parent) ||
            path.ptr[parent.len] != '.') {
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
    size_t longer = a.len > b.len ? a.len - b.len : b.len - a.len;
    if (a.len > NAME_MAX_COMPARED || b.len > NAME_MAX_COMPARED || longer > limit) {
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

unsigned edit_limit(struct slice word)
{
    return word.len <= 2 ? 0 : word.len <= 5 ? 1 : word.len <= 8 ? 2 : 3;
}

/* apiKey, api-key and API_KEY are api_key. */
static bool same_letters(struct slice a, struct slice b)
{
    size_t i = 0;
    size_t k = 0;
    for (;;) {
        while (i < a.len && (a.ptr[i] == '_' || a.ptr[i] == '-')) {
            i++;
        }
        while (k < b.len && (b.ptr[k] == '_' || b.ptr[k] == '-')) {
            k++;
        }
        if (i == a.len || k == b.len) {
            return i == a.len && k == b.len;
        }
        if (!slice_eq_nocase(slice_of(a.ptr + i, 1), slice_of(b.ptr + k, 1))) {
            return false;
        }
        i++;
        k++;
    }
}

static const char *synonym(struct slice parent, struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(synonyms); i++) {
        if (slice_eq(parent, slice_from_cstr(synonyms[i].parent)) &&
            same_letters(name, slice_from_cstr(synonyms[i].word))) {
            return synonyms[i].child;
        }
    }
    return NULL;
}

static bool contains_the_other(struct slice a, struct slice b)
{
    return (a.len >= 4 && slice_find_slice(b, a) != SIZE_MAX) ||
           (b.len >= 3 && slice_find_slice(a, b) != SIZE_MAX);
}

const struct option *option_suggest(struct slice parent, struct slice name)
{
    const char *known = synonym(parent, name);
    const struct option *best = NULL;
    const struct option *part = NULL;
    unsigned best_distance = edit_limit(name) + 1;
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        struct slice word = option_name(option);
        if (!option_is_child(option, parent) || slice_eq(word, SLICE("*"))) {
            continue;
        }
        if (same_letters(name, word) || (known != NULL && slice_eq(word, slice_from_cstr(known)))) {
            return option;
        }
        unsigned distance = edit_distance(name, word, best_distance);
        if (distance < best_distance) {
            best_distance = distance;
            best = option;
        }
        if (part == NULL && contains_the_other(name, word)) {
            part = option;
        }
    }
    return best != NULL ? best : part;
}

const struct option *option_elsewhere(struct slice name)
{
    for (size_t i = 0; i < option_count; i++) {
        if (slice_eq(option_name(&option_table[i]), name) && !slice_eq(name, SLICE("*"))) {
            return &option_table[i];
        }
    }
    return NULL;
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

bool option_has_bounds(const struct option *option)
{
    return option->minimum != 0 || option->maximum != 0;
}

/* In the largest unit that leaves a whole number. */
static void write_in_units(int64_t value, const char *const *names, const int64_t *factors,
                           struct buf *out)
{
    size_t i = 0;
    while (value == 0 || value % factors[i] != 0) {
        if (factors[i] == 1) {
            break;
        }
        i++;
    }
    buf_printf(out, "%lld%s", (long long)(value / factors[i]), names[i]);
}

static void write_bound(const struct option *option, int64_t value, struct buf *out)
{
    static const char *const duration_names[] = {"d", "h", "m", "s", "ms"};
    static const int64_t durations[] = {86400000, 3600000, 60000, 1000, 1};
    static const char *const size_names[] = {"GB", "MB", "KB", ""};
    static const int64_t sizes[] = {1073741824, 1048576, 1024, 1};
    if (option->type == OPTION_DURATION) {
        write_in_units(value, duration_names, durations, out);
    } else if (option->type == OPTION_SIZE) {
        write_in_units(value, size_names, sizes, out);
    } else {
        buf_append_i64(out, value);
    }
}

void option_write_bounds(const struct option *option, struct buf *out)
{
    write_bound(option, option->minimum, out);
    buf_append_cstr(out, " to ");
    write_bound(option, option->maximum, out);
}
