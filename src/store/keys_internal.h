/* SPDX-License-Identifier: Apache-2.0 */
/* What keys.c (asking) and key_load.c (reading) share: the set's own memory. */
#ifndef SLUICE_STORE_KEYS_INTERNAL_H
#define SLUICE_STORE_KEYS_INTERNAL_H

#include "base/arena.h"
#include "store/key_digest.h"
#include "store/keys.h"

#include <stdatomic.h>

#define KEY_DAMAGE_SIZE 512

/* One way in: a key has its own secret, and after rotations those before it for a while. */
struct key_secret {
    uint8_t digest[KEY_DIGEST_SIZE];
    int64_t ends_s; /* 0: the key's own */
    uint32_t key;   /* index */
};

/* Every array is exactly as long as its count and sorted: keys by id, grants by key and kind,
   scopes by kind and id, rules by kind, scope and model. */
struct key_set {
    atomic_size_t references;
    struct key_digester *digester;
    int64_t changes;
    struct key *keys;
    size_t count;
    struct key_secret *secrets;
    size_t secret_count;
    struct grant *grants;
    size_t grant_count;
    struct scope *scopes;
    size_t scope_count;
    uint32_t *scopes_by_name; /* indices, by kind, organisation and name */
    struct scope_rule *rules;
    size_t rule_count;
    const char **origins; /* of client keys that are not revoked, each once; sorted without case */
    size_t origin_count;
    uint8_t (*tokens)[KEY_DIGEST_SIZE]; /* those that are revoked, sorted */
    size_t token_count;
    uint32_t *slots; /* open addressing by the digest's first bytes; index of a secret + 1, 0: empty
                      */
    size_t slot_count;
    struct arena texts;
    char damage[KEY_DAMAGE_SIZE];
    bool tokens_damaged;
};

/* Where a secret with this digest is looked for first. */
size_t key_slot_of(const struct key_set *set, const uint8_t *digest);
/* <0, 0, >0: the order of scopes_by_name. */
int scope_compare(const struct scope *scope, enum scope_kind kind, uint64_t organisation,
                  struct slice name);

#endif
