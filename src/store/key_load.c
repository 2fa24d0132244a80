/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a set of keys: one read transaction, arrays of the size that the database states. */
#define _GNU_SOURCE /* qsort_r */
#include "base/memory.h"
#include "store/key_seals.h"
#include "store/keys_internal.h"
#include "store/ledger_schema.h"

#include <stdarg.h>
#include <stdio.h>

#define ROWS_MAX INT64_C(4000000) /* of one table: what an index of 32 bits holds with ease */
#define TEXTS_MAX ((size_t)1 << 30)

/* --- rows --------------------------------------------------------------------------------------
 */

/* What the rows of one owner say, and then how far that is from its seal: see key_seals.h. */
struct tally {
    int64_t rows;
    uint64_t total;
    bool senseless; /* a row cannot be used: what it limits is not known */
    bool sealed;
};

struct loader {
    struct key_set *set;
    sqlite3 *db;
    struct tally *keys;   /* as set->keys */
    struct tally *scopes; /* as set->scopes */
    struct tally tokens;
    struct tally all;
    bool out_of_memory;
};

static bool load_number(struct loader *loader, const char *sql, int64_t *ret_value)
{
    sqlite3_stmt *row = database_prepare(loader->db, sql);
    bool done = row != NULL && sqlite3_step(row) == SQLITE_ROW;
    if (done) {
        *ret_value = sqlite3_column_int64(row, 0);
    }
    return sqlite3_finalize(row) == SQLITE_OK && done;
}

/* Memory for all rows that `sql` counts. */
static bool load_room(struct loader *loader, const char *sql, size_t size, void **ret_array,
                      size_t *ret_room)
{
    int64_t count = 0;
    if (!load_number(loader, sql, &count)) {
        return false;
    }
    *ret_array = count > ROWS_MAX ? NULL : memory_array((size_t)count + 1, size);
    *ret_room = (size_t)count;
    loader->out_of_memory = *ret_array == NULL;
    return *ret_array != NULL;
}

/* Calls `add` for each row; it returns false when memory is out. */
static bool load_rows(struct loader *loader, const char *sql,
                      bool (*add)(struct loader *loader, sqlite3_stmt *row))
{
    sqlite3_stmt *row = database_prepare(loader->db, sql);
    int status = row == NULL ? SQLITE_ERROR : sqlite3_step(row);
    while (status == SQLITE_ROW && add(loader, row)) {
        status = sqlite3_step(row);
    }
    loader->out_of_memory = loader->out_of_memory || status == SQLITE_ROW;
    sqlite3_finalize(row);
    return status == SQLITE_DONE;
}

static struct slice column_text(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return slice_of(text, text == NULL ? 0 : (size_t)sqlite3_column_bytes(row, column));
}

static const char *keep_text(struct loader *loader, struct slice text)
{
    char *kept = arena_alloc(&loader->set->texts, text.len + 1);
    return kept == NULL ? NULL : slice_to_cstr(text, kept, text.len + 1);
}

/* Adds a row, whose number is in this column, to its owner's (NULL: nobody's). */
static void count_row(struct loader *loader, struct tally *tally, sqlite3_stmt *row, int column)
{
    uint64_t seal = (uint64_t)sqlite3_column_int64(row, column);
    loader->all.rows++;
    loader->all.total += seal;
    if (tally != NULL) {
        tally->rows++;
        tally->total += seal;
    }
}

/* Rows that cannot be used: what they limit is not known. */
static void count_senseless(struct loader *loader, struct tally *tally)
{
    tally = tally == NULL ? &loader->all : tally;
    tally->senseless = true;
}

static struct tally *tally_of(struct loader *loader, int64_t kind, int64_t id)
{
    struct key_set *set = loader->set;
    if (kind == SCOPE_KEY) {
        const struct key *key = key_set_by_id(set, (uint64_t)id);
        return key == NULL ? NULL : &loader->keys[key - set->keys];
    }
    const struct scope *scope = kind > SCOPE_KEY && kind < SCOPE_KINDS
                                    ? key_set_scope(set, (enum scope_kind)kind, (uint64_t)id)
                                    : NULL;
    return scope == NULL ? NULL : &loader->scopes[scope - set->scopes];
}

/* --- keys and secrets --------------------------------------------------------------------------
 */

static bool copy_digest(sqlite3_stmt *row, int column, uint8_t *digest)
{
    const void *blob = sqlite3_column_blob(row, column);
    if (blob == NULL || sqlite3_column_bytes(row, column) != KEY_DIGEST_SIZE) {
        return false;
    }
    memcpy(digest, blob, KEY_DIGEST_SIZE);
    return true;
}

bool key_from_row(sqlite3_stmt *row, struct key *ret_key, uint8_t digest[KEY_DIGEST_SIZE])
{
    if (!copy_digest(row, 3, digest)) {
        return false;
    }
    *ret_key = (struct key){
        .id = (uint64_t)sqlite3_column_int64(row, 0),
        .created_s = sqlite3_column_int64(row, 4),
        .expires_s = sqlite3_column_int64(row, 5),
        .revoked_s = sqlite3_column_int64(row, 6),
        .blocked_s = sqlite3_column_int64(row, 7),
        .role = sqlite3_column_int64(row, 8) == KEY_CLIENT ? KEY_CLIENT : KEY_ADMIN,
        .scopes = {[SCOPE_USER] = (uint64_t)sqlite3_column_int64(row, 9),
                   [SCOPE_TEAM] = (uint64_t)sqlite3_column_int64(row, 10),
                   [SCOPE_ORGANISATION] = (uint64_t)sqlite3_column_int64(row, 11)},
    };
    ret_key->scopes[SCOPE_KEY] = ret_key->id;
    slice_to_cstr(column_text(row, 1), ret_key->name, sizeof(ret_key->name));
    slice_to_cstr(column_text(row, 2), ret_key->prefix, sizeof(ret_key->prefix));
    return true;
}

static bool add_key(struct loader *loader, sqlite3_stmt *row)
{
    struct key_set *set = loader->set;
    struct key_secret *secret = &set->secrets[set->secret_count];
    bool sound = key_from_row(row, &set->keys[set->count], secret->digest);
    count_row(loader, sound ? &loader->keys[set->count] : NULL, row, KEY_COLUMN_COUNT);
    if (sound) {
        secret->key = (uint32_t)set->count++;
        set->secret_count++;
    }
    return true;
}

static bool add_old_secret(struct loader *loader, sqlite3_stmt *row)
{
    struct key_set *set = loader->set;
    struct key_secret *secret = &set->secrets[set->secret_count];
    const struct key *key = key_set_by_id(set, (uint64_t)sqlite3_column_int64(row, 1));
    count_row(loader, key == NULL ? NULL : &loader->keys[key - set->keys], row, 3);
    if (key != NULL && copy_digest(row, 0, secret->digest)) {
        secret->key = (uint32_t)(key - set->keys);
        secret->ends_s = sqlite3_column_int64(row, 2);
        set->secret_count++;
    }
    return true;
}

static bool load_keys(struct loader *loader)
{
    struct key_set *set = loader->set;
    void *keys = NULL;
    void *secrets = NULL;
    void *tallies = NULL;
    size_t room = 0;
    bool done =
        load_room(loader, "SELECT count(*) FROM keys", sizeof(*set->keys), &keys, &room) &&
        load_room(loader, "SELECT count(*) FROM keys", sizeof(struct tally), &tallies, &room) &&
        load_room(loader, "SELECT (SELECT count(*) FROM keys) + (SELECT count(*) FROM old_secrets)",
                  sizeof(*set->secrets), &secrets, &room);
    set->keys = keys;
    set->secrets = secrets;
    loader->keys = tallies;
    return done &&
           load_rows(loader, "SELECT " KEY_COLUMNS ", " SEAL_KEY("") " FROM keys ORDER BY id",
                     add_key) &&
           load_rows(loader, "SELECT digest, key, ends_s, " SEAL_SECRET("") " FROM old_secrets",
                     add_old_secret);
}

/* --- grants ------------------------------------------------------------------------------------
 */

static bool add_grant(struct loader *loader, sqlite3_stmt *row)
{
    struct key_set *set = loader->set;
    const struct key *found = key_set_by_id(set, (uint64_t)sqlite3_column_int64(row, 0));
    int64_t kind = sqlite3_column_int64(row, 1);
    struct tally *tally = found == NULL ? NULL : &loader->keys[found - set->keys];
    count_row(loader, tally, row, 3);
    if (tally == NULL || kind < 0 || kind >= GRANT_KINDS) {
        count_senseless(loader, tally);
        return true;
    }
    const char *text = keep_text(loader, column_text(row, 2));
    if (text == NULL) {
        return false;
    }
    struct key *key = &set->keys[found - set->keys];
    if (key->grant_count++ == 0) {
        key->grant_first = (uint32_t)set->grant_count;
    }
    set->grants[set->grant_count++] = (struct grant){.kind = (enum grant_kind)kind, .text = text};
    return true;
}

static bool load_grants(struct loader *loader)
{
    struct key_set *set = loader->set;
    void *grants = NULL;
    size_t room = 0;
    bool done =
        load_room(loader, "SELECT count(*) FROM grants", sizeof(*set->grants), &grants, &room);
    set->grants = grants;
    return done && load_rows(loader,
                             "SELECT key, kind, text, " SEAL_GRANT("") " FROM grants"
                                                                       " ORDER BY key, kind, text",
                             add_grant);
}

static bool add_origin(struct loader *loader, sqlite3_stmt *row)
{
    const char *text = keep_text(loader, column_text(row, 0));
    loader->set->origins[loader->set->origin_count++] = text;
    return text != NULL;
}

#define ORIGINS                                                                                    \
    " FROM grants g JOIN keys k ON k.id = g.key WHERE g.kind = 3 AND k.role = 0 AND k.revoked_s "  \
    "= 0"
_Static_assert(GRANT_ORIGIN == 3 && KEY_CLIENT == 0, "as in the statement");

static bool load_origins(struct loader *loader)
{
    void *origins = NULL;
    size_t room = 0;
    bool done =
        load_room(loader, "SELECT count(DISTINCT g.text)" ORIGINS, sizeof(char *), &origins, &room);
    loader->set->origins = origins;
    return done &&
           load_rows(loader, "SELECT DISTINCT g.text" ORIGINS " ORDER BY g.text COLLATE NOCASE",
                     add_origin);
}

/* --- scopes and limits -------------------------------------------------------------------------
 */

static bool add_scope(struct loader *loader, sqlite3_stmt *row)
{
    struct key_set *set = loader->set;
    int64_t kind = sqlite3_column_int64(row, 0);
    if (kind <= SCOPE_KEY || kind >= SCOPE_KINDS) { /* whatever the constraint says */
        count_row(loader, NULL, row, 4);
        count_senseless(loader, NULL);
        return true;
    }
    const char *name = keep_text(loader, column_text(row, 2));
    if (name == NULL) {
        return false;
    }
    count_row(loader, &loader->scopes[set->scope_count], row, 4);
    set->scopes[set->scope_count++] = (struct scope){
        .kind = (enum scope_kind)kind,
        .id = (uint64_t)sqlite3_column_int64(row, 1),
        .name = name,
        .organisation = (uint64_t)sqlite3_column_int64(row, 3),
    };
    return true;
}

static int by_name(const void *left, const void *right, void *scopes)
{
    const struct scope *a = (const struct scope *)scopes + *(const uint32_t *)left;
    const struct scope *b = (const struct scope *)scopes + *(const uint32_t *)right;
    return scope_compare(a, b->kind, b->organisation, slice_from_cstr(b->name));
}

static bool sort_scopes(struct loader *loader)
{
    struct key_set *set = loader->set;
    set->scopes_by_name = memory_array(set->scope_count + 1, sizeof(*set->scopes_by_name));
    loader->out_of_memory = set->scopes_by_name == NULL;
    if (set->scopes_by_name == NULL) {
        return false;
    }
    for (size_t i = 0; i < set->scope_count; i++) {
        set->scopes_by_name[i] = (uint32_t)i;
    }
    qsort_r(set->scopes_by_name, set->scope_count, sizeof(*set->scopes_by_name), by_name,
            set->scopes);
    return true;
}

static bool load_scopes(struct loader *loader)
{
    struct key_set *set = loader->set;
    void *scopes = NULL;
    void *tallies = NULL;
    size_t room = 0;
    bool done =
        load_room(loader, "SELECT count(*) FROM scopes", sizeof(*set->scopes), &scopes, &room) &&
        load_room(loader, "SELECT count(*) FROM scopes", sizeof(struct tally), &tallies, &room);
    set->scopes = scopes;
    loader->scopes = tallies;
    return done &&
           load_rows(loader,
                     "SELECT kind, id, name, organisation, " SEAL_SCOPE("") " FROM scopes"
                                                                            " ORDER BY kind, id",
                     add_scope) &&
           sort_scopes(loader);
}

static bool add_rule(struct loader *loader, sqlite3_stmt *row)
{
    struct key_set *set = loader->set;
    struct scope_rule *rule = &set->rules[set->rule_count];
    struct slice model = column_text(row, 2);
    int64_t kind = sqlite3_column_int64(row, 0);
    struct tally *tally = tally_of(loader, kind, sqlite3_column_int64(row, 1));
    count_row(loader, tally, row, 8);
    if (kind < SCOPE_KEY || kind >= SCOPE_KINDS || model.len >= sizeof(rule->model)) {
        count_senseless(loader, tally); /* not written by us; nothing could ask for it */
        return true;
    }
    rule->kind = (enum scope_kind)kind;
    rule->scope_id = (uint64_t)sqlite3_column_int64(row, 1);
    slice_to_cstr(model, rule->model, sizeof(rule->model));
    rule->limits = (struct scope_limits){
        .requests_per_minute = sqlite3_column_int64(row, 3),
        .tokens_per_minute = sqlite3_column_int64(row, 4),
        .parallel = sqlite3_column_int64(row, 5),
        .max_request_nd = sqlite3_column_int64(row, 6),
        .pace = sqlite3_column_int64(row, 7) != 0,
    };
    set->rule_count++;
    return true;
}

static struct scope_rule *find_rule(const struct key_set *set, enum scope_kind kind, uint64_t id,
                                    struct slice model)
{
    struct rule_range range = key_set_scope_rules(set, kind, id);
    for (uint32_t i = 0; i < range.count; i++) {
        struct scope_rule *rule = &set->rules[range.first + i];
        if (slice_eq(slice_from_cstr(rule->model), model)) {
            return rule;
        }
    }
    return NULL;
}

/* A cap that has no place must not be dropped without a word. */
static bool add_cap(struct loader *loader, sqlite3_stmt *row)
{
    struct tally *tally =
        tally_of(loader, sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1));
    struct scope_rule *rule =
        find_rule(loader->set, (enum scope_kind)sqlite3_column_int64(row, 0),
                  (uint64_t)sqlite3_column_int64(row, 1), column_text(row, 2));
    int64_t period = sqlite3_column_int64(row, 3);
    count_row(loader, tally, row, 7);
    if (rule == NULL || rule->limits.cap_count >= SCOPE_CAPS_MAX || period < 0 ||
        period >= CAP_PERIODS) {
        count_senseless(loader, tally);
    } else {
        rule->limits.caps[rule->limits.cap_count++] = (struct spend_cap){
            .period = (enum cap_period)period,
            .window_s = sqlite3_column_int64(row, 4),
            .amount_nd = sqlite3_column_int64(row, 5),
            .soft = sqlite3_column_int64(row, 6) != 0,
        };
    }
    return true;
}

static bool load_limits(struct loader *loader)
{
    struct key_set *set = loader->set;
    void *rules = NULL;
    size_t room = 0;
    bool done =
        load_room(loader, "SELECT count(*) FROM limits", sizeof(*set->rules), &rules, &room);
    set->rules = rules;
    return done &&
           load_rows(loader,
                     "SELECT kind, scope, model, requests_per_minute, tokens_per_minute, parallel,"
                     " max_request_nd, pace, " SEAL_LIMIT("") " FROM limits ORDER BY kind, scope,"
                                                              " model",
                     add_rule) &&
           load_rows(loader,
                     "SELECT kind, scope, model, period, window_s, amount_nd, soft, " SEAL_CAP(
                         "") " FROM caps ORDER BY kind, scope, model, period, window_s",
                     add_cap);
}

static bool add_token(struct loader *loader, sqlite3_stmt *row)
{
    struct key_set *set = loader->set;
    count_row(loader, &loader->tokens, row, 1);
    if (copy_digest(row, 0, set->tokens[set->token_count])) {
        set->token_count++;
    }
    return true;
}

static bool load_tokens(struct loader *loader)
{
    void *tokens = NULL;
    size_t room = 0;
    bool done = load_room(loader, "SELECT count(*) FROM revoked_tokens",
                          sizeof(*loader->set->tokens), &tokens, &room);
    loader->set->tokens = tokens;
    return done &&
           load_rows(loader,
                     "SELECT digest, " SEAL_TOKEN("") " FROM revoked_tokens ORDER BY digest",
                     add_token);
}

/* --- seals -------------------------------------------------------------------------------------
 */

static bool add_seal(struct loader *loader, sqlite3_stmt *row)
{
    int64_t kind = sqlite3_column_int64(row, 0);
    struct tally *tally = kind == SEAL_TOKENS ? &loader->tokens
                          : kind == SEAL_ALL  ? &loader->all
                                             : tally_of(loader, kind, sqlite3_column_int64(row, 1));
    if (tally != NULL) {
        tally->rows -= sqlite3_column_int64(row, 2);
        tally->total -= (uint64_t)sqlite3_column_int64(row, 3);
        tally->sealed = true;
    }
    return true;
}

static bool load_seals(struct loader *loader)
{
    return load_rows(loader, "SELECT kind, scope, rows, total FROM key_seals", add_seal);
}

static bool is_sound(const struct tally *tally)
{
    return tally->sealed && tally->rows == 0 && tally->total == 0 && !tally->senseless;
}

static PRINTF_LIKE(2, 3) void name_damage(struct key_set *set, const char *format, ...)
{
    size_t len = strlen(set->damage);
    size_t room = sizeof(set->damage) - len;
    char text[KEY_NAME_SIZE + 64];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (strlen(text) + sizeof(", , ...") <= room) {
        snprintf(set->damage + len, room, "%s%s", len > 0 ? ", " : "", text);
    } else if (len > 3 && strcmp(set->damage + len - 3, "...") != 0) {
        snprintf(set->damage + len, room, ", ...");
    }
}

static void mark_scopes(struct loader *loader, struct tally *missing)
{
    struct key_set *set = loader->set;
    for (size_t i = 0; i < set->scope_count; i++) {
        struct scope *scope = &set->scopes[i];
        scope->damaged = !is_sound(&loader->scopes[i]);
        missing->rows -= loader->scopes[i].rows;
        missing->total -= loader->scopes[i].total;
        if (scope->damaged) {
            name_damage(set, "%s:%llu %s", scope_kind_name(scope->kind),
                        (unsigned long long)scope->id, scope->name);
        }
    }
}

/* Of users, teams and organisations, by which nothing limits it that is not known. */
static bool has_its_scopes(const struct key_set *set, const struct key *key)
{
    bool found = true;
    for (int kind = SCOPE_USER; kind < SCOPE_KINDS; kind++) {
        found = found && (key->scopes[kind] == 0 ||
                          key_set_scope(set, (enum scope_kind)kind, key->scopes[kind]) != NULL);
    }
    return found;
}

static bool is_below_damage(const struct key_set *set, const struct key *key)
{
    bool below = false;
    for (int kind = SCOPE_USER; kind < SCOPE_KINDS; kind++) {
        const struct scope *scope = key_set_scope(set, (enum scope_kind)kind, key->scopes[kind]);
        below = below || (scope != NULL && scope->damaged);
    }
    return below;
}

static void mark_keys(struct loader *loader, struct tally *missing)
{
    struct key_set *set = loader->set;
    for (size_t i = 0; i < set->count; i++) {
        struct key *key = &set->keys[i];
        bool sound = is_sound(&loader->keys[i]) && has_its_scopes(set, key);
        missing->rows -= loader->keys[i].rows;
        missing->total -= loader->keys[i].total;
        if (!sound) {
            name_damage(set, "key:%llu %s", (unsigned long long)key->id, key->name);
        }
        key->damaged = !sound || is_below_damage(set, key);
    }
}

/* What is wrong with all rows together and with no owner's is of one that is gone. */
static void mark_damage(struct loader *loader)
{
    struct key_set *set = loader->set;
    struct tally missing = loader->all;
    missing.rows -= loader->tokens.rows;
    missing.total -= loader->tokens.total;
    mark_scopes(loader, &missing);
    mark_keys(loader, &missing);
    set->tokens_damaged = !is_sound(&loader->tokens) || !is_sound(&missing);
    if (!is_sound(&missing)) {
        name_damage(set, "rows of nobody who is there");
    }
    if (!is_sound(&loader->tokens)) {
        name_damage(set, "revoked tokens");
    }
}

/* --- the whole ---------------------------------------------------------------------------------
 */

static bool index_secrets(struct key_set *set)
{
    size_t wanted = 16;
    while (wanted < set->secret_count * 2) {
        wanted *= 2;
    }
    set->slots = memory_array(wanted, sizeof(set->slots[0]));
    if (set->slots == NULL) {
        return false;
    }
    set->slot_count = wanted;
    for (size_t i = 0; i < set->secret_count; i++) {
        size_t at = key_slot_of(set, set->secrets[i].digest);
        while (set->slots[at] != 0) {
            at = (at + 1) & (wanted - 1);
        }
        set->slots[at] = (uint32_t)i + 1;
    }
    return true;
}

static void find_rules(struct key_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct key *key = &set->keys[i];
        for (int kind = 0; kind < SCOPE_KINDS; kind++) {
            key->rules[kind] = key_set_scope_rules(set, (enum scope_kind)kind, key->scopes[kind]);
        }
    }
}

static bool load_all(struct key_set *set, sqlite3 *db, const char *path, struct error *error)
{
    struct loader loader = {.set = set, .db = db};
    bool done = key_seals_register(db) && database_exec(db, "BEGIN") &&
                load_number(&loader, "SELECT key_changes FROM state", &set->changes) &&
                load_keys(&loader) && load_grants(&loader) && load_origins(&loader) &&
                load_scopes(&loader) && load_limits(&loader) && load_tokens(&loader) &&
                load_seals(&loader);
    if (done) {
        mark_damage(&loader);
    }
    memory_free(loader.keys);
    memory_free(loader.scopes);
    if (loader.out_of_memory) {
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    } else if (!done) {
        database_error(db, path, "reading the keys", error);
    }
    database_rollback(db);
    return done;
}

/* No database, or one that was never set up, has no keys. */
static bool load_from(struct key_set *set, const char *path, struct error *error)
{
    sqlite3 *db = database_open(path, DATABASE_READ, error);
    bool done =
        db != NULL && ledger_schema_check(db, path, error) && load_all(set, db, path, error);
    sqlite3_close(db);
    return done || strcmp(error->code, "ledger_missing") == 0 ||
           strcmp(error->code, "ledger_blank") == 0;
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
    arena_init(&set->texts, TEXTS_MAX);
    set->digester = key_digester_new();
    if (set->digester == NULL) {
        error_set(reason, ERROR_ENVIRONMENT, "out_of_memory", "SHA-256 is not available");
    } else if (load_from(set, path, reason)) {
        if (index_secrets(set)) {
            find_rules(set);
            error_clear(reason);
            return set;
        }
        error_set(reason, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    }
    key_set_unref(set);
    return NULL;
}

bool key_set_is_current(const struct key_set *set, const char *path)
{
    struct error unused;
    int64_t changes = 0;
    struct loader loader = {.db = database_open(path, DATABASE_READ, &unused)};
    bool current = loader.db != NULL &&
                   load_number(&loader, "SELECT key_changes FROM state", &changes) &&
                   changes == set->changes;
    sqlite3_close(loader.db);
    return current;
}
