/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/place.h"

#include <stdio.h>

#define POINTER_MAX sizeof(((struct error *)0)->pointer)
#define NAME_MAX_BYTES 64u

struct pointer {
    char text[POINTER_MAX];
    size_t len;
    bool full; /* what is longer ends at the last member that had room */
};

/* --- pointers --- */

static void push(struct pointer *pointer, struct slice name)
{
    if (pointer->full || pointer->len + 1 + 2 * name.len >= sizeof pointer->text) {
        pointer->full = true;
        return;
    }
    pointer->text[pointer->len++] = '/';
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '~' || c == '/') { /* RFC 6901, 3 */
            pointer->text[pointer->len++] = '~';
            c = c == '~' ? '0' : '1';
        }
        pointer->text[pointer->len++] = c;
    }
}

static void push_key(struct pointer *pointer, const struct json_doc *doc, uint32_t key)
{
    char name[POINTER_MAX];
    push(pointer, slice_of(name, json_unescape_to(json_inner(doc, key), name, sizeof name)));
}

static void push_index(struct pointer *pointer, size_t index)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%zu", index);
    push(pointer, slice_of(digits, (size_t)len));
}

static void set(struct error *error, const struct pointer *pointer)
{
    error_at(error, "%.*s", (int)pointer->len, pointer->text);
}

/* --- from bytes to members --- */

struct span {
    size_t start;
    size_t end;
};

static bool is_in_body(const struct chat *chat, struct slice at, struct span *ret_span)
{
    struct slice body = chat->body;
    uintptr_t from = (uintptr_t)body.ptr;
    uintptr_t start = (uintptr_t)at.ptr;
    if (at.ptr == NULL || start < from || start - from > body.len ||
        at.len > body.len - (start - from)) {
        return false;
    }
    *ret_span = (struct span){start - from, start - from + at.len};
    return true;
}

/* The child of this container that holds the span, as one more member of the pointer. */
static uint32_t child_around(const struct json_doc *doc, uint32_t parent, struct span span,
                             struct pointer *pointer)
{
    bool object = json_kind(doc, parent) == JSON_OBJECT;
    size_t index = 0;
    for (uint32_t i = json_first(doc, parent); i != JSON_ABSENT;
         i = json_next(doc, parent, i), index++) {
        const struct json_node *value = &doc->nodes[object ? i + 1 : i];
        if (span.start < value->start || span.end > value->end) {
            continue;
        }
        if (object) {
            push_key(pointer, doc, i);
        } else {
            push_index(pointer, index);
        }
        return object ? i + 1 : i;
    }
    return JSON_ABSENT;
}

/* The innermost value around these bytes; a value that is exactly them is not looked into. */
static bool point_at(const struct chat *chat, struct slice at, struct pointer *pointer)
{
    const struct json_doc *doc = chat->doc;
    struct span span;
    if (doc == NULL || doc->count == 0 || !is_in_body(chat, at, &span)) {
        return false;
    }
    uint32_t node = JSON_ROOT;
    while (json_kind(doc, node) >= JSON_ARRAY &&
           (doc->nodes[node].start != span.start || doc->nodes[node].end != span.end)) {
        uint32_t child = child_around(doc, node, span, pointer);
        if (child == JSON_ABSENT) {
            break;
        }
        node = child;
    }
    return node != JSON_ROOT;
}

static bool point_at_part(const struct chat *chat, const struct chat_part *part,
                          struct pointer *pointer)
{
    const struct slice slices[] = {part->raw,     part->text, part->url,       part->data,
                                   part->file_id, part->name, part->arguments, part->id};
    for (size_t i = 0; i < ARRAY_LEN(slices); i++) {
        if (point_at(chat, slices[i], pointer)) {
            return true;
        }
    }
    return false;
}

void place_part(const struct chat *chat, const struct chat_part *part, struct error *error)
{
    struct pointer pointer = {.len = 0};
    (void)point_at_part(chat, part, &pointer);
    set(error, &pointer);
}

void place_message(const struct chat *chat, size_t index, struct error *error)
{
    const struct chat_message *message = &chat->messages[index];
    struct pointer pointer = {.len = 0};
    if (!point_at(chat, message->raw, &pointer)) {
        for (size_t i = 0; i < message->part_count; i++) {
            if (point_at_part(chat, &message->parts[i], &pointer)) {
                break;
            }
        }
    }
    set(error, &pointer);
}

/* --- what is asked for at the top level --- */

/* "stopSequences" as Google's older clients write it: "stop_sequences". */
static struct slice snake_of(struct slice name, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < name.len && len + 2 < NAME_MAX_BYTES; i++) {
        char c = name.ptr[i];
        if (c >= 'A' && c <= 'Z') {
            out[len++] = '_';
            c = (char)(c | 0x20);
        }
        out[len++] = c;
    }
    return slice_of(out, len);
}

static bool point_by_path(const struct json_doc *doc, struct slice path, struct pointer *pointer)
{
    uint32_t node = JSON_ROOT;
    (void)slice_cut(&path, '/');
    while (path.len > 0) {
        char other[NAME_MAX_BYTES];
        struct slice name = slice_cut(&path, '/');
        uint32_t value = json_member(doc, node, name);
        if (value == JSON_ABSENT) {
            name = snake_of(name, other);
            value = json_member(doc, node, name);
        }
        if (value == JSON_ABSENT || json_kind(doc, value) == JSON_NULL) {
            return false;
        }
        push(pointer, name);
        node = value;
    }
    return true;
}

void place_wish(const struct chat *chat, enum wish wish, struct error *error)
{
    const char *names = dialect_of((enum dialect_id)chat->dialect)->wishes[wish];
    struct slice rest = names == NULL ? SLICE_EMPTY : slice_from_cstr(names);
    struct slice other = rest;
    struct slice first = slice_cut(&other, ' '); /* where nothing asks: the member is missing */
    while (rest.len > 0 && chat->doc != NULL && chat->doc->count > 0) {
        struct pointer found = {.len = 0};
        if (point_by_path(chat->doc, slice_cut(&rest, ' '), &found)) {
            set(error, &found);
            return;
        }
    }
    error_at(error, "%.*s", SLICE_ARG(first));
}

/* --- needs --- */

static bool place_kind(const struct chat *chat, enum part_kind kind, struct error *error)
{
    for (size_t i = 0; i < chat->message_count; i++) {
        const struct chat_message *message = &chat->messages[i];
        for (size_t j = 0; j < message->part_count; j++) {
            if (message->parts[j].kind == kind) {
                place_part(chat, &message->parts[j], error);
                return true;
            }
        }
    }
    return false;
}

void place_need(const struct chat *chat, capability_set needs, struct error *error)
{
    static const struct {
        capability_set need;
        enum part_kind kind; /* PART_TEXT: no part asks for it */
        enum wish wish;
    } askers[] = {
        {CAPABILITY_TOOLS, PART_TOOL_CALL, WISH_TOOLS},
        {CAPABILITY_PARALLEL_TOOLS, PART_TEXT, WISH_TOOLS},
        {CAPABILITY_VISION, PART_IMAGE, WISH_MESSAGES},
        {CAPABILITY_AUDIO, PART_AUDIO, WISH_AUDIO},
        {CAPABILITY_DOCUMENTS, PART_FILE, WISH_MESSAGES},
        {CAPABILITY_JSON_OBJECT, PART_TEXT, WISH_FORMAT},
        {CAPABILITY_JSON_SCHEMA, PART_TEXT, WISH_FORMAT},
        {CAPABILITY_REASONING, PART_TEXT, WISH_REASONING},
        {CAPABILITY_LOGPROBS, PART_TEXT, WISH_LOGPROBS},
        {CAPABILITY_STREAMING, PART_TEXT, WISH_STREAM},
        {CAPABILITY_COMPLETION, PART_TEXT, WISH_MESSAGES},
        {CAPABILITY_SUFFIX, PART_TEXT, WISH_SUFFIX},
        {CAPABILITY_EMBEDDINGS, PART_TEXT, WISH_MESSAGES},
    };
    for (size_t i = 0; i < ARRAY_LEN(askers); i++) {
        if ((needs & askers[i].need) == 0) {
            continue;
        }
        bool tools = askers[i].need == CAPABILITY_TOOLS && chat->tool_count > 0;
        if (tools || askers[i].kind == PART_TEXT || !place_kind(chat, askers[i].kind, error)) {
            place_wish(chat, askers[i].wish, error);
        }
        return;
    }
}
