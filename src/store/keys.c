/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keys.h"

#include "base/memory.h"
#include "store/key_digest.h"
#include "store/ledger_schema.h"

#include <stdatomic.h>

#define KEYS_MAX 1000000

struct key_set {
    atomic_size_t references;
    struct key_digester *digester;
    struct key *keys;
    size_t count;
    size_t cap;
    uint32_t *slots; /* open addressing by the digest's first bytes; index + 1, 0: empty */
    size_t slot_count;
};

/* --- loading -----------------------------------------------------------------------------------
 */

static void copy_text(sqlite3_stmt *row, int column, char *buffer, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    size_t len = text == NULL ? 0 : (size_t)sqlite3_column_bytes(row, column);
    slice_to_cstr(slice_of(text, len), buffer, size);
}

bool key_from_row(sqlite3_stmt *row, struct key *ret_key)
{
    const void *digest = sqlite3_column_blob(row, 3);
    if (digest == NULL || sqlite3_column_bytes(row, 3) != KEY_DIGEST_SIZE) {
        return false;
    }
    *ret_key = (struct key){
        .id = (uint64_t)sqlite3_column_int64(row, 0),
        .created_s = sqlite3_column_int64(row, 4),
        .expires_s = sqlite3_column_int64(row, 5),
        .revoked_s = sqlite3_column_int64(row, 6),
    };
    copy_text(row, 1, ret_key->name, sizeof(ret_key->name));
    copy_text(row, 2, ret_key->prefix, sizeof(ret_key->prefix));
    memcpy(ret_key->digest, digest, KEY_DIGEST_SIZE);
    return true;
}

static bool add_key(struct key_set *set, sqlite3_stmt *row)
{
    if (set->count == set->cap) {
        size_t cap = set->cap == 0 ? 16 : set->cap * 2;
        struct key *bigger =
            cap > KEYS_MAX ? NULL : memory_resize(set->keys, cap * sizeof(*bigger));
        if (bigger == NULL) {
            return false;
        }
        set->keys = bigger;
        set->cap = cap;
    }
    set->count += key_from_row(row, &set->keys[set->count]) ? 1 : 0;
    return true;
}

/* The digest is uniform, and nobody can choose it. */
static size_t slot_of(const struct key_set *set, const uint8_t *digest)
{
    uint64_t word;
    memcpy(&word, digest, sizeof(word));
    return (size_t)word & (set->slot_count - 1);
}

static bool index_keys(struct key_set *set)
{
    size_t wanted = 16;
    while (wanted < set->count * 2) {
        wanted *= 2;
    }
    set->slots = memory_array(wanted, sizeof(set->slots[0]));
    if (set->slots == NULL) {
        return false;
    }
    set->slot_count = wanted;
    for (size_t i = 0; i < set->count; i++) {
        size_t at = slot_of(set, set->keys[i].digest);
        while (set->slots[at] != 0) {
            at = (at + 1) & (wanted - 1);
        }
        set->slots[at] = (uint32_t)i + 1;
    }
    return true;
}

static bool read_keys(struct key_set *set, sqlite3 *db, const char *path, struct error *error)
{
    sqlite3_stmt *row = database_prepare(db, KEY_SELECT " ORDER BY id");
    int status = row == NULL ? SQLITE_ERROR : sqlite3_step(row);
    while (status == SQLITE_ROW && add_key(set, row)) {
        status = sqlite3_step(row);
    }
    bool done = status == SQLITE_DONE;
    if (status == SQLITE_ROW) {
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    } else if (!done) {
        database_error(db, path, "reading the keys", error);
    }
    sqlite3_finalize(row);
    return done;
}

/* No database, or one that was never set up, has no keys. */
static bool load_keys(struct key_set *set, const char *path, struct error *error)
{
    sqlite3 *db = database_open(path, DATABASE_READ, error);
    bool done =
        db != NULL && ledger_schema_check(db, path, error) && read_keys(set, db, path, error);
    sqlite3_close(db);
    return done || strcmp(error->code, "ledger_missing") == 0 ||
           strcmp(error->code, "ledger_old") == 0;
}

struct key_set *key_set_load(const char *path, struct error *error)
{
    struct error local;
    struct error *reason = error == NULL ? &local : error;
    struct key_set *set = memory_array(1, sizeof(*set));
    if (set == NULL) {
        error_set(reason, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
        return NULL;
    }
    atomic_init(&set->references, 1);
    set->digester = key_digester_new();
    if (set->digester == NULL) {
        error_set(reason, ERROR_ENVIRONMENT, "out_of_memory", "SHA-256 is not available");
    } else if (load_keys(set, path, reason)) {
        if (index_keys(set)) {
            error_clear(reason);
            return set;
        }
        error_set(reason, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    }
    key_set_unref(set);
    return NULL;
}

/* --- using -------------------------------------------------------------------------------------
 */

struct key_set *key_set_ref(struct key_set *set)
{
    atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

void key_set_unref(struct key_set *set)
{
    if (set == NULL || atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    key_digester_free(set->digester);
    memory_free(set->keys);
    memory_free(set->slots);
    memory_free(set);
}

size_t key_set_count(const struct key_set *set)
{
    return set->count;
}

const struct key *key_set_at(const struct key_set *set, size_t index)
{
    CHECK(index < set->count);
    return &set->keys[index];
}

static bool in_force(const struct key *key, int64_t wall_s)
{
    return key->revoked_s == 0 && (key->expires_s == 0 || wall_s < key->expires_s);
}

const struct key *key_set_find(const struct key_set *set, struct slice secret, int64_t wall_s)
{
    uint8_t digest[KEY_DIGEST_SIZE];
    if (set->count == 0 || secret.len == 0 || secret.len >= KEY_TEXT_SIZE ||
        !key_digest(set->digester, secret, digest)) {
        return NULL;
    }
    struct slice wanted = slice_of((const char *)digest, sizeof(digest));
    size_t at = slot_of(set, digest);
    for (; set->slots[at] != 0; at = (at + 1) & (set->slot_count - 1)) {
        const struct key *key = &set->keys[set->slots[at] - 1];
        struct slice have = slice_of((const char *)key->digest, sizeof(key->digest));
        if (slice_eq_constant_time(have, wanted)) {
            return in_force(key, wall_s) ? key : NULL;
        }
    }
    return NULL;
}

const struct key *key_set_by_id(const struct key_set *set, uint64_t id)
{
    size_t low = 0;
    size_t high = set->count; /* sorted by id */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->keys[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < set->count && set->keys[low].id == id ? &set->keys[low] : NULL;
}
