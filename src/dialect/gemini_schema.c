/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schemas in Google's subset of OpenAPI 3.0 as JSON schemas: types lose their capitals, `nullable`
 * becomes a second type, bounds that are strings (int64 in protobuf's JSON) become numbers,
 * snake_case keywords get their names, and what only Google knows is left out. A schema that is
 * plain JSON schema already comes out as it went in. The tree is walked without recursion; the
 * stack is as deep as the parser's limit.
 */
#include "dialect/gemini.h"

#define DEPTH_MAX 128u /* json_default_limits */

enum place { PLACE_SCHEMA, PLACE_MAP, PLACE_LIST };

enum keyword {
    KEYWORD_TYPE,
    KEYWORD_NULLABLE,
    KEYWORD_PROPERTIES,
    KEYWORD_ITEMS,
    KEYWORD_ANY_OF,
    KEYWORD_MIN_ITEMS,
    KEYWORD_MAX_ITEMS,
    KEYWORD_MIN_LENGTH,
    KEYWORD_MAX_LENGTH,
    KEYWORD_MIN_PROPERTIES,
    KEYWORD_MAX_PROPERTIES,
    KEYWORD_ORDERING,
    KEYWORD_EXAMPLE,
    KEYWORD_COUNT,
    KEYWORD_NAMES = KEYWORD_COUNT + 8
};

static const struct member_name keyword_names[KEYWORD_NAMES] = {
    [KEYWORD_TYPE] = MEMBER_NAME("type"),
    [KEYWORD_NULLABLE] = MEMBER_NAME("nullable"),
    [KEYWORD_PROPERTIES] = MEMBER_NAME("properties"),
    [KEYWORD_ITEMS] = MEMBER_NAME("items"),
    [KEYWORD_ANY_OF] = MEMBER_NAME("anyOf"),
    [KEYWORD_MIN_ITEMS] = MEMBER_NAME("minItems"),
    [KEYWORD_MAX_ITEMS] = MEMBER_NAME("maxItems"),
    [KEYWORD_MIN_LENGTH] = MEMBER_NAME("minLength"),
    [KEYWORD_MAX_LENGTH] = MEMBER_NAME("maxLength"),
    [KEYWORD_MIN_PROPERTIES] = MEMBER_NAME("minProperties"),
    [KEYWORD_MAX_PROPERTIES] = MEMBER_NAME("maxProperties"),
    [KEYWORD_ORDERING] = MEMBER_NAME("propertyOrdering"),
    [KEYWORD_EXAMPLE] = MEMBER_NAME("example"),
    [KEYWORD_COUNT] = MEMBER_NAME("any_of"),
    [KEYWORD_COUNT + 1] = MEMBER_NAME("min_items"),
    [KEYWORD_COUNT + 2] = MEMBER_NAME("max_items"),
    [KEYWORD_COUNT + 3] = MEMBER_NAME("min_length"),
    [KEYWORD_COUNT + 4] = MEMBER_NAME("max_length"),
    [KEYWORD_COUNT + 5] = MEMBER_NAME("min_properties"),
    [KEYWORD_COUNT + 6] = MEMBER_NAME("max_properties"),
    [KEYWORD_COUNT + 7] = MEMBER_NAME("property_ordering"),
};
static const struct member_table keyword_table = MEMBER_TABLE(keyword_names);
static const uint8_t keyword_aliases[] = {
    KEYWORD_ANY_OF,     KEYWORD_MIN_ITEMS,      KEYWORD_MAX_ITEMS,      KEYWORD_MIN_LENGTH,
    KEYWORD_MAX_LENGTH, KEYWORD_MIN_PROPERTIES, KEYWORD_MAX_PROPERTIES, KEYWORD_ORDERING,
};

/* An object or array under way. */
struct level {
    enum place place;
    uint32_t node;
    uint32_t at; /* the next child, or JSON_ABSENT */
    bool nullable;
    bool begun; /* something was written in it */
};

struct walk {
    const struct json_doc *doc;
    struct buf *out;
    struct level levels[DEPTH_MAX];
    unsigned depth;
};

static uint32_t keyword_of(const struct json_doc *doc, uint32_t key)
{
    uint32_t id = member_id(&keyword_table, doc, key);
    return id == MEMBER_UNKNOWN || id < KEYWORD_COUNT ? id : keyword_aliases[id - KEYWORD_COUNT];
}

static bool is_nullable(const struct json_doc *doc, uint32_t schema)
{
    return json_is(doc, json_member(doc, schema, SLICE("nullable")), JSON_TRUE);
}

/* False: too deep. */
static bool enter(struct walk *w, uint32_t node, enum place place)
{
    if (w->depth == DEPTH_MAX) {
        return false;
    }
    bool object = json_kind(w->doc, node) == JSON_OBJECT;
    w->levels[w->depth++] = (struct level){
        .place = place,
        .node = node,
        .at = json_first(w->doc, node),
        .nullable = place == PLACE_SCHEMA && is_nullable(w->doc, node),
    };
    return buf_append_char(w->out, object ? '{' : '[');
}

static void leave(struct walk *w)
{
    bool object = json_kind(w->doc, w->levels[--w->depth].node) == JSON_OBJECT;
    buf_append_char(w->out, object ? '}' : ']');
}

static void comma(struct walk *w, struct level *level)
{
    buf_append(w->out, level->begun ? SLICE(",") : SLICE(""));
    level->begun = true;
}

static void write_key(struct walk *w, struct level *level, struct slice name)
{
    comma(w, level);
    buf_append_char(w->out, '"');
    buf_append(w->out, name);
    buf_append(w->out, SLICE("\":"));
}

static void write_type(struct walk *w, const struct level *level, uint32_t value)
{
    struct slice word = json_raw(w->doc, value);
    bool text = json_kind(w->doc, value) == JSON_STRING;
    buf_append(w->out, level->nullable && text ? SLICE("[") : SLICE(""));
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        buf_append_char(w->out, text && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
    }
    buf_append(w->out, level->nullable && text ? SLICE(",\"null\"]") : SLICE(""));
}

/* A count as a number, though it be spelled as a string. */
static void write_count(struct walk *w, uint32_t value)
{
    uint64_t count;
    bool text = json_kind(w->doc, value) == JSON_STRING;
    if (text && slice_to_u64(json_inner(w->doc, value), &count)) {
        buf_append_u64(w->out, count);
    } else {
        buf_append(w->out, json_raw(w->doc, value));
    }
}

static bool descend(struct walk *w, uint32_t value, enum json_kind kind, enum place place)
{
    if (json_kind(w->doc, value) == kind) {
        return enter(w, value, place);
    }
    return buf_append(w->out, json_raw(w->doc, value));
}

/* One member of a schema. */
static bool write_keyword(struct walk *w, struct level *level, uint32_t key)
{
    uint32_t value = key + 1;
    uint32_t id = keyword_of(w->doc, key);
    if (id == KEYWORD_NULLABLE || id == KEYWORD_ORDERING || id == KEYWORD_EXAMPLE) {
        return true;
    }
    write_key(w, level, id == MEMBER_UNKNOWN ? json_inner(w->doc, key) : keyword_names[id].text);
    switch (id) {
    case KEYWORD_TYPE:
        write_type(w, level, value);
        return true;
    case KEYWORD_PROPERTIES:
        return descend(w, value, JSON_OBJECT, PLACE_MAP);
    case KEYWORD_ITEMS:
        return descend(w, value, JSON_OBJECT, PLACE_SCHEMA);
    case KEYWORD_ANY_OF:
        return descend(w, value, JSON_ARRAY, PLACE_LIST);
    case MEMBER_UNKNOWN:
        return buf_append(w->out, json_raw(w->doc, value));
    default:
        write_count(w, value);
        return true;
    }
}

/* The next child of the innermost level. False: too deep, or out of memory. */
static bool step(struct walk *w)
{
    struct level *level = &w->levels[w->depth - 1];
    uint32_t child = level->at;
    if (child == JSON_ABSENT) {
        leave(w);
        return !w->out->failed;
    }
    level->at = json_next(w->doc, level->node, child);
    if (level->place == PLACE_SCHEMA) {
        return write_keyword(w, level, child) && !w->out->failed;
    }
    if (level->place == PLACE_MAP) {
        write_key(w, level, json_inner(w->doc, child));
        child++;
    } else {
        comma(w, level);
    }
    return descend(w, child, JSON_OBJECT, PLACE_SCHEMA) && !w->out->failed;
}

bool gemini_json_schema(struct reader *r, uint32_t schema, struct slice *ret_schema)
{
    struct slice raw = json_raw(r->doc, schema);
    struct buf out = BUF_INIT(raw.len * 2 + 64);
    struct walk walk;
    walk.doc = r->doc;
    walk.out = &out;
    walk.depth = 0;
    bool ok = enter(&walk, schema, PLACE_SCHEMA);
    while (ok && walk.depth > 0) {
        ok = step(&walk);
    }
    *ret_schema = ok ? arena_copy(r->arena, buf_slice(&out)) : SLICE_EMPTY;
    buf_release(&out);
    return ret_schema->ptr != NULL || reader_refuse_size(r);
}
