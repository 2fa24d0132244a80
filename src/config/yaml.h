/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML text -> a tree with the place of every key and value, through libyaml. One document; depth, nodes and size bounded;
 * anchors and aliases are refused (a small file must not become a large tree), duplicate keys too. Scalars stay text.
 * The tree lives in the arena.
 */
#ifndef SLUICE_CONFIG_YAML_H
#define SLUICE_CONFIG_YAML_H

#include "base/arena.h"

struct diagnostics;

enum yaml_kind { YAML_SCALAR, YAML_MAPPING, YAML_SEQUENCE };

struct yaml_place {
    unsigned line;   /* from 1 */
    unsigned column; /* from 1 */
    unsigned length; /* on that line */
};

struct yaml {
    enum yaml_kind kind;
    struct yaml_place place;
    struct slice text; /* scalar; after interpolation */
    bool plain;        /* scalar without quotes */
    struct slice key;  /* when it is a member of a mapping */
    struct yaml_place key_place;
    struct yaml *first; /* children of mappings and sequences */
    struct yaml *last;
    struct yaml *next;
    struct yaml *parent;
    const char *pattern; /* path in the option table, set by validation; NULL: unknown */
};

/* NULL after a syntax error (in *diagnostics) or for an empty document (no diagnostics). */
struct yaml *yaml_parse(struct slice text, struct arena *arena, struct diagnostics *diagnostics);
struct yaml *yaml_member(const struct yaml *mapping, struct slice key);
/* Null-like scalars: empty, ~, null. */
bool yaml_is_null(const struct yaml *node);

#endif
