/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML text -> a tree with the place of every key and value, through libyaml. One document; depth,
 * nodes and size bounded; aliases (a small file must not become a large tree), tags and duplicate
 * keys are refused, each with a diagnostic, and reading goes on behind them. Scalars stay text. The
 * tree lives in the arena.
 */
#ifndef SLUICE_CONFIG_YAML_H
#define SLUICE_CONFIG_YAML_H

#include "base/arena.h"

struct diagnostics;
struct option;

enum yaml_kind { YAML_SCALAR, YAML_MAPPING, YAML_SEQUENCE };

struct yaml_place {
    unsigned line;     /* from 1; 0: no place */
    unsigned column;   /* from 1, in characters */
    unsigned length;   /* of the underline on that line, at least 1 */
    unsigned end_line; /* of the first character behind it; 0: as line, column + length */
    unsigned end_column;
};
#define YAML_NO_PLACE ((struct yaml_place){.line = 0})

struct yaml {
    enum yaml_kind kind;
    struct yaml_place place;
    struct slice text;    /* scalar; after interpolation */
    struct slice written; /* scalar as it stands in the file: what a message may repeat */
    bool plain;           /* scalar without quotes */
    bool broken; /* reported already: readers take it as absent and complain no further about it */
    struct slice key; /* when it is a member of a mapping */
    struct yaml_place key_place;
    struct yaml *first; /* children of mappings and sequences */
    struct yaml *last;
    struct yaml *next;
    struct yaml *parent;
    size_t count;                /* children */
    const struct option *option; /* of the option table, set by validation; NULL: unknown */
};

/* What could be understood; NULL: nothing. *ret_whole false: a syntax error or a ceiling ended the
 * reading, the tree is what stood before it. */
struct yaml *yaml_parse(struct slice text, struct arena *arena, struct diagnostics *diagnostics,
                        bool *ret_whole);
struct yaml *yaml_member(const struct yaml *mapping, struct slice key);
/* Null-like scalars: empty, ~, null. */
bool yaml_is_null(const struct yaml *node);
/* The next node in the order of the file (children first), or NULL behind the last one of `root`.
 * Visits every node once. */
struct yaml *yaml_walk(const struct yaml *root, struct yaml *node);
/* "routes.auto.tasks": the keys from the root to this node; items of a list count as the list. Cut
 * to the size. Returns the buffer. */
char *yaml_path(const struct yaml *node, char *buffer, size_t size);

#endif
