/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/schema.h"

#define NUMBER_BELOW 100

struct maker {
    struct json_writer *w;
    const struct json_doc *doc;
    struct random *random;
};

static const char *const samples[] = {"Paris", "blue", "report.txt", "first", "München", "done"};

static void write_value(const struct maker *m, uint32_t schema, unsigned depth);

/* Gemini writes types in capitals. */
static bool is_type(const struct maker *m, uint32_t type, const char *name)
{
    return json_is(m->doc, type, JSON_STRING) &&
           slice_eq_nocase(json_inner(m->doc, type), slice_from_cstr(name));
}

static void write_object(const struct maker *m, uint32_t properties, unsigned depth)
{
    json_begin_object(m->w);
    if (json_is(m->doc, properties, JSON_OBJECT)) {
        for (uint32_t i = json_first(m->doc, properties); i != JSON_ABSENT;
             i = json_next(m->doc, properties, i)) {
            json_key(m->w, json_inner(m->doc, i));
            write_value(m, i + 1, depth + 1);
        }
    }
    json_end_object(m->w);
}

static void write_array(const struct maker *m, uint32_t items, unsigned depth)
{
    json_begin_array(m->w);
    if (json_is(m->doc, items, JSON_OBJECT)) {
        write_value(m, items, depth + 1);
    }
    json_end_array(m->w);
}

static void write_scalar(const struct maker *m, uint32_t type)
{
    if (!json_is(m->doc, type, JSON_STRING) || is_type(m, type, "string")) {
        json_write_string(m->w,
                          slice_from_cstr(samples[random_below(m->random, ARRAY_LEN(samples))]));
    } else if (is_type(m, type, "integer")) {
        json_write_int(m->w, (int64_t)random_below(m->random, NUMBER_BELOW));
    } else if (is_type(m, type, "number")) {
        json_write_scaled(m->w, (int64_t)random_below(m->random, NUMBER_BELOW) * 10 + 5, 1);
    } else if (is_type(m, type, "boolean")) {
        json_write_bool(m->w, random_below(m->random, 2) == 1);
    } else {
        json_write_null(m->w);
    }
}

/* The first member of an array, or JSON_ABSENT. */
static uint32_t first_of(const struct maker *m, uint32_t array)
{
    return json_is(m->doc, array, JSON_ARRAY) ? json_first(m->doc, array) : JSON_ABSENT;
}

static uint32_t first_known(uint32_t a, uint32_t b)
{
    return a != JSON_ABSENT ? a : b;
}

static void write_value(const struct maker *m, uint32_t schema, unsigned depth)
{
    uint32_t properties = json_member(m->doc, schema, SLICE("properties"));
    uint32_t type = json_member(m->doc, schema, SLICE("type"));
    uint32_t fixed = first_known(json_member(m->doc, schema, SLICE("const")),
                                 first_of(m, json_member(m->doc, schema, SLICE("enum"))));
    uint32_t other = first_known(first_of(m, json_member(m->doc, schema, SLICE("anyOf"))),
                                 first_of(m, json_member(m->doc, schema, SLICE("oneOf"))));

    type = first_known(first_of(m, type), type); /* ["string", "null"] */
    if (depth > SIM_SCHEMA_DEPTH) {
        json_write_null(m->w);
    } else if (fixed != JSON_ABSENT) {
        json_write_raw(m->w, json_raw(m->doc, fixed));
    } else if (other != JSON_ABSENT) {
        write_value(m, other, depth + 1);
    } else if (properties != JSON_ABSENT || is_type(m, type, "object")) {
        write_object(m, properties, depth);
    } else if (is_type(m, type, "array")) {
        write_array(m, json_member(m->doc, schema, SLICE("items")), depth);
    } else {
        write_scalar(m, type);
    }
}

void sim_schema_value(struct json_writer *w, const struct json_doc *doc, uint32_t schema,
                      struct random *random)
{
    const struct maker m = {.w = w, .doc = doc, .random = random};

    if (json_is(doc, schema, JSON_OBJECT)) {
        write_value(&m, schema, 0);
        return;
    }
    json_begin_object(w);
    json_key(w, SLICE("answer"));
    write_scalar(&m, JSON_ABSENT);
    json_end_object(w);
}
