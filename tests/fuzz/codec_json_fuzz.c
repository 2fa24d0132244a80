/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON reader against two others: a recursive one written straight from the grammar of RFC 8259
 * (below), which must accept exactly the same texts, and yajl (where it is installed: FUZZ_YAJL),
 * which must see the same values in the same order in every text that we accept. (yajl itself lets
 * overlong UTF-8 and some unfinished texts pass. jansson would be stricter, but its json_string()
 * and ours cannot live in one program.) What is accepted is then taken through every accessor.
 */
#include "base/arena.h"
#include "codec/json.h"
#include "codec/json_follow.h"
#include "codec/json_write.h"
#include "codec/utf8.h"

#include <stdlib.h>
#ifdef FUZZ_YAJL
#include <yajl/yajl_parse.h>
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the grammar ------------------------------------------------------------------------------ */

struct grammar {
    const char *p;
    const char *end;
    unsigned depth;
    bool too_deep;
};

static bool take(struct grammar *g, char c)
{
    if (g->p < g->end && *g->p == c) {
        g->p++;
        return true;
    }
    return false;
}

static bool take_one_of(struct grammar *g, const char *set)
{
    if (g->p < g->end && *g->p != '\0' && strchr(set, *g->p) != NULL) {
        g->p++;
        return true;
    }
    return false;
}

static bool take_word(struct grammar *g, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(g->end - g->p) >= len && memcmp(g->p, word, len) == 0) {
        g->p += len;
        return true;
    }
    return false;
}

static bool spaces(struct grammar *g)
{
    while (take_one_of(g, " \t\r\n")) {
    }
    return true;
}

static bool digits(struct grammar *g)
{
    bool any = false;
    while (take_one_of(g, "0123456789")) {
        any = true;
    }
    return any;
}

static bool number(struct grammar *g)
{
    (void)take(g, '-');
    if (!take(g, '0') && !digits(g)) {
        return false;
    }
    if (take(g, '.') && !digits(g)) {
        return false;
    }
    if (take_one_of(g, "eE")) {
        (void)take_one_of(g, "+-");
        return digits(g);
    }
    return true;
}

static bool character(struct grammar *g)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    if (take(g, '\\')) {
        if (take(g, 'u')) {
            return take_one_of(g, hex) && take_one_of(g, hex) && take_one_of(g, hex) &&
                   take_one_of(g, hex);
        }
        return take_one_of(g, "\"\\/bfnrt");
    }
    size_t length = utf8_sequence(slice_of(g->p, (size_t)(g->end - g->p)));
    if (length == 0 || (unsigned char)*g->p < 0x20) {
        return false;
    }
    g->p += length;
    return true;
}

static bool string(struct grammar *g)
{
    if (!take(g, '"')) {
        return false;
    }
    while (!take(g, '"')) {
        if (!character(g)) {
            return false;
        }
    }
    return true;
}

static bool value(struct grammar *g);

static bool member(struct grammar *g)
{
    return string(g) && spaces(g) && take(g, ':') && spaces(g) && value(g);
}

static bool container(struct grammar *g, bool (*item)(struct grammar *), char close)
{
    if (g->depth == json_default_limits.depth) {
        g->too_deep = true;
        return false;
    }
    g->depth++;
    bool ok = spaces(g);
    if (!take(g, close)) {
        do {
            ok = spaces(g) && item(g) && spaces(g);
        } while (ok && take(g, ','));
        ok = ok && take(g, close);
    }
    g->depth--;
    return ok;
}

static bool value(struct grammar *g)
{
    if (take(g, '{')) {
        return container(g, member, '}');
    }
    if (take(g, '[')) {
        return container(g, value, ']');
    }
    if (g->p < g->end && *g->p == '"') {
        return string(g);
    }
    return take_word(g, "true") || take_word(g, "false") || take_word(g, "null") || number(g);
}

static bool text(struct grammar *g)
{
    return spaces(g) && value(g) && spaces(g) && g->p == g->end;
}

/* --- what was accepted ------------------------------------------------------------------------ */

static void check_string(const struct json_doc *doc, uint32_t i, struct arena *arena)
{
    struct slice inner = json_inner(doc, i);
    struct slice plain = json_string(doc, i, arena);
    CHECK(!arena->exhausted && utf8_valid(plain) && plain.len <= inner.len);
    CHECK(json_string_is(doc, i, plain) && json_inner_is(inner, plain));
    struct buf buf = BUF_INIT((size_t)1 << 24);
    CHECK(json_unescape(inner, &buf) && slice_eq(buf_slice(&buf), plain));
    buf_clear(&buf);
    CHECK(json_escape(plain, &buf) && json_inner_is(buf_slice(&buf), plain));
    buf_release(&buf);
    char cut[16];
    size_t len = json_unescape_to(inner, cut, sizeof cut);
    CHECK(utf8_valid(slice_of(cut, len)) && slice_starts(plain, slice_of(cut, len)));
}

static void check_number(const struct json_doc *doc, uint32_t i)
{
    int64_t whole;
    int64_t scaled;
    if (json_int64(doc, i, &whole) && json_scaled(doc, i, 0, &scaled)) {
        CHECK(whole == scaled);
    }
}

/* Spans lie in each other and in order, and iteration meets every child once. */
static void check_container(const struct json_doc *doc, uint32_t parent)
{
    uint32_t at = doc->nodes[parent].start + 1;
    uint32_t wanted = parent + 1;
    uint32_t count = 0;
    for (uint32_t i = json_first(doc, parent); i != JSON_ABSENT; i = json_next(doc, parent, i)) {
        uint32_t child = json_is(doc, parent, JSON_OBJECT) ? i + 1 : i;
        CHECK(i == wanted && doc->nodes[i].start >= at);
        CHECK(child == i || doc->nodes[child].start > doc->nodes[i].end);
        at = doc->nodes[child].end;
        wanted = doc->nodes[child].next;
        count++;
    }
    CHECK(wanted == doc->nodes[parent].next && at < doc->nodes[parent].end);
    CHECK(count == json_count(doc, parent));
}

static void check_nodes(const struct json_doc *doc, size_t size)
{
    struct arena arena;
    arena_init(&arena, size + 32 * (size_t)doc->count);
    for (uint32_t i = 0; i < doc->count; i++) {
        CHECK(doc->nodes[i].start < doc->nodes[i].end && doc->nodes[i].end <= size);
        switch (json_kind(doc, i)) {
        case JSON_STRING:
            check_string(doc, i, &arena);
            break;
        case JSON_NUMBER:
            check_number(doc, i);
            break;
        case JSON_ARRAY:
        case JSON_OBJECT:
            check_container(doc, i);
            break;
        default:
            break;
        }
    }
    arena_release(&arena);
}

/* --- yajl ------------------------------------------------------------------------------------- */

#ifdef FUZZ_YAJL
/* Every event of yajl's must be the next node of the tape. */
struct events {
    const struct json_doc *doc;
    uint32_t next;
};

static int event(struct events *events, enum json_kind kind)
{
    CHECK(events->next < events->doc->count && json_is(events->doc, events->next, kind));
    events->next++;
    return 1;
}

static int on_null(void *context)
{
    return event(context, JSON_NULL);
}

static int on_boolean(void *context, int value)
{
    return event(context, value != 0 ? JSON_TRUE : JSON_FALSE);
}

static int on_number(void *context, const char *digits, size_t len)
{
    struct events *events = context;
    CHECK(slice_eq(json_raw(events->doc, events->next), slice_of(digits, len)));
    return event(events, JSON_NUMBER);
}

/* Of lone surrogates yajl makes question marks. */
static bool has_surrogate(struct slice s)
{
    for (size_t i = 0; i + 3 < s.len; i++) {
        if (memcmp(s.ptr + i, "\\u", 2) == 0 && (s.ptr[i + 2] | 0x20) == 'd' &&
            s.ptr[i + 3] > '7') {
            return true;
        }
    }
    return false;
}

static int on_string(void *context, const unsigned char *plain, size_t len)
{
    struct events *events = context;
    const struct json_doc *doc = events->doc;
    if (!has_surrogate(json_raw(doc, events->next))) {
        CHECK(json_string_is(doc, events->next, slice_of((const char *)plain, len)));
    }
    return event(events, JSON_STRING);
}

static int on_object(void *context)
{
    return event(context, JSON_OBJECT);
}

static int on_array(void *context)
{
    return event(context, JSON_ARRAY);
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_map_key = on_string,
    .yajl_start_map = on_object,
    .yajl_start_array = on_array,
};

static void check_yajl(const struct json_doc *doc, struct slice s)
{
    struct events events = {.doc = doc};
    yajl_handle other = yajl_alloc(&callbacks, NULL, &events);
    CHECK(yajl_parse(other, (const unsigned char *)s.ptr, s.len) == yajl_status_ok);
    CHECK(yajl_complete_parse(other) == yajl_status_ok && events.next == doc->count);
    yajl_free(other);
}
#endif

/* In pieces of one character the same texts are objects. */
static void check_follow(struct slice s, bool object)
{
    struct json_follow f = {.state = 0};
    enum json_follow_result result = JSON_FOLLOW_OPEN;
    for (size_t i = 0; i < s.len; i++) {
        result = json_follow(&f, s.ptr[i]);
    }
    CHECK((result == JSON_FOLLOW_WHOLE) == object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json_doc doc;
    if (size > (size_t)1 << 16) {
        return 0;
    }
    struct slice s = slice_of((const char *)data, size);
    struct error error = {.code = NULL};
    bool ok = json_parse(&doc, s, NULL, &error);
    struct grammar grammar = {.p = s.ptr, .end = s.ptr + size};
    CHECK(text(&grammar) == ok);
    if (utf8_valid(s)) {
        check_follow(s, ok && json_kind(&doc, JSON_ROOT) == JSON_OBJECT);
    }
    CHECK(grammar.too_deep == (!ok && strcmp(error.code, "json_too_deep") == 0));
    if (ok) {
        check_nodes(&doc, size);
#ifdef FUZZ_YAJL
        check_yajl(&doc, s);
#endif
    } else {
        CHECK(error.kind == ERROR_INVALID && error.text[0] != '\0');
    }
    return 0;
}
