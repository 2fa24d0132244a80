/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libyaml's events become a tree on a stack of open collections. A mistake that leaves the
 * structure intact (an alias, a tag, a duplicate key) marks its node as broken and reading goes on,
 * so that one pass finds them all; what ends it is a syntax error or a ceiling.
 */
#include "config/yaml.h"

#include "config/diagnostics.h"
#include "config/yaml_syntax.h"

#include <stdio.h>

#define DEPTH_MAX 32
#define NODES_MAX 100000
#define MEMBERS_MAX 5000 /* of one mapping: duplicates are found by comparing each with each */

static const char tag_message[] = "tags such as !!str are not supported";
static const char tag_hint[] = "write the value without it; quotes keep text as text";

struct builder {
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct yaml *stack[DEPTH_MAX];
    size_t depth;
    struct yaml *root;
    struct yaml *newest;
    size_t nodes;
    struct slice key; /* a mapping's key that waits for its value */
    struct yaml_place key_place;
    bool key_broken;
    bool has_key;
    bool failed;
};

static struct yaml_place place_of(const yaml_event_t *event)
{
    size_t length = 1;
    if (event->end_mark.line == event->start_mark.line &&
        event->end_mark.column > event->start_mark.column) {
        length = event->end_mark.column - event->start_mark.column;
    }
    return (struct yaml_place){
        .line = (unsigned)event->start_mark.line + 1,
        .column = (unsigned)event->start_mark.column + 1,
        .length = (unsigned)length,
        .end_line = (unsigned)event->end_mark.line + 1,
        .end_column = (unsigned)event->end_mark.column + 1,
    };
}

static void report(struct builder *b, struct yaml_place place, const char *code, const char *hint,
                   const char *message)
{
    diagnostics_add(b->diagnostics, SEVERITY_ERROR, code, place, hint, "%s", message);
}

/* For what ends the reading. */
static void fail(struct builder *b, struct yaml_place place, const char *code, const char *hint,
                 const char *message)
{
    b->failed = true;
    report(b, place, code, hint, message);
}

static struct yaml *current(const struct builder *b)
{
    return b->depth == 0 ? NULL : b->stack[b->depth - 1];
}

static bool expects_key(const struct builder *b)
{
    const struct yaml *parent = current(b);
    return parent != NULL && parent->kind == YAML_MAPPING && !b->has_key;
}

static void link_child(struct builder *b, struct yaml *parent, struct yaml *node)
{
    if (parent->kind == YAML_MAPPING) {
        node->key = b->key;
        node->key_place = b->key_place;
        node->broken = b->key_broken;
        b->has_key = false;
    }
    if (parent->last != NULL) {
        parent->last->next = node;
    } else {
        parent->first = node;
    }
    parent->last = node;
    parent->count++;
}

static struct yaml *attach(struct builder *b, enum yaml_kind kind, const yaml_event_t *event)
{
    struct yaml *parent = current(b);
    bool full = parent != NULL && parent->kind == YAML_MAPPING && parent->count == MEMBERS_MAX;
    struct yaml *node = full ? NULL : ARENA_NEW(b->arena, struct yaml);
    if (node == NULL || ++b->nodes > NODES_MAX) {
        fail(b, place_of(event), "too_large",
             full ? "a section may have 5,000 members" : "a file may have 100,000 values",
             full ? "this section has too many members" : "the file has too many values");
        return NULL;
    }
    node->kind = kind;
    node->place = place_of(event);
    node->parent = parent;
    b->newest = node;
    if (parent == NULL) {
        b->root = node;
    } else {
        link_child(b, parent, node);
    }
    return node;
}

static void take_key(struct builder *b, struct slice text, const yaml_event_t *event)
{
    const struct yaml *first = yaml_member(current(b), text);
    b->key = text;
    b->key_place = place_of(event);
    b->key_broken = false;
    b->has_key = true;
    if (slice_find(text, '\0') != SIZE_MAX) {
        b->key_broken = true;
        report(b, b->key_place, "bad_key", "", "a NUL character cannot be part of a key");
    } else if (first != NULL) {
        char hint[64];
        snprintf(hint, sizeof(hint), "the first one is on line %u", first->key_place.line);
        b->key_broken = true;
        diagnostics_add(b->diagnostics, SEVERITY_ERROR, "duplicate_key", b->key_place, hint,
                        "the key \"%.*s\" stands twice in this section", SLICE_ARG(text));
    }
}

static void take_scalar(struct builder *b, const yaml_event_t *event)
{
    struct slice text = slice_of((const char *)event->data.scalar.value, event->data.scalar.length);
    text = arena_copy(b->arena, text);
    if (expects_key(b)) {
        take_key(b, text, event);
        return;
    }
    struct yaml *node = attach(b, YAML_SCALAR, event);
    if (node == NULL) {
        return;
    }
    node->text = text;
    node->written = text;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (slice_find(text, '\0') != SIZE_MAX) {
        node->broken = true;
        report(b, node->place, "bad_value", "", "a NUL character cannot be part of a value");
    }
    if (event->data.scalar.tag != NULL) {
        node->broken = true;
        report(b, node->place, "tag", tag_hint, tag_message);
    }
}

static void open_node(struct builder *b, enum yaml_kind kind, const yaml_event_t *event)
{
    if (expects_key(b)) {
        fail(b, place_of(event), "bad_key", "a key is a word before a colon",
             "a list or a section cannot be a key");
        return;
    }
    if (b->depth == DEPTH_MAX) {
        fail(b, place_of(event), "too_deep", "32 levels are allowed",
             "the file is nested too deeply");
        return;
    }
    bool tagged = kind == YAML_MAPPING ? event->data.mapping_start.tag != NULL
                                       : event->data.sequence_start.tag != NULL;
    struct yaml *node = attach(b, kind, event);
    if (node != NULL && tagged) {
        node->broken = true;
        report(b, node->place, "tag", tag_hint, tag_message);
    }
    if (node != NULL) {
        node->place.length = 1;
        b->stack[b->depth++] = node;
    }
}

/* `*name`: a value that is marked as broken stands for it. */
static void take_alias(struct builder *b, const yaml_event_t *event)
{
    static const char message[] = "aliases are not supported";
    static const char hint[] = "write the value out here";
    if (expects_key(b)) {
        fail(b, place_of(event), "alias", hint, message);
        return;
    }
    bool merge = b->has_key && slice_eq(b->key, SLICE("<<"));
    struct yaml *node = attach(b, YAML_SCALAR, event);
    if (node != NULL) {
        node->broken = true;
        node->parent->broken = node->parent->broken || merge; /* it lacks members */
        report(b, merge ? node->key_place : node->place, "alias",
               merge ? "write the members out here" : hint,
               merge ? "merging with << is not supported" : message);
    }
}

static void take_event(struct builder *b, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        take_scalar(b, event);
        break;
    case YAML_MAPPING_START_EVENT:
        open_node(b, YAML_MAPPING, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        open_node(b, YAML_SEQUENCE, event);
        break;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        b->depth--;
        b->has_key = false;
        break;
    case YAML_ALIAS_EVENT:
        take_alias(b, event);
        break;
    case YAML_DOCUMENT_START_EVENT:
        if (b->root != NULL) {
            fail(b, place_of(event), "documents", "remove the line with ---",
                 "the file must hold one document");
        }
        break;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
}

/* Values may be secrets, and libyaml frees its memory as it is. */
static void wipe(void *start, void *end)
{
    if (start != NULL) {
        explicit_bzero(start, (size_t)((char *)end - (char *)start));
    }
}

static void event_release(yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT) {
        explicit_bzero(event->data.scalar.value, event->data.scalar.length);
    }
    yaml_event_delete(event);
}

static void parse_events(struct builder *b, yaml_parser_t *parser, struct slice text)
{
    bool done = false;
    while (!done && !b->failed) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            b->failed = true;
            yaml_syntax_report(parser, text, b->diagnostics);
            return;
        }
        done = event.type == YAML_STREAM_END_EVENT;
        take_event(b, &event);
        event_release(&event);
    }
}

struct yaml *yaml_parse(struct slice text, struct arena *arena, struct diagnostics *diagnostics,
                        bool *ret_whole)
{
    struct builder b = {.arena = arena, .diagnostics = diagnostics};
    yaml_parser_t parser;
    *ret_whole = false;
    if (!yaml_parser_initialize(&parser)) {
        fail(&b, YAML_NO_PLACE, "no_memory", "", "out of memory");
        return NULL;
    }
    text = diagnostics_without_mark(text);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)(text.len == 0 ? "" : text.ptr),
                                 text.len);
    parse_events(&b, &parser, text);
    wipe(parser.raw_buffer.start, parser.raw_buffer.end);
    wipe(parser.buffer.start, parser.buffer.end);
    yaml_parser_delete(&parser);
    for (size_t i = 0; b.failed && i < b.depth; i++) {
        b.stack[i]->broken = true; /* cut: what it lacks may have stood behind the error */
    }
    if (b.failed && b.newest != NULL) {
        b.newest->broken = true; /* it may be a part of the error */
    }
    *ret_whole = !b.failed;
    return b.root;
}

struct yaml *yaml_member(const struct yaml *mapping, struct slice key)
{
    if (mapping == NULL || mapping->kind != YAML_MAPPING) {
        return NULL;
    }
    for (struct yaml *node = mapping->first; node != NULL; node = node->next) {
        if (slice_eq(node->key, key)) {
            return node;
        }
    }
    return NULL;
}

bool yaml_is_null(const struct yaml *node)
{
    return node->kind == YAML_SCALAR && node->plain &&
           (node->text.len == 0 || slice_eq(node->text, SLICE("~")) ||
            slice_eq(node->text, SLICE("null")));
}

struct yaml *yaml_walk(const struct yaml *root, struct yaml *node)
{
    if (node->first != NULL) {
        return node->first;
    }
    while (node != root && node->next == NULL) {
        node = node->parent;
    }
    return node == root ? NULL : node->next;
}

char *yaml_path(const struct yaml *node, char *buffer, size_t size)
{
    const struct yaml *nodes[DEPTH_MAX + 1];
    size_t count = 0;
    size_t used = 0;
    for (; node != NULL && count < ARRAY_LEN(nodes); node = node->parent) {
        if (node->key.ptr != NULL) {
            nodes[count++] = node;
        }
    }
    buffer[0] = '\0';
    while (count > 0 && used < size) {
        struct slice key = nodes[--count]->key;
        int len =
            snprintf(buffer + used, size - used, "%s%.*s", used > 0 ? "." : "", SLICE_ARG(key));
        used += len > 0 ? (size_t)len : 0;
    }
    return buffer;
}
