/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client keys: "sk-sl-" and 256 random bits (base62), shown once, stored as a SHA-256 digest.
 * Lookups run on an immutable set that is swapped when something changed; comparison takes constant
 * time. The CLI changes the database, a running server notices within 200 ms.
 */
#ifndef SLUICE_STORE_KEYS_H
#define SLUICE_STORE_KEYS_H

#include "base/buf.h"
#include "base/error.h"

#define KEY_TEXT_SIZE 64 /* with the NUL */

struct key {
    uint64_t id;
    char name[64];
    char prefix[16]; /* "sk-sl-3f9a": for display */
    int64_t created_s;
    int64_t revoked_s; /* 0: in force */
    int64_t expires_s; /* 0: never */
    uint8_t digest[32];
};

struct key_set; /* reference-counted, immutable */

/* Reads all keys of the database at `path`; a missing database is an empty set. */
MUST_USE struct key_set *key_set_load(const char *path, struct error *error);
struct key_set *key_set_ref(struct key_set *set);
void key_set_unref(struct key_set *set);
size_t key_set_count(const struct key_set *set);
const struct key *key_set_at(const struct key_set *set, size_t index);
/* The key with this secret, in force at wall_s; else NULL. */
const struct key *key_set_find(const struct key_set *set, struct slice secret, int64_t wall_s);
const struct key *key_set_by_id(const struct key_set *set, uint64_t id);

/* Creates a key in the database at `path` (created if missing); expires_s 0: never. The secret is
   written to `secret` and kept nowhere. Name: 1-63 printable characters ("bad_key_name"), unique
   among keys in force ("key_exists"). */
MUST_USE bool key_create(const char *path, struct slice name, int64_t expires_s,
                         char secret[KEY_TEXT_SIZE], struct key *ret_key, struct error *error);
/* By id, name, prefix or secret; "key_not_found", or "key_ambiguous". Takes effect at the next
 * key_set_load. */
MUST_USE bool key_revoke(const char *path, struct slice which, struct key *ret_key,
                         struct error *error);

#endif
