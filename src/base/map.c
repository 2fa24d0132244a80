/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linear probing in a table that is at most three quarters filled. A removed entry leaves a mark
 * (no key, hash 1), so that probes go on past it; marks are swept when the table is rebuilt.
 */
#include "base/map.h"

#include "base/hash.h"
#include "base/memory.h"

#define CAP_FIRST ((size_t)16)
#define HASH_REMOVED 1u

void map_init(struct map *map)
{
    *map = (struct map){0};
}

void map_release(struct map *map)
{
    for (size_t i = 0; i < map->cap; i++) {
        memory_free(map->entries[i].key);
    }
    memory_free(map->entries);
    map_init(map);
}

static bool is_live(const struct map_entry *entry)
{
    return entry->key != NULL;
}

static bool never_used(const struct map_entry *entry)
{
    return entry->key == NULL && entry->hash != HASH_REMOVED;
}

static bool has_key(const struct map_entry *entry, uint64_t hash, struct slice key)
{
    return entry->hash == hash && is_live(entry) &&
           slice_eq(slice_of(entry->key, entry->key_len), key);
}

static struct map_entry *find(const struct map *map, uint64_t hash, struct slice key)
{
    if (map->cap == 0) {
        return NULL;
    }
    size_t mask = map->cap - 1;
    for (size_t i = (size_t)hash & mask; !never_used(&map->entries[i]); i = (i + 1) & mask) {
        if (has_key(&map->entries[i], hash, key)) {
            return &map->entries[i];
        }
    }
    return NULL;
}

/* The place for a key that is known to be absent. */
static struct map_entry *find_free(struct map_entry *entries, size_t cap, uint64_t hash)
{
    size_t i = (size_t)hash & (cap - 1);
    while (is_live(&entries[i])) {
        i = (i + 1) & (cap - 1);
    }
    return &entries[i];
}

static bool rebuild(struct map *map, size_t cap)
{
    struct map_entry *entries = memory_array(cap, sizeof(*entries));
    if (entries == NULL) {
        return false;
    }
    for (size_t i = 0; i < map->cap; i++) {
        if (is_live(&map->entries[i])) {
            *find_free(entries, cap, map->entries[i].hash) = map->entries[i];
        }
    }
    memory_free(map->entries);
    map->entries = entries;
    map->cap = cap;
    map->filled = map->used;
    return true;
}

/* Makes room for one more: doubles when half of the table is live, else only sweeps the marks. */
static bool make_room(struct map *map)
{
    if (map->cap == 0) {
        return rebuild(map, CAP_FIRST);
    }
    if (map->filled + 1 <= map->cap / 4 * 3) {
        return true;
    }
    if (map->used < map->cap / 2) {
        return rebuild(map, map->cap);
    }
    return map->cap <= SIZE_MAX / 2 && rebuild(map, map->cap * 2);
}

void *map_get(const struct map *map, struct slice key)
{
    struct map_entry *entry = find(map, hash_keyed(key), key);
    return entry == NULL ? NULL : entry->value;
}

bool map_set(struct map *map, struct slice key, void *value)
{
    CHECK(value != NULL);
    uint64_t hash = hash_keyed(key);
    struct map_entry *entry = find(map, hash, key);
    if (entry != NULL) {
        entry->value = value;
        return true;
    }
    if (!make_room(map) || key.len == SIZE_MAX) {
        return false;
    }
    char *copy = memory_alloc(key.len + 1);
    if (copy == NULL) {
        return false;
    }
    slice_to_cstr(key, copy, key.len + 1);
    entry = find_free(map->entries, map->cap, hash);
    map->filled += never_used(entry);
    map->used++;
    *entry = (struct map_entry){.key = copy, .key_len = key.len, .hash = hash, .value = value};
    return true;
}

void *map_remove(struct map *map, struct slice key)
{
    struct map_entry *entry = find(map, hash_keyed(key), key);
    if (entry == NULL) {
        return NULL;
    }
    void *value = entry->value;
    memory_free(entry->key);
    *entry = (struct map_entry){.hash = HASH_REMOVED};
    map->used--;
    return value;
}

struct map_entry *map_next(const struct map *map, size_t *cursor)
{
    while (*cursor < map->cap) {
        struct map_entry *entry = &map->entries[(*cursor)++];
        if (is_live(entry)) {
            return entry;
        }
    }
    return NULL;
}
