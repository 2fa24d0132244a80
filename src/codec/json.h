/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict JSON (RFC 8259) as a tape of spans over the caller's bytes. One pass validates the grammar
 * and UTF-8 and notes where each value starts and ends; nothing is copied, numbers and strings stay
 * text, so that bytes which need no change are never changed. Keys are compared after unescaping
 * ("mod\u0065l" is "model"). Depth, node count and length are bounded; recursion is not used. The
 * document borrows the text: it lives no longer than the text does.
 *
 * Thread: one owner. A document may be parsed into again and again and keeps its memory
 * (json_doc_release frees it).
 */
#ifndef SLUICE_CODEC_JSON_H
#define SLUICE_CODEC_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum json_kind {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/* An object's children alternate key, value, key, value. A value's subtree is nodes [i, next). */
struct json_node {
    uint32_t start; /* offset of the first byte of the value (the quote of a string) */
    uint32_t end;   /* offset after the last byte */
    uint32_t next;  /* index of the node after this value's subtree */
    uint8_t kind;
    uint8_t escaped; /* a string that holds at least one backslash */
    uint16_t reserved;
};

struct json_limits {
    uint32_t depth; /* nesting of arrays and objects */
    uint32_t nodes;
};
extern const struct json_limits json_default_limits; /* depth 128, 1,000,000 nodes */

struct json_doc {
    const char *text;
    struct json_node *nodes;
    uint32_t count;
    uint32_t cap;
};

#define JSON_ROOT 0u
#define JSON_ABSENT UINT32_MAX

void json_doc_init(struct json_doc *doc);
void json_doc_release(struct json_doc *doc);
/* Parses the whole text (at most 2^31 bytes; surrounding white space allowed; no byte order mark).
   NULL limits are the default ones. On failure the document is empty and *error has the code
   "invalid_json", "invalid_utf8", "json_too_deep" (all ERROR_INVALID), "json_too_large"
   (ERROR_LIMIT) or "out_of_memory" (ERROR_ENVIRONMENT) and a text such as "JSON 3:14 (byte 57):
   expected ',' or '}', found 'x'": line, column in characters, byte offset, at most one byte of the
   input. Lone surrogates as escapes ("\ud800") are accepted, as the grammar allows them; raw ones
   are not UTF-8. */
MUST_USE bool json_parse(struct json_doc *doc, struct slice text, const struct json_limits *limits,
                         struct error *error);

static inline enum json_kind json_kind(const struct json_doc *doc, uint32_t value)
{
    return (enum json_kind)doc->nodes[value].kind;
}

static inline bool json_is(const struct json_doc *doc, uint32_t value, enum json_kind kind)
{
    return value != JSON_ABSENT && doc->nodes[value].kind == kind;
}

/* The value's bytes as they stand (a string with its quotes). */
static inline struct slice json_raw(const struct json_doc *doc, uint32_t value)
{
    const struct json_node *n = &doc->nodes[value];
    return slice_of(doc->text + n->start, n->end - n->start);
}

/* The inside of a string, still escaped. */
static inline struct slice json_inner(const struct json_doc *doc, uint32_t value)
{
    const struct json_node *n = &doc->nodes[value];
    return slice_of(doc->text + n->start + 1, n->end - n->start - 2);
}

/* Iteration over children, for arrays and objects alike:
     for (uint32_t i = json_first(doc, v); i != JSON_ABSENT; i = json_next(doc, v, i))
   Of an object `i` is the key and i + 1 the value. */
static inline uint32_t json_first(const struct json_doc *doc, uint32_t parent)
{
    return doc->nodes[parent].next > parent + 1 ? parent + 1 : JSON_ABSENT;
}

static inline uint32_t json_next(const struct json_doc *doc, uint32_t parent, uint32_t i)
{
    uint32_t value = doc->nodes[parent].kind == JSON_OBJECT ? i + 1 : i;
    uint32_t next = doc->nodes[value].next;
    return next < doc->nodes[parent].next ? next : JSON_ABSENT;
}

/* Does the key (or string) equal `name` after unescaping? */
bool json_string_is(const struct json_doc *doc, uint32_t string, struct slice name);
/* Value of the first member with this name, or JSON_ABSENT (also when `object` is ABSENT or no
   object). */
uint32_t json_member(const struct json_doc *doc, uint32_t object, struct slice name);
/* The key of the first member whose name an earlier one has (as plain text), or JSON_ABSENT.
   Compares all with all: the caller bounds json_count(). */
uint32_t json_twice(const struct json_doc *doc, uint32_t object);
/* Value at a path of member names separated by '.', e.g.
   "usage.prompt_tokens_details.cached_tokens". */
uint32_t json_path(const struct json_doc *doc, uint32_t from, const char *path);
/* Number of children (members of an object count once). */
uint32_t json_count(const struct json_doc *doc, uint32_t parent);
/* A whole number in range; "1e3" and "2.0" count as whole. False for anything else. */
MUST_USE bool json_int64(const struct json_doc *doc, uint32_t value, int64_t *ret_value);
/* A number scaled by 10^scale, exactly (see slice_to_scaled). */
MUST_USE bool json_scaled(const struct json_doc *doc, uint32_t value, int scale,
                          int64_t *ret_value);
/* true or false only. */
MUST_USE bool json_bool(const struct json_doc *doc, uint32_t value, bool *ret_value);
/* The unescaped string, in the document's bytes when nothing is escaped, else copied into the
   arena. A lone surrogate escape becomes U+FFFD. Empty when it is no string. */
struct slice json_string(const struct json_doc *doc, uint32_t value, struct arena *arena);
/* Does an escaped inside (as json_inner gives it) equal `name` after unescaping? */
bool json_inner_is(struct slice inner, struct slice name);
/* Appends the plain text of an escaped inside (as json_inner gives it). */
bool json_unescape(struct slice inner, struct buf *out);
/* Writes at most `size` bytes of the plain text to memory, cut at a whole character; returns how
   many. */
size_t json_unescape_to(struct slice inner, char *out, size_t size);

/* Edits of the original bytes: the spans [start, end) are replaced, everything else is copied as it
   is. Edits are sorted and do not overlap (CHECK). */
struct json_edit {
    uint32_t start;
    uint32_t end;
    struct slice with;
};
bool json_splice(struct slice text, const struct json_edit *edits, size_t count, struct buf *out);
/* The edit that removes member `key` (a key's index in `object`) with its comma and the space that
   belongs to it. Right for one removal in an object; for more of them, or together with an append,
   use json_edit_members. */
struct json_edit json_edit_remove(const struct json_doc *doc, uint32_t object, uint32_t key);
/* The edit that adds a member at the end of an object; `member_with_comma` is `,"k":v`, `member` is
   `"k":v`. */
struct json_edit json_edit_append(const struct json_doc *doc, uint32_t object, struct slice member,
                                  struct slice member_with_comma);
/* The edits that remove the members `keys` (indices of keys, ascending) and then add `members`
   (`"k":v`, or several with commas between them; empty: none) at the end, whatever is left of the
   object. Writes at most key_count + 2 sorted edits and returns how many. */
size_t json_edit_members(const struct json_doc *doc, uint32_t object, const uint32_t *keys,
                         size_t key_count, struct slice members, struct json_edit *edits);
/* Sorts edits that were collected in another order than that of the text; edits at one place keep
   their order. */
void json_edits_sort(struct json_edit *edits, size_t count);

#endif
