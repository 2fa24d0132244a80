/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into a parsed document: members by name or path, numbers, strings. */
#include "codec/json.h"

#define NAME_BYTES 128

static bool is_string(const struct json_doc *doc, uint32_t value)
{
    return json_is(doc, value, JSON_STRING);
}

bool json_string_is(const struct json_doc *doc, uint32_t string, struct slice name)
{
    if (!is_string(doc, string)) {
        return false;
    }
    struct slice inner = json_inner(doc, string);
    return doc->nodes[string].escaped ? json_inner_is(inner, name) : slice_eq(inner, name);
}

uint32_t json_member(const struct json_doc *doc, uint32_t object, struct slice name)
{
    if (!json_is(doc, object, JSON_OBJECT)) {
        return JSON_ABSENT;
    }
    for (uint32_t i = json_first(doc, object); i != JSON_ABSENT; i = json_next(doc, object, i)) {
        if (json_string_is(doc, i, name)) {
            return i + 1;
        }
    }
    return JSON_ABSENT;
}

/* Is there a member with the name of `key` before it? */
static bool is_repeated(const struct json_doc *doc, uint32_t object, uint32_t key)
{
    char plain[NAME_BYTES]; /* of a longer name the front: nobody knows such a member */
    struct slice name = slice_of(plain, json_unescape_to(json_inner(doc, key), plain, NAME_BYTES));
    uint32_t before = json_first(doc, object);
    while (before != key && !json_string_is(doc, before, name)) {
        before = json_next(doc, object, before);
    }
    return before != key;
}

uint32_t json_twice(const struct json_doc *doc, uint32_t object)
{
    uint32_t key = json_first(doc, object);
    while (key != JSON_ABSENT && !is_repeated(doc, object, key)) {
        key = json_next(doc, object, key);
    }
    return key;
}

uint32_t json_path(const struct json_doc *doc, uint32_t from, const char *path)
{
    struct slice rest = slice_from_cstr(path);
    while (rest.len > 0 && from != JSON_ABSENT) {
        const char *dot = memchr(rest.ptr, '.', rest.len);
        size_t length = dot == NULL ? rest.len : (size_t)(dot - rest.ptr);
        from = json_member(doc, from, slice_of(rest.ptr, length));
        size_t used = dot == NULL ? length : length + 1;
        rest = slice_of(rest.ptr + used, rest.len - used);
    }
    return from;
}

uint32_t json_count(const struct json_doc *doc, uint32_t parent)
{
    uint32_t count = 0;
    if (!json_is(doc, parent, JSON_ARRAY) && !json_is(doc, parent, JSON_OBJECT)) {
        return 0;
    }
    for (uint32_t i = json_first(doc, parent); i != JSON_ABSENT; i = json_next(doc, parent, i)) {
        count++;
    }
    return count;
}

bool json_scaled(const struct json_doc *doc, uint32_t value, int scale, int64_t *ret_value)
{
    return json_is(doc, value, JSON_NUMBER) &&
           slice_to_scaled(json_raw(doc, value), scale, ret_value);
}

bool json_bool(const struct json_doc *doc, uint32_t value, bool *ret_value)
{
    if (!json_is(doc, value, JSON_TRUE) && !json_is(doc, value, JSON_FALSE)) {
        return false;
    }
    *ret_value = json_is(doc, value, JSON_TRUE);
    return true;
}

struct slice json_string(const struct json_doc *doc, uint32_t value, struct arena *arena)
{
    if (!is_string(doc, value)) {
        return SLICE_EMPTY;
    }
    struct slice inner = json_inner(doc, value);
    if (!doc->nodes[value].escaped) {
        return inner;
    }
    char *copy = arena_alloc(arena, inner.len);
    if (copy == NULL) {
        return SLICE_EMPTY;
    }
    return slice_of(copy, json_unescape_to(inner, copy, inner.len));
}
