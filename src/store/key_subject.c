/* SPDX-License-Identifier: Apache-2.0 */
#include "store/key_subject.h"

#include "store/key_change_internal.h"
#include "store/keys_internal.h"
#include "store/limit_change.h"

#include <stdio.h>

#define SHOWN_BYTES 4  /* of the digest, in a prefix */
#define NAMED_BYTES 12 /* and in a name */

_Static_assert(sizeof(KEY_SUBJECT_PREFIX) + 2 * (size_t)SHOWN_BYTES <= KEY_PREFIX_SIZE, "it fits");

/* Of both digests behind a word of its own: longer than any secret that is looked at
 * (KEY_TEXT_SIZE), so nothing that a client sends as a key has the same digest. */
static bool subject_digest(const struct key_digester *digester, const struct subject_order *order,
                           uint8_t ret_digest[KEY_DIGEST_SIZE])
{
    static const char word[] = "subject of a token";
    uint8_t text[sizeof(word) + 2 * (size_t)KEY_DIGEST_SIZE];
    _Static_assert(sizeof(text) > KEY_TEXT_SIZE, "see above");
    memcpy(text, word, sizeof(word));
    return key_digest(digester, order->issuer, text + sizeof(word)) &&
           key_digest(digester, order->subject, text + sizeof(word) + KEY_DIGEST_SIZE) &&
           key_digest(digester, slice_of((const char *)text, sizeof(text)), ret_digest);
}

bool key_is_subject(const struct key *key)
{
    return slice_starts(slice_from_cstr(key->prefix), SLICE(KEY_SUBJECT_PREFIX));
}

const struct key *key_set_subject(const struct key_set *set, const struct subject_order *order)
{
    uint8_t digest[KEY_DIGEST_SIZE];
    if (set->count == 0 || !subject_digest(set->digester, order, digest)) {
        return NULL;
    }
    size_t at = key_slot_of(set, digest);
    for (; set->slots[at] != 0; at = (at + 1) & (set->slot_count - 1)) {
        const struct key_secret *found = &set->secrets[set->slots[at] - 1];
        if (memcmp(found->digest, digest, sizeof(digest)) == 0) {
            return &set->keys[found->key];
        }
    }
    return NULL;
}

bool key_set_subject_scopes(const struct key_set *set, const struct subject_order *order,
                            struct subject *ret_subject)
{
    const struct key *key = key_set_subject(set, order);
    uint64_t organisation = 0;
    *ret_subject = (struct subject){.scopes = {key == NULL ? 0 : key->id}};
    bool found = key != NULL;
    for (int kind = SCOPE_ORGANISATION; kind > SCOPE_KEY && found; kind--) {
        struct slice name = order->scopes[kind];
        const struct scope *scope =
            name.len == 0
                ? NULL
                : key_set_scope_named(set, (enum scope_kind)kind,
                                      kind == SCOPE_ORGANISATION ? 0 : organisation, name);
        found = name.len == 0 || scope != NULL;
        ret_subject->scopes[kind] = scope == NULL ? 0 : scope->id;
        organisation = kind == SCOPE_ORGANISATION ? ret_subject->scopes[kind] : organisation;
    }
    return found;
}

/* --- making one --------------------------------------------------------------------------------
 */

static void write_hex(char *out, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
}

/* *ret_key: the key with this digest, if there is one. */
static bool find_key(struct change *change, const uint8_t *digest, struct key *key)
{
    uint8_t unused[KEY_DIGEST_SIZE];
    sqlite3_stmt *row = database_prepare(change->db, KEY_SELECT " WHERE digest = ?");
    if (row != NULL) {
        sqlite3_bind_blob(row, 1, digest, KEY_DIGEST_SIZE, SQLITE_STATIC);
    }
    int status = row == NULL ? SQLITE_ERROR : sqlite3_step(row);
    bool sound = status == SQLITE_DONE || (status == SQLITE_ROW && key_from_row(row, key, unused));
    sqlite3_finalize(row);
    return sound || change_failed(change, "looking for the key of a subject");
}

/* Of any key, also one that is revoked: reports name it. */
static bool name_is_free(struct change *change, const char *name, bool *ret_free)
{
    sqlite3_stmt *row = database_prepare(change->db, "SELECT 1 FROM keys WHERE name = ?");
    if (row != NULL) {
        bind_slice(row, 1, slice_from_cstr(name));
    }
    int status = row == NULL ? SQLITE_ERROR : sqlite3_step(row);
    *ret_free = status == SQLITE_DONE;
    sqlite3_finalize(row);
    return status == SQLITE_ROW || status == SQLITE_DONE ||
           change_failed(change, "looking for the name of a subject");
}

static bool choose_name(struct change *change, const struct subject_order *order,
                        const uint8_t *digest, struct key *key)
{
    bool is_free = false;
    bool fits = order->subject.len + sizeof(KEY_SUBJECT_NAME) <= sizeof(key->name) &&
                text_is_printable(order->subject);
    slice_to_cstr(SLICE(KEY_SUBJECT_PREFIX), key->prefix, sizeof(key->prefix));
    write_hex(key->prefix + strlen(KEY_SUBJECT_PREFIX), digest, SHOWN_BYTES);
    if (fits) {
        snprintf(key->name, sizeof(key->name), "%s%.*s", KEY_SUBJECT_NAME,
                 SLICE_ARG(order->subject));
        if (!name_is_free(change, key->name, &is_free)) {
            return false;
        }
    }
    if (!is_free) {
        slice_to_cstr(SLICE(KEY_SUBJECT_NAME), key->name, sizeof(key->name));
        write_hex(key->name + strlen(KEY_SUBJECT_NAME), digest, NAMED_BYTES);
    }
    return true;
}

static bool insert_key(struct change *change, struct key *key, const uint8_t *digest)
{
    sqlite3_stmt *sql =
        database_prepare(change->db, "INSERT INTO keys(name, prefix, digest, created_s, expires_s,"
                                     " revoked_s, role, user, team, organisation, creator)"
                                     " VALUES(?, ?, ?, ?, 0, 0, ?, ?, ?, ?, 0)");
    if (sql != NULL) {
        bind_slice(sql, 1, slice_from_cstr(key->name));
        bind_slice(sql, 2, slice_from_cstr(key->prefix));
        sqlite3_bind_blob(sql, 3, digest, KEY_DIGEST_SIZE, SQLITE_STATIC);
        sqlite3_bind_int64(sql, 4, change_wall_s(change));
        sqlite3_bind_int64(sql, 5, KEY_CLIENT);
        sqlite3_bind_int64(sql, 6, (int64_t)key->scopes[SCOPE_USER]);
        sqlite3_bind_int64(sql, 7, (int64_t)key->scopes[SCOPE_TEAM]);
        sqlite3_bind_int64(sql, 8, (int64_t)key->scopes[SCOPE_ORGANISATION]);
    }
    bool done = sql != NULL && database_run(sql);
    sqlite3_finalize(sql);
    key->id = (uint64_t)sqlite3_last_insert_rowid(change->db);
    return done || change_failed(change, "adding the key of a subject");
}

/* One transaction. */
static bool obtain(struct change *change, const struct subject_order *order, const uint8_t *digest,
                   struct subject *subject, bool *ret_made)
{
    struct key key = {.id = 0};
    char text[SUBJECT_SIZE];
    int before = sqlite3_total_changes(change->db);
    if (!find_key(change, digest, &key) ||
        !scopes_obtain(change->db, change->path, order->scopes, change_wall_s(change),
                       subject->scopes, change->error)) {
        return false;
    }
    bool is_new = key.id == 0;
    if (is_new) {
        memcpy(key.scopes, subject->scopes, sizeof(key.scopes));
        if (!choose_name(change, order, digest, &key) || !insert_key(change, &key, digest)) {
            return false;
        }
    }
    subject->scopes[SCOPE_KEY] = key.id;
    *ret_made = sqlite3_total_changes(change->db) != before;
    return !*ret_made ||
           change_commit(change, is_new ? "key.subject" : "key.scopes", key_subject(&key, text));
}

bool key_subject_obtain(const char *path, const struct subject_order *order,
                        const struct key_actor *actor, struct subject *ret_subject, bool *ret_made,
                        struct error *error)
{
    struct change change = {.path = path, .actor = actor, .error = error};
    struct key_digester *digester = key_digester_new();
    uint8_t digest[KEY_DIGEST_SIZE];
    *ret_subject = (struct subject){.scopes = {0}};
    *ret_made = false;
    bool done = (digester != NULL && subject_digest(digester, order, digest)) ||
                error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "SHA-256 is not available");
    for (int kind = SCOPE_USER; done && kind < SCOPE_KINDS; kind++) {
        done = order->scopes[kind].len == 0 || scope_name_check(order->scopes[kind], error);
    }
    done = done && change_begin(&change, DATABASE_CREATE) &&
           obtain(&change, order, digest, ret_subject, ret_made);
    change_end(&change);
    key_digester_free(digester);
    return done;
}
