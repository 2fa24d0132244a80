/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash map from bytes to a pointer, open addressing, keyed hash (safe for keys from outside). Keys
 * are copied in; values are not owned. Insertion order is not kept. Single owner, no locking.
 */
#ifndef SLUICE_BASE_MAP_H
#define SLUICE_BASE_MAP_H

#include "base/slice.h"

struct map_entry {
    char *key;
    size_t key_len;
    uint64_t hash;
    void *value;
};

struct map {
    struct map_entry *entries;
    size_t cap;    /* power of two or 0 */
    size_t used;   /* live entries */
    size_t filled; /* live and deleted */
};

void map_init(struct map *map);
void map_release(struct map *map);
/* NULL when absent. */
void *map_get(const struct map *map, struct slice key);
/* Inserts or replaces; false only when out of memory. value must not be NULL. */
MUST_USE bool map_set(struct map *map, struct slice key, void *value);
/* Returns the removed value or NULL. */
void *map_remove(struct map *map, struct slice key);
/* Iteration: for (size_t i = 0; (entry = map_next(map, &i)) != NULL;) ; no changes meanwhile. */
struct map_entry *map_next(const struct map *map, size_t *cursor);

#endif
