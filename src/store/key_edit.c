/* SPDX-License-Identifier: Apache-2.0 */
/* Changing keys that there are: revoking, blocking, limits. */
#include "store/key_bounds.h"
#include "store/key_change_internal.h"
#include "store/key_seals.h"
#include "store/limit_change.h"

#include <stdio.h>

bool key_revoke(const char *path, struct slice which, const struct key_actor *actor,
                struct key *ret_key, struct error *error)
{
    struct change change = {.path = path, .actor = actor, .error = error};
    struct key key = {0};
    char subject[SUBJECT_SIZE];
    bool done = change_begin(&change, DATABASE_CHANGE) && change_find_key(&change, which, &key);
    key.revoked_s = change_wall_s(&change);
    done = done &&
           change_run(&change, "UPDATE keys SET revoked_s = ?2 WHERE id = ?1", (int64_t)key.id,
                      key.revoked_s) &&
           change_commit(&change, key.role == KEY_ADMIN ? "admin.revoke" : "key.revoke",
                         key_subject(&key, subject));
    change_end(&change);
    if (done) {
        *ret_key = key;
    }
    return done;
}

/* --- blocking ----------------------------------------------------------------------------------
 */

static bool read_key(struct change *change, uint64_t id, struct key *ret_key)
{
    uint8_t unused[KEY_DIGEST_SIZE];
    sqlite3_stmt *row = database_prepare(change->db, KEY_SELECT " WHERE id = ?");
    int status = SQLITE_ERROR;
    if (row != NULL) {
        sqlite3_bind_int64(row, 1, (int64_t)id);
        status = sqlite3_step(row);
    }
    bool found = status == SQLITE_ROW && key_from_row(row, ret_key, unused);
    sqlite3_finalize(row);
    if (status == SQLITE_DONE) {
        return error_set(change->error, ERROR_NOT_FOUND, "key_not_found", "no key has this id");
    }
    return found || change_failed(change, "looking for a key");
}

bool key_block(const char *path, uint64_t id, const struct key_actor *actor, struct error *error)
{
    struct change change = {.path = path, .actor = actor, .error = error};
    struct key key = {0};
    char subject[SUBJECT_SIZE];
    bool done = change_begin(&change, DATABASE_CHANGE) && read_key(&change, id, &key) &&
                change_run(&change, "UPDATE keys SET blocked_s = ?2 WHERE id = ?1", (int64_t)key.id,
                           change_wall_s(&change)) &&
                change_run(&change, "DELETE FROM overruns WHERE key = ?1",
                           (int64_t)key.id, 0) &&
                change_commit(&change, "key.block", key_subject(&key, subject));
    change_end(&change);
    return done;
}

bool key_acknowledge(const char *path, struct slice which, const struct key_actor *actor,
                     struct key *ret_key, struct error *error)
{
    struct change change = {.path = path, .actor = actor, .error = error};
    struct key key = {0};
    char subject[SUBJECT_SIZE];
    bool done = change_begin(&change, DATABASE_CHANGE) && change_find_key(&change, which, &key);
    if (done && key.blocked_s == 0) {
        done =
            error_set(error, ERROR_INVALID, "key_not_blocked",
                      "the key \"%s\" is not blocked: there is nothing to acknowledge", key.name);
    }
    done =
        done &&
        change_run(&change, "UPDATE keys SET blocked_s = ?2 WHERE id = ?1", (int64_t)key.id, 0) &&
        change_commit(&change, "key.acknowledge", key_subject(&key, subject));
    change_end(&change);
    if (done) {
        key.blocked_s = 0;
        *ret_key = key;
    }
    return done;
}

/* --- what was written --------------------------------------------------------------------------
 */

bool key_reseal(const char *path, const struct key_actor *actor,
                char ret_text[KEY_RESEAL_TEXT_SIZE], struct error *error)
{
    _Static_assert(KEY_RESEAL_TEXT_SIZE == SEALS_TEXT_SIZE, "it fits");
    struct change change = {.path = path, .actor = actor, .error = error};
    char subject[SEALS_TEXT_SIZE];
    bool done = (actor->administrator == NULL ||
                 error_set(error, ERROR_DENIED, "exceeds_creator",
                           "whoever owns the ledger says what its keys are")) &&
                (actor->share == NULL ||
                 error_set(error, ERROR_ENVIRONMENT, "cluster_keys",
                           "the cluster has the keys as they were written: stop this node and take "
                           "them with `sluice cluster forget --keys`")) &&
                change_begin(&change, DATABASE_CHANGE) &&
                ((key_seals_check(change.db, ret_text) && key_seals_make(change.db)) ||
                 change_failed(&change, "reading the keys"));
    if (done) {
        snprintf(subject, sizeof(subject), "%s", ret_text[0] == '\0' ? "nothing" : ret_text);
        done = change_commit(&change, "key.reseal", slice_from_cstr(subject));
    }
    change_end(&change);
    return done;
}

/* --- limits ------------------------------------------------------------------------------------
 */

struct wanted_rule {
    struct scope_rule rule;
    bool made;
    char subject[SUBJECT_SIZE];
};

static bool find_key_scope(struct change *change, const struct limit_subject *subject,
                           struct wanted_rule *wanted)
{
    struct key key = {0};
    if (!change_find_key(change, subject->name, &key)) {
        return false;
    }
    wanted->rule.scope_id = key.id;
    (void)key_subject(&key, wanted->subject);
    return true;
}

static bool not_its_business(struct change *change)
{
    return error_set(change->error, ERROR_DENIED, "exceeds_creator",
                     "an administrator changes the limits of keys, users and teams below its own "
                     "only");
}

/* An administrator looks below its own organisation, wherever it says to look. */
static bool find_named_scope(struct change *change, const struct limit_subject *subject,
                             struct wanted_rule *wanted)
{
    const struct key *administrator = change->actor->administrator;
    struct slice names[SCOPE_KINDS] = {[SCOPE_ORGANISATION] = subject->organisation};
    uint64_t ids[SCOPE_KINDS];
    if (administrator != NULL && administrator->scopes[subject->kind] != 0) {
        return not_its_business(change); /* what binds it */
    }
    if (administrator != NULL && subject->organisation.len == 0) {
        const struct scope *own = key_set_scope(change->actor->set, SCOPE_ORGANISATION,
                                                administrator->scopes[SCOPE_ORGANISATION]);
        names[SCOPE_ORGANISATION] = own == NULL ? SLICE_EMPTY : slice_from_cstr(own->name);
    }
    names[subject->kind] = subject->name;
    int64_t before = sqlite3_total_changes64(change->db);
    if (!scopes_obtain(change->db, change->path, names, change_wall_s(change), ids,
                       change->error)) {
        return false;
    }
    wanted->made = sqlite3_total_changes64(change->db) != before;
    if (!bounds_reach(change->actor, ids)) {
        return not_its_business(change);
    }
    wanted->rule.scope_id = ids[subject->kind];
    snprintf(wanted->subject, sizeof(wanted->subject), "%s:%llu %.*s",
             scope_kind_name(subject->kind), (unsigned long long)wanted->rule.scope_id,
             SLICE_ARG(subject->name));
    return true;
}

static bool find_scope(struct change *change, const struct limit_subject *subject,
                       struct wanted_rule *wanted)
{
    wanted->rule.kind = subject->kind;
    slice_to_cstr(subject->model, wanted->rule.model, sizeof(wanted->rule.model));
    return subject->kind == SCOPE_KEY ? find_key_scope(change, subject, wanted)
                                      : find_named_scope(change, subject, wanted);
}

static bool check_subject(const struct limit_subject *subject, struct error *error)
{
    if (!model_name_check(subject->model, error)) {
        return false;
    }
    if (subject->organisation.len > 0 &&
        (subject->kind == SCOPE_KEY || subject->kind == SCOPE_ORGANISATION)) {
        return error_set(error, ERROR_INVALID, "bad_scope_name",
                         "only users and teams are of an organisation");
    }
    return (subject->kind == SCOPE_KEY || scope_name_check(subject->name, error)) &&
           (subject->organisation.len == 0 || scope_name_check(subject->organisation, error));
}

/* Other rows would be read at every change of the keys. */
static bool check_models(struct change *change, const struct scope_rule *rule)
{
    sqlite3_stmt *row = database_prepare(
        change->db, "SELECT count(*) FROM limits WHERE kind = ? AND scope = ? AND model <> ?");
    int64_t count = -1;
    if (row != NULL) {
        sqlite3_bind_int64(row, 1, rule->kind);
        sqlite3_bind_int64(row, 2, (int64_t)rule->scope_id);
        bind_slice(row, 3, slice_from_cstr(rule->model));
        count = sqlite3_step(row) == SQLITE_ROW ? sqlite3_column_int64(row, 0) : -1;
    }
    sqlite3_finalize(row);
    if (count < 0) {
        return change_failed(change, "reading limits");
    }
    return count <= LIMIT_MODELS_MAX ||
           error_set(change->error, ERROR_INVALID, "bad_limit", "limits name at most %d models",
                     LIMIT_MODELS_MAX);
}

static bool write_rule(struct change *change, const struct limit_change *wish,
                       struct wanted_rule *wanted)
{
    struct scope_rule *rule = &wanted->rule;
    return change_read_rule(change, rule) && check_models(change, rule) &&
           limits_apply(&rule->limits, wish, change->error) &&
           (rule->model[0] != '\0' || bounds_limits(change->actor, &rule->limits, change->error)) &&
           (limits_write(change->db, rule) || change_failed(change, "changing limits")) &&
           change_commit(change, "limit.change", slice_from_cstr(wanted->subject));
}

bool key_limit(const char *path, const struct limit_subject *subject,
               const struct limit_change *wish, const struct key_actor *actor,
               struct scope_rule *ret_rule, bool *ret_made, struct error *error)
{
    struct change change = {.path = path, .actor = actor, .error = error};
    struct wanted_rule wanted = {0};
    enum database_access access = subject->kind == SCOPE_KEY ? DATABASE_CHANGE : DATABASE_CREATE;
    bool done = check_subject(subject, error) && change_begin(&change, access) &&
                find_scope(&change, subject, &wanted) && write_rule(&change, wish, &wanted);
    change_end(&change);
    if (done) {
        *ret_rule = wanted.rule;
        *ret_made = wanted.made;
    }
    return done;
}
