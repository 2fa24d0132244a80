/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader: one pass over the text, one node per value in the order of appearance. Nesting needs
 * no stack of its own: while a container is open its node's `next` holds the index of the container
 * around it, and closing it puts the real `next` there. Every function takes the place to read from
 * and returns the place after what it read, or NULL after noting the fault; what is wrong with the
 * text is worked out only then (json_fault.c), not on the way.
 */
#include "codec/json.h"

#include "base/memory.h"
#include "codec/json_fault.h"
#include "codec/json_scan.h"

#define TEXT_MAX ((size_t)1 << 31)
#define FIRST_CAP 32u /* a chunk of a stream has about 25 nodes */

const struct json_limits json_default_limits = {.depth = 128, .nodes = 1000000};

/* Every function that takes the parser is inlined into json_parse(), and its address goes nowhere
   else: so its members live in registers, which the nodes' stores would forbid otherwise. */
#define HOT static inline __attribute__((always_inline))

struct parser {
    const char *end;
    const char *text;
    struct json_node *nodes;
    uint32_t count;
    uint32_t cap;  /* of nodes, never above the limit */
    uint32_t open; /* the innermost open container, or JSON_ABSENT */
    uint32_t depth;
    struct json_limits limits;
    const char *fault_at;
    enum json_fault fault;
};

void json_doc_init(struct json_doc *doc)
{
    *doc = (struct json_doc){NULL, NULL, 0, 0};
}

void json_doc_release(struct json_doc *doc)
{
    if (doc != NULL) {
        memory_free(doc->nodes);
        json_doc_init(doc);
    }
}

HOT const char *parse_fault(struct parser *ps, const char *at, enum json_fault fault)
{
    ps->fault_at = at;
    ps->fault = fault;
    return NULL;
}

/* False: at the limit, or out of memory. */
__attribute__((cold, noinline)) static bool nodes_grow(struct json_node **nodes, uint32_t *cap,
                                                       uint32_t limit)
{
    uint64_t wanted = *cap < FIRST_CAP ? FIRST_CAP : (uint64_t)*cap * 2;
    uint32_t new_cap = wanted < limit ? (uint32_t)wanted : limit;
    struct json_node *grown =
        *cap >= limit ? NULL : memory_resize(*nodes, (size_t)new_cap * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    *nodes = grown;
    *cap = new_cap;
    return true;
}

HOT bool room_make(struct parser *ps, const char *at)
{
    struct json_node *nodes = ps->nodes;
    uint32_t cap = ps->cap;
    bool ok = nodes_grow(&nodes, &cap, ps->limits.nodes);
    ps->nodes = nodes;
    ps->cap = cap;
    if (!ok) {
        (void)parse_fault(ps, at, cap >= ps->limits.nodes ? JSON_FAULT_NODES : JSON_FAULT_MEMORY);
    }
    return ok;
}

/* There is room for it. */
HOT const char *node_put(struct parser *ps, enum json_kind kind, const char *start, const char *end,
                         bool escaped)
{
    struct json_node *node = &ps->nodes[ps->count++];
    node->start = (uint32_t)(start - ps->text);
    node->end = (uint32_t)(end - ps->text);
    node->next = ps->count;
    node->kind = (uint8_t)kind;
    node->escaped = escaped;
    node->reserved = 0;
    return end;
}

HOT const char *node_add(struct parser *ps, enum json_kind kind, const char *start, const char *end,
                         bool escaped)
{
    if (UNLIKELY(ps->count >= ps->cap) && !room_make(ps, start)) {
        return NULL;
    }
    return node_put(ps, kind, start, end, escaped);
}

/* json_string_end() for strings of any length and content. */
__attribute__((noinline)) static const char *long_string_end(const char *p, const char *end,
                                                             bool *ret_escaped)
{
    bool escaped = false;
    const char *quote = json_string_end(p, end, &escaped);
    *ret_escaped = escaped;
    return quote;
}

/* The string whose opening quote is at p; most names and other short strings are dealt with here.
 */
HOT const char *string_read(struct parser *ps, const char *p)
{
    bool escaped = false;
    const char *quote = json_string_end_near(p + 1, ps->end);
    if (quote == NULL) {
        quote = long_string_end(p + 1, ps->end, &escaped);
    }
    if (UNLIKELY(quote == NULL)) {
        return parse_fault(ps, p, JSON_FAULT_STRING);
    }
    return node_add(ps, JSON_STRING, p, quote + 1, escaped);
}

/* One or more digits; NULL when there is none. */
static inline const char *digits_skip(const char *p, const char *end)
{
    const char *start = p;
    while (p < end && (unsigned char)(*p - '0') <= 9) {
        p++;
    }
    return p > start ? p : NULL;
}

/* After the number at p (RFC 8259 section 6), or NULL. */
static inline const char *number_skip(const char *p, const char *end)
{
    p += *p == '-';
    if (p < end && *p == '0') {
        p++;
    } else {
        p = digits_skip(p, end);
    }
    if (p != NULL && p < end && *p == '.') {
        p = digits_skip(p + 1, end);
    }
    if (p != NULL && p < end && (*p | 0x20) == 'e') {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        p = digits_skip(p, end);
    }
    return p;
}

HOT const char *number_read(struct parser *ps, const char *p)
{
    if (*p != '-' && (unsigned char)(*p - '0') > 9) {
        return parse_fault(ps, p, JSON_FAULT_VALUE);
    }
    const char *after = number_skip(p, ps->end);
    if (after == NULL) {
        return parse_fault(ps, p, JSON_FAULT_NUMBER);
    }
    return node_add(ps, JSON_NUMBER, p, after, false);
}

HOT const char *word_read(struct parser *ps, const char *p, struct slice word, enum json_kind kind)
{
    if ((size_t)(ps->end - p) < word.len || memcmp(p, word.ptr, word.len) != 0) {
        return parse_fault(ps, p, JSON_FAULT_VALUE);
    }
    return node_add(ps, kind, p, p + word.len, false);
}

/* The bracket at p opens a container; returns the first place after it that is no space. */
HOT const char *container_open(struct parser *ps, const char *p, enum json_kind kind)
{
    if (UNLIKELY(ps->depth >= ps->limits.depth)) {
        return parse_fault(ps, p, JSON_FAULT_DEPTH);
    }
    uint32_t index = ps->count;
    if (node_add(ps, kind, p, p + 1, false) == NULL) {
        return NULL;
    }
    ps->nodes[index].next = ps->open;
    ps->open = index;
    ps->depth++;
    return json_space_skip(p + 1, ps->end);
}

/* The bracket at p closes the innermost container. */
HOT const char *container_close(struct parser *ps, const char *p)
{
    struct json_node *node = &ps->nodes[ps->open];
    ps->open = node->next;
    ps->depth--;
    node->next = ps->count;
    node->end = (uint32_t)(p + 1 - ps->text);
    return p + 1;
}

/* A member's name and its colon; returns where the value starts. */
HOT const char *key_read(struct parser *ps, const char *p)
{
    if (UNLIKELY(p == ps->end || *p != '"')) {
        return parse_fault(ps, p, JSON_FAULT_KEY);
    }
    p = string_read(ps, p);
    if (UNLIKELY(p == NULL)) {
        return NULL;
    }
    p = json_space_skip(p, ps->end);
    if (UNLIKELY(p == ps->end || *p != ':')) {
        return parse_fault(ps, p, JSON_FAULT_COLON);
    }
    return json_space_skip(p + 1, ps->end);
}

/* How far a plain name or value is looked at: a block with its quotes and what follows. */
#define PLAIN_SPAN (JSON_BLOCK + 4)

static inline const char *few_digits_end(const char *p, const char *limit)
{
    while ((unsigned char)(*p - '0') <= 9 && p < limit) {
        p++;
    }
    return p;
}

/* After a short number, with a fraction or without, that a comma or a bracket follows, or NULL. */
static inline const char *plain_number_end(const char *p)
{
    const char *start = p;
    const char *limit = p + JSON_BLOCK;
    p = few_digits_end(p, limit);
    bool plain = p > start && (*start != '0' || p == start + 1);
    if (*p == '.') {
        start = p + 1;
        p = few_digits_end(start, limit);
        plain = plain && p > start;
    }
    return plain && (*p == ',' || *p == '}') ? p : NULL;
}

/* Reads the value at p when it is a plain one, else does nothing and returns NULL. */
HOT const char *plain_value_read(struct parser *ps, const char *p)
{
    if (*p == '"') {
        const char *quote = json_short_string_end(p + 1);
        return quote == NULL ? NULL : node_put(ps, JSON_STRING, p, quote + 1, false);
    }
    const char *after = plain_number_end(p);
    return after == NULL ? NULL : node_put(ps, JSON_NUMBER, p, after, false);
}

/*
 * Reads the members of an object from the key at p on, up to the first whose value is no plain one,
 * and returns where that value starts; or, *ret_complete, the place after the last member's value.
 * Most members are `"name":"text"` or `"name":1`, short and well before the end of the text: one
 * question is enough for each of them whether there is room to look ahead.
 */
HOT const char *members_read(struct parser *ps, const char *p, bool *ret_complete)
{
    *ret_complete = false;
    while (LIKELY(ps->end - p >= PLAIN_SPAN && ps->cap - ps->count >= 2 && *p == '"')) {
        const char *quote = json_name_end(p + 1, ps->end);
        if (UNLIKELY(quote == NULL || quote[1] != ':')) {
            break;
        }
        (void)node_put(ps, JSON_STRING, p, quote + 1, false);
        const char *value = quote + 2 + (quote[2] == ' ');
        p = ps->end - value < PLAIN_SPAN ? NULL : plain_value_read(ps, value);
        if (p == NULL) {
            return json_space_skip(value, ps->end);
        }
        if (*p != ',') {
            *ret_complete = true;
            return p;
        }
        p += 1 + (p[1] == ' ');
    }
    return key_read(ps, json_space_skip(p, ps->end));
}

/* Descends from p to the first value that is complete: a scalar or an empty container. */
HOT const char *value_read(struct parser *ps, const char *p)
{
    bool complete;
    while (p != NULL && p < ps->end) {
        switch (*p) {
        case '"':
            return string_read(ps, p);
        case '{':
            p = container_open(ps, p, JSON_OBJECT);
            if (p != NULL && p < ps->end && *p == '}') {
                return container_close(ps, p);
            }
            p = p == NULL ? NULL : members_read(ps, p, &complete);
            if (p != NULL && complete) {
                return p;
            }
            break;
        case '[':
            p = container_open(ps, p, JSON_ARRAY);
            if (p != NULL && p < ps->end && *p == ']') {
                return container_close(ps, p);
            }
            break;
        case 't':
            return word_read(ps, p, SLICE("true"), JSON_TRUE);
        case 'f':
            return word_read(ps, p, SLICE("false"), JSON_FALSE);
        case 'n':
            return word_read(ps, p, SLICE("null"), JSON_NULL);
        default:
            return number_read(ps, p);
        }
    }
    return p == NULL ? NULL : parse_fault(ps, p, JSON_FAULT_VALUE);
}

/* After a complete value: closes what ends here and returns where the next value starts, or the
   place after the document's value when no container is open any more. */
HOT const char *rest_read(struct parser *ps, const char *p)
{
    while (ps->open != JSON_ABSENT) {
        bool object = ps->nodes[ps->open].kind == JSON_OBJECT;
        p = json_space_skip(p, ps->end);
        char c = p < ps->end ? *p : '\0';
        if (c == ',') {
            bool complete = false;
            p = json_space_skip(p + 1, ps->end);
            p = object ? members_read(ps, p, &complete) : p;
            if (!complete) {
                return p;
            }
            continue;
        }
        if (UNLIKELY(c != (object ? '}' : ']'))) {
            return parse_fault(ps, p, object ? JSON_FAULT_OBJECT_REST : JSON_FAULT_ARRAY_REST);
        }
        p = container_close(ps, p);
    }
    return p;
}

HOT bool document_read(struct parser *ps)
{
    const char *p = json_space_skip(ps->text, ps->end);
    do {
        p = value_read(ps, p);
        p = p == NULL ? NULL : rest_read(ps, p);
    } while (p != NULL && ps->open != JSON_ABSENT);
    if (p == NULL) {
        return false;
    }
    p = json_space_skip(p, ps->end);
    if (p != ps->end) {
        (void)parse_fault(ps, p, JSON_FAULT_TRAILING);
        return false;
    }
    return true;
}

bool json_parse(struct json_doc *doc, struct slice text, const struct json_limits *limits,
                struct error *error)
{
    doc->text = NULL;
    doc->count = 0;
    if (text.len > TEXT_MAX) {
        return json_fault_set(error, JSON_FAULT_LENGTH, text, TEXT_MAX);
    }
    const char *begin = text.ptr == NULL ? "" : text.ptr;
    struct parser ps = {.text = begin,
                        .end = begin + text.len,
                        .nodes = doc->nodes,
                        .open = JSON_ABSENT,
                        .limits = limits == NULL ? json_default_limits : *limits};
    ps.cap = doc->cap < ps.limits.nodes ? doc->cap : ps.limits.nodes;
    bool ok = document_read(&ps);
    doc->nodes = ps.nodes;
    doc->cap = ps.cap > doc->cap ? ps.cap : doc->cap;
    if (!ok) {
        return json_fault_set(error, ps.fault, text, (size_t)(ps.fault_at - begin));
    }
    doc->text = begin;
    doc->count = ps.count;
    return true;
}
