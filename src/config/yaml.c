/* SPDX-License-Identifier: Apache-2.0 */
#include "config/yaml.h"

#include "config/diagnostics.h"

#include <yaml.h>

#define YAML_DEPTH_MAX 32
#define YAML_NODES_MAX 100000

struct builder {
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct yaml *stack[YAML_DEPTH_MAX];
    size_t depth;
    struct yaml *root;
    size_t nodes;
    struct slice key; /* a mapping's key that waits for its value */
    struct yaml_place key_place;
    bool has_key;
    bool failed;
};

static struct yaml_place place_of(const yaml_event_t *event)
{
    size_t length = 1;
    if (event->end_mark.line == event->start_mark.line && event->end_mark.column > event->start_mark.column) {
        length = event->end_mark.column - event->start_mark.column;
    }
    return (struct yaml_place){(unsigned)event->start_mark.line + 1, (unsigned)event->start_mark.column + 1,
                               (unsigned)length};
}

static void fail(struct builder *b, struct yaml_place place, const char *code, const char *message)
{
    b->failed = true;
    diagnostics_add(b->diagnostics, SEVERITY_ERROR, code, place, "", "%s", message);
}

static struct yaml *current(const struct builder *b)
{
    return b->depth == 0 ? NULL : b->stack[b->depth - 1];
}

static void check_duplicate(struct builder *b, const struct yaml *mapping, struct slice key, struct yaml_place place)
{
    struct yaml *first = yaml_member(mapping, key);
    if (first != NULL) {
        char hint[96];
        snprintf(hint, sizeof(hint), "the first one is on line %u", first->key_place.line);
        b->failed = true;
        diagnostics_add(b->diagnostics, SEVERITY_ERROR, "duplicate_key", place, hint,
                        "the key \"%.*s\" stands twice in this section", SLICE_ARG(key));
    }
}

static struct yaml *attach(struct builder *b, enum yaml_kind kind, const yaml_event_t *event)
{
    struct yaml *node = ARENA_NEW(b->arena, struct yaml);
    if (node == NULL || ++b->nodes > YAML_NODES_MAX) {
        fail(b, place_of(event), "too_large", "the file has too many values");
        return NULL;
    }
    struct yaml *parent = current(b);
    node->kind = kind;
    node->place = place_of(event);
    node->parent = parent;
    if (parent == NULL) {
        b->root = node;
        return node;
    }
    if (parent->kind == YAML_MAPPING) {
        node->key = b->key;
        node->key_place = b->key_place;
        b->has_key = false;
    }
    if (parent->last != NULL) {
        parent->last->next = node;
    } else {
        parent->first = node;
    }
    parent->last = node;
    return node;
}

static bool expects_key(const struct builder *b)
{
    const struct yaml *parent = current(b);
    return parent != NULL && parent->kind == YAML_MAPPING && !b->has_key;
}

static void take_scalar(struct builder *b, const yaml_event_t *event)
{
    struct slice text = slice_of((const char *)event->data.scalar.value, event->data.scalar.length);
    text = arena_copy(b->arena, text);
    if (expects_key(b)) {
        check_duplicate(b, current(b), text, place_of(event));
        b->key = text;
        b->key_place = place_of(event);
        b->has_key = true;
        return;
    }
    struct yaml *node = attach(b, YAML_SCALAR, event);
    if (node != NULL) {
        node->text = text;
        node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    }
}

static void open_node(struct builder *b, enum yaml_kind kind, const yaml_event_t *event)
{
    if (expects_key(b)) {
        fail(b, place_of(event), "bad_key", "a key must be a plain word");
        return;
    }
    if (b->depth == YAML_DEPTH_MAX) {
        fail(b, place_of(event), "too_deep", "the file is nested too deeply");
        return;
    }
    struct yaml *node = attach(b, kind, event);
    if (node != NULL) {
        node->place.length = 1;
        b->stack[b->depth++] = node;
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
        fail(b, place_of(event), "alias", "aliases are not supported: write the value out");
        break;
    case YAML_DOCUMENT_START_EVENT:
        if (b->root != NULL) {
            fail(b, place_of(event), "documents", "the file must hold one document");
        }
        break;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
}

static void syntax_error(struct builder *b, const yaml_parser_t *parser)
{
    struct yaml_place place = {(unsigned)parser->problem_mark.line + 1,
                               (unsigned)parser->problem_mark.column + 1, 1};
    b->failed = true;
    diagnostics_add(b->diagnostics, SEVERITY_ERROR, "syntax", place,
                    parser->problem != NULL && strstr(parser->problem, "tab") != NULL
                        ? "indent with spaces"
                        : "check the indentation and the quotes",
                    "this is no YAML: %s", parser->problem == NULL ? "unreadable" : parser->problem);
}

struct yaml *yaml_parse(struct slice text, struct arena *arena, struct diagnostics *diagnostics)
{
    struct builder b = {.arena = arena, .diagnostics = diagnostics};
    yaml_parser_t parser;
    bool done = false;
    if (!yaml_parser_initialize(&parser)) {
        fail(&b, (struct yaml_place){0, 0, 0}, "no_memory", "out of memory");
        return NULL;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)(text.len == 0 ? "" : text.ptr), text.len);
    while (!done && !b.failed) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            syntax_error(&b, &parser);
            break;
        }
        done = event.type == YAML_STREAM_END_EVENT;
        take_event(&b, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return b.failed ? NULL : b.root;
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
           (node->text.len == 0 || slice_eq(node->text, SLICE("~")) || slice_eq(node->text, SLICE("null")));
}
