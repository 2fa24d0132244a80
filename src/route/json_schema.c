/* SPDX-License-Identifier: Apache-2.0 */
#include "route/json_schema.h"

#include "route/check.h"

#include <math.h>
#include <stdlib.h>

#define QUESTIONS_MAX 160
#define STEPS_MAX 200000u
#define NUMBER_MAX 64
#define PAIRS_MAX 256
#define LOOKS_MAX 4000000u /* at members, for all questions together */
#define PATTERNS_MAX 500u
#define PATTERN_ARENA ((size_t)256 << 10)

enum mode { MODE_SCHEMA, MODE_ALL, MODE_ANY, MODE_ONE, MODE_NOT, MODE_PROPERTIES, MODE_ITEMS };

/* One question under way: does `value` fit what the node says in this mode? */
struct question {
    uint8_t mode;
    uint32_t node; /* a schema, a list of them, or the schema that has properties or items */
    uint32_t value;
    uint32_t cursor;  /* key, item or member that was looked at last; JSON_ABSENT: none yet */
    uint32_t index;   /* of items */
    uint32_t matched; /* of MODE_ONE */
};

struct validator {
    const struct json_doc *schemas;
    const struct json_doc *values;
    struct question questions[QUESTIONS_MAX];
    size_t depth;
    uint32_t looks;
    uint32_t patterns; /* that were tried */
    bool undecided;
};

enum outcome { OUTCOME_YES, OUTCOME_NO, OUTCOME_ASK }; /* ASK: a question was pushed */

static enum outcome ask(struct validator *v, enum mode mode, uint32_t node, uint32_t value)
{
    if (v->depth == QUESTIONS_MAX) {
        v->undecided = true;
        return OUTCOME_YES;
    }
    v->questions[v->depth++] = (struct question){
        .mode = (uint8_t)mode, .node = node, .value = value, .cursor = JSON_ABSENT};
    return OUTCOME_ASK;
}

static bool number_of(const struct json_doc *doc, uint32_t node, double *ret_number)
{
    char text[NUMBER_MAX + 1];
    if (!json_is(doc, node, JSON_NUMBER)) {
        return false;
    }
    struct slice raw = json_raw(doc, node);
    if (raw.len > NUMBER_MAX) {
        return false;
    }
    slice_to_cstr(raw, text, sizeof(text));
    *ret_number = strtod(text, NULL);
    return true;
}

/* Two scalars, or the shapes of two containers. */
static bool same_here(const struct json_doc *a, uint32_t i, const struct json_doc *b, uint32_t j)
{
    double x;
    double y;
    if (json_kind(a, i) != json_kind(b, j)) {
        return false;
    }
    switch (json_kind(a, i)) {
    case JSON_NUMBER:
        return slice_eq(json_raw(a, i), json_raw(b, j)) ||
               (number_of(a, i, &x) && number_of(b, j, &y) && !(x < y) && !(x > y));
    case JSON_STRING: {
        char plain[1024];
        struct slice inner = json_inner(a, i);
        if (slice_eq(inner, json_inner(b, j))) {
            return true;
        }
        size_t len = json_unescape_to(inner, plain, sizeof(plain));
        return inner.len < sizeof(plain) && json_string_is(b, j, slice_of(plain, len));
    }
    case JSON_ARRAY:
    case JSON_OBJECT:
        return json_count(a, i) == json_count(b, j);
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
        break;
    }
    return true;
}

static uint32_t member_like(struct validator *v, const struct json_doc *doc, uint32_t object,
                            const struct json_doc *keys, uint32_t key)
{
    for (uint32_t i = json_first(doc, object); i != JSON_ABSENT; i = json_next(doc, object, i)) {
        if (++v->looks > LOOKS_MAX) {
            v->undecided = true;
            return JSON_ABSENT;
        }
        if (same_here(keys, key, doc, i)) {
            return i + 1;
        }
    }
    return JSON_ABSENT;
}

/* Equal values, members in any order. */
static bool equal(struct validator *v, uint32_t wanted, uint32_t value)
{
    uint32_t pairs[PAIRS_MAX][2] = {{wanted, value}};
    size_t count = 1;
    while (count > 0) {
        uint32_t a = pairs[--count][0];
        uint32_t b = pairs[count][1];
        if (!same_here(v->schemas, a, v->values, b)) {
            return false;
        }
        if (json_kind(v->schemas, a) < JSON_ARRAY) {
            continue;
        }
        bool object = json_is(v->schemas, a, JSON_OBJECT);
        uint32_t j = json_first(v->values, b);
        for (uint32_t i = json_first(v->schemas, a); i != JSON_ABSENT;
             i = json_next(v->schemas, a, i)) {
            uint32_t other = object ? member_like(v, v->values, b, v->schemas, i) : j;
            if (other == JSON_ABSENT) {
                return false;
            }
            if (count == PAIRS_MAX) {
                v->undecided = true;
                return true;
            }
            pairs[count][0] = object ? i + 1 : i;
            pairs[count++][1] = other;
            j = object || j == JSON_ABSENT ? j : json_next(v->values, b, j);
        }
    }
    return true;
}

/* --- words that are answered at once: true where the value keeps to them ---------------------- */

static bool is_whole(double number)
{
    return fabs(number) < 1e300 && !(floor(number) < number);
}

static bool is_named_type(struct validator *v, uint32_t name, uint32_t value)
{
    static const struct {
        const char *name;
        unsigned kinds;
    } types[] = {
        {"object", 1u << JSON_OBJECT},  {"array", 1u << JSON_ARRAY},
        {"string", 1u << JSON_STRING},  {"number", 1u << JSON_NUMBER},
        {"integer", 1u << JSON_NUMBER}, {"boolean", 1u << JSON_TRUE | 1u << JSON_FALSE},
        {"null", 1u << JSON_NULL},
    };
    double number;
    struct slice word =
        json_is(v->schemas, name, JSON_STRING) ? json_inner(v->schemas, name) : SLICE_EMPTY;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (slice_eq_nocase(word, slice_from_cstr(types[i].name))) {
            bool kind = (types[i].kinds >> json_kind(v->values, value) & 1) != 0;
            bool whole = !kind || types[i].name[0] != 'i' ||
                         (number_of(v->values, value, &number) && is_whole(number));
            return kind && whole;
        }
    }
    return true; /* an unknown type forbids nothing */
}

static bool word_type(struct validator *v, uint32_t schema, uint32_t word, uint32_t value)
{
    bool nullable;
    if (json_is(v->values, value, JSON_NULL) &&
        json_bool(v->schemas, json_member(v->schemas, schema, SLICE("nullable")), &nullable) &&
        nullable) {
        return true;
    }
    if (!json_is(v->schemas, word, JSON_ARRAY)) {
        return is_named_type(v, word, value);
    }
    for (uint32_t i = json_first(v->schemas, word); i != JSON_ABSENT;
         i = json_next(v->schemas, word, i)) {
        if (is_named_type(v, i, value)) {
            return true;
        }
    }
    return false;
}

static bool word_enum(struct validator *v, uint32_t schema, uint32_t word, uint32_t value)
{
    (void)schema;
    if (!json_is(v->schemas, word, JSON_ARRAY)) {
        return true;
    }
    for (uint32_t i = json_first(v->schemas, word); i != JSON_ABSENT;
         i = json_next(v->schemas, word, i)) {
        if (equal(v, i, value)) {
            return true;
        }
    }
    return false;
}

static bool word_const(struct validator *v, uint32_t schema, uint32_t word, uint32_t value)
{
    (void)schema;
    return equal(v, word, value);
}

static bool word_required(struct validator *v, uint32_t schema, uint32_t word, uint32_t value)
{
    (void)schema;
    if (!json_is(v->schemas, word, JSON_ARRAY) || !json_is(v->values, value, JSON_OBJECT)) {
        return true;
    }
    for (uint32_t i = json_first(v->schemas, word); i != JSON_ABSENT;
         i = json_next(v->schemas, word, i)) {
        if (json_is(v->schemas, i, JSON_STRING) &&
            member_like(v, v->values, value, v->schemas, i) == JSON_ABSENT) {
            return false;
        }
    }
    return true;
}

/* The limit that a word states, where the value is of that kind. */
static bool has_limit(const struct validator *v, uint32_t word, uint32_t value, enum json_kind kind,
                      double *ret_limit)
{
    return json_is(v->values, value, kind) && number_of(v->schemas, word, ret_limit);
}

static double characters(const struct validator *v, uint32_t string)
{
    char plain[4096];
    struct slice inner = json_inner(v->values, string);
    if (inner.len >= sizeof(plain)) { /* escapes aside */
        return (double)inner.len;
    }
    size_t len = json_unescape_to(inner, plain, sizeof(plain));
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        count += ((unsigned char)plain[i] & 0xC0) != 0x80 ? 1 : 0;
    }
    return (double)count;
}

/* The size of a string, list or object, or the value of a number. */
static bool measure(const struct validator *v, uint32_t value, double *ret_size)
{
    switch (json_kind(v->values, value)) {
    case JSON_STRING:
        *ret_size = characters(v, value);
        return true;
    case JSON_ARRAY:
    case JSON_OBJECT:
        *ret_size = json_count(v->values, value);
        return true;
    case JSON_NUMBER:
        return number_of(v->values, value, ret_size);
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
        break;
    }
    return false;
}

static bool at_least(const struct validator *v, uint32_t word, uint32_t value, enum json_kind kind)
{
    double limit;
    double size;
    return !has_limit(v, word, value, kind, &limit) || !measure(v, value, &size) || size >= limit;
}

static bool at_most(const struct validator *v, uint32_t word, uint32_t value, enum json_kind kind)
{
    double limit;
    double size;
    return !has_limit(v, word, value, kind, &limit) || !measure(v, value, &size) || size <= limit;
}

#define LIMIT_WORD(name, test, kind)                                                               \
    static bool word_##name(struct validator *v, uint32_t schema, uint32_t word, uint32_t value)   \
    {                                                                                              \
        (void)schema;                                                                              \
        return test(v, word, value, kind);                                                         \
    }
LIMIT_WORD(min_items, at_least, JSON_ARRAY)
LIMIT_WORD(max_items, at_most, JSON_ARRAY)
LIMIT_WORD(min_length, at_least, JSON_STRING)
LIMIT_WORD(max_length, at_most, JSON_STRING)
LIMIT_WORD(min_properties, at_least, JSON_OBJECT)
LIMIT_WORD(max_properties, at_most, JSON_OBJECT)
LIMIT_WORD(minimum, at_least, JSON_NUMBER)
LIMIT_WORD(maximum, at_most, JSON_NUMBER)

static bool word_above(struct validator *v, uint32_t schema, uint32_t word, uint32_t value)
{
    double limit;
    double number;
    (void)schema;
    return !has_limit(v, word, value, JSON_NUMBER, &limit) || !measure(v, value, &number) ||
           number > limit;
}

static bool word_below(struct validator *v, uint32_t schema, uint32_t word, uint32_t value)
{
    double limit;
    double number;
    (void)schema;
    return !has_limit(v, word, value, JSON_NUMBER, &limit) || !measure(v, value, &number) ||
           number < limit;
}

static bool word_multiple(struct validator *v, uint32_t schema, uint32_t word, uint32_t value)
{
    double limit;
    double number;
    (void)schema;
    if (!has_limit(v, word, value, JSON_NUMBER, &limit) || !measure(v, value, &number) ||
        !(limit > 0)) {
        return true;
    }
    double turns = number / limit;
    return fabs(turns - nearbyint(turns)) < 1e-9 * (fabs(turns) + 1);
}

static bool word_pattern(struct validator *v, uint32_t schema, uint32_t word, uint32_t value)
{
    char text[64];
    size_t offset;
    const struct check_pattern *pattern;
    (void)schema;
    if (!json_is(v->schemas, word, JSON_STRING) || !json_is(v->values, value, JSON_STRING)) {
        return true;
    }
    struct arena arena;
    arena_init(&arena, PATTERN_ARENA);
    struct slice wanted = json_string(v->schemas, word, &arena);
    struct slice plain = json_string(v->values, value, &arena);
    enum check_result found =
        ++v->patterns <= PATTERNS_MAX &&
                check_pattern_compile(wanted, &arena, &pattern, &offset, text, sizeof(text))
            ? check_pattern_search(pattern, plain)
            : CHECK_SILENT;
    arena_release(&arena);
    v->undecided = v->undecided || found == CHECK_SILENT; /* one that explodes is enough */
    return found != CHECK_FAILED;
}

static const struct {
    const char *name;
    bool (*holds)(struct validator *v, uint32_t schema, uint32_t word, uint32_t value);
} words[] = {
    {"type", word_type},
    {"enum", word_enum},
    {"const", word_const},
    {"required", word_required},
    {"minItems", word_min_items},
    {"maxItems", word_max_items},
    {"minLength", word_min_length},
    {"maxLength", word_max_length},
    {"minProperties", word_min_properties},
    {"maxProperties", word_max_properties},
    {"minimum", word_minimum},
    {"maximum", word_maximum},
    {"exclusiveMinimum", word_above},
    {"exclusiveMaximum", word_below},
    {"multipleOf", word_multiple},
    {"pattern", word_pattern},
};

/* --- words that ask further ------------------------------------------------------------------- */

/* "#/$defs/item": a place in the schema; JSON_ABSENT: elsewhere. */
static uint32_t resolve(const struct validator *v, uint32_t reference)
{
    char plain[256];
    struct slice inner = json_inner(v->schemas, reference);
    if (inner.len >= sizeof(plain)) {
        return JSON_ABSENT;
    }
    struct slice rest = slice_of(plain, json_unescape_to(inner, plain, sizeof(plain)));
    if (slice_eq(rest, SLICE("#"))) {
        return JSON_ROOT;
    }
    if (!slice_starts(rest, SLICE("#/"))) {
        return JSON_ABSENT;
    }
    uint32_t at = JSON_ROOT;
    rest = slice_from(rest, 2);
    while (rest.len > 0 && at != JSON_ABSENT) {
        at = json_member(v->schemas, at, slice_cut(&rest, '/'));
    }
    return at;
}

static enum outcome begin_reference(struct validator *v, uint32_t word, uint32_t value)
{
    uint32_t place = json_is(v->schemas, word, JSON_STRING) ? resolve(v, word) : JSON_ABSENT;
    if (place == JSON_ABSENT) {
        v->undecided = true;
        return OUTCOME_YES;
    }
    return ask(v, MODE_SCHEMA, place, value);
}

static enum outcome begin_word(struct validator *v, const struct question *question, uint32_t key)
{
    static const struct {
        const char *name;
        enum mode mode;
    } lists[] = {{"allOf", MODE_ALL}, {"anyOf", MODE_ANY}, {"oneOf", MODE_ONE}};
    const struct json_doc *doc = v->schemas;
    uint32_t word = key + 1;
    struct slice name = json_inner(doc, key);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (slice_eq(name, slice_from_cstr(words[i].name))) {
            return words[i].holds(v, question->node, word, question->value) ? OUTCOME_YES
                                                                            : OUTCOME_NO;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (slice_eq(name, slice_from_cstr(lists[i].name)) && json_is(doc, word, JSON_ARRAY)) {
            return ask(v, lists[i].mode, word, question->value);
        }
    }
    if (slice_eq(name, SLICE("$ref"))) {
        return begin_reference(v, word, question->value);
    }
    if (slice_eq(name, SLICE("not"))) {
        return ask(v, MODE_NOT, word, question->value);
    }
    bool object = json_is(v->values, question->value, JSON_OBJECT);
    bool array = json_is(v->values, question->value, JSON_ARRAY);
    if (object && (slice_eq(name, SLICE("properties")) ||
                   (slice_eq(name, SLICE("additionalProperties")) &&
                    json_member(doc, question->node, SLICE("properties")) == JSON_ABSENT))) {
        return ask(v, MODE_PROPERTIES, question->node, question->value);
    }
    if (array && (slice_eq(name, SLICE("items")) ||
                  (slice_eq(name, SLICE("prefixItems")) &&
                   json_member(doc, question->node, SLICE("items")) == JSON_ABSENT))) {
        return ask(v, MODE_ITEMS, question->node, question->value);
    }
    return OUTCOME_YES;
}

static uint32_t advance(const struct json_doc *doc, uint32_t parent, struct question *question)
{
    question->cursor = question->cursor == JSON_ABSENT ? json_first(doc, parent)
                                                       : json_next(doc, parent, question->cursor);
    return question->cursor;
}

static enum outcome step_schema(struct validator *v, struct question *question)
{
    bool allowed;
    if (json_bool(v->schemas, question->node, &allowed)) {
        return allowed ? OUTCOME_YES : OUTCOME_NO;
    }
    if (!json_is(v->schemas, question->node, JSON_OBJECT)) {
        v->undecided = true;
        return OUTCOME_YES;
    }
    while (advance(v->schemas, question->node, question) != JSON_ABSENT) {
        enum outcome outcome = begin_word(v, question, question->cursor);
        if (outcome != OUTCOME_YES) {
            return outcome;
        }
    }
    return OUTCOME_YES;
}

/* The schema of a member: its own, or that of the others. */
static uint32_t schema_of_member(struct validator *v, uint32_t schema, uint32_t key)
{
    const struct json_doc *doc = v->schemas;
    uint32_t properties = json_member(doc, schema, SLICE("properties"));
    uint32_t own = json_is(doc, properties, JSON_OBJECT)
                       ? member_like(v, doc, properties, v->values, key)
                       : JSON_ABSENT;
    if (own != JSON_ABSENT || json_member(doc, schema, SLICE("patternProperties")) != JSON_ABSENT) {
        return own;
    }
    return json_member(doc, schema, SLICE("additionalProperties"));
}

static enum outcome step_properties(struct validator *v, struct question *question)
{
    while (advance(v->values, question->value, question) != JSON_ABSENT) {
        uint32_t schema = schema_of_member(v, question->node, question->cursor);
        if (schema != JSON_ABSENT) {
            return ask(v, MODE_SCHEMA, schema, question->cursor + 1);
        }
    }
    return OUTCOME_YES;
}

static enum outcome step_items(struct validator *v, struct question *question)
{
    const struct json_doc *doc = v->schemas;
    uint32_t prefix = json_member(doc, question->node, SLICE("prefixItems"));
    uint32_t rest = json_member(doc, question->node, SLICE("items"));
    while (advance(v->values, question->value, question) != JSON_ABSENT) {
        uint32_t schema = rest;
        uint32_t index = question->index++;
        if (json_is(doc, prefix, JSON_ARRAY) && index < json_count(doc, prefix)) {
            schema = json_first(doc, prefix);
            for (uint32_t i = 0; i < index; i++) {
                schema = json_next(doc, prefix, schema);
            }
        }
        if (schema != JSON_ABSENT && !json_is(doc, schema, JSON_ARRAY)) {
            return ask(v, MODE_SCHEMA, schema, question->cursor);
        }
    }
    return OUTCOME_YES;
}

/* The next of a list of schemas, or what the list comes to. */
static enum outcome step_list(struct validator *v, struct question *question, enum outcome at_end)
{
    return advance(v->schemas, question->node, question) != JSON_ABSENT
               ? ask(v, MODE_SCHEMA, question->cursor, question->value)
               : at_end;
}

/* Begins or, with the answer to what it asked last, goes on. */
static enum outcome step(struct validator *v, struct question *question, const bool *answer)
{
    switch ((enum mode)question->mode) {
    case MODE_SCHEMA:
        return answer != NULL && !*answer ? OUTCOME_NO : step_schema(v, question);
    case MODE_ALL:
        return answer != NULL && !*answer ? OUTCOME_NO : step_list(v, question, OUTCOME_YES);
    case MODE_ANY:
        return answer != NULL && *answer ? OUTCOME_YES : step_list(v, question, OUTCOME_NO);
    case MODE_ONE:
        question->matched += answer != NULL && *answer ? 1 : 0;
        return step_list(v, question, question->matched == 1 ? OUTCOME_YES : OUTCOME_NO);
    case MODE_NOT:
        return answer == NULL ? ask(v, MODE_SCHEMA, question->node, question->value)
               : *answer      ? OUTCOME_NO
                              : OUTCOME_YES;
    case MODE_PROPERTIES:
        return answer != NULL && !*answer ? OUTCOME_NO : step_properties(v, question);
    case MODE_ITEMS:
        return answer != NULL && !*answer ? OUTCOME_NO : step_items(v, question);
    }
    return OUTCOME_YES;
}

enum schema_result json_schema_fits(const struct json_doc *schemas, uint32_t schema,
                                    const struct json_doc *values, uint32_t value)
{
    struct validator v = {.schemas = schemas, .values = values};
    bool answer = true;
    const bool *told = NULL;
    (void)ask(&v, MODE_SCHEMA, schema, value);
    for (uint32_t steps = 0; v.depth > 0; steps++) {
        if (steps == STEPS_MAX || v.undecided) {
            return SCHEMA_UNDECIDED;
        }
        enum outcome outcome = step(&v, &v.questions[v.depth - 1], told);
        told = NULL;
        if (outcome != OUTCOME_ASK) {
            v.depth--;
            answer = outcome == OUTCOME_YES;
            told = &answer;
        }
    }
    return v.undecided ? SCHEMA_UNDECIDED : answer ? SCHEMA_FITS : SCHEMA_BROKEN;
}
