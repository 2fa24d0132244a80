/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"
#include "store/key_changeset.h"
#include "store/key_share_internal.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#define LOCK_WAIT_S 5
#define ASK_AGAIN_MS 10

/* Changes of one node take turns here rather than at the head's lock. */
static bool take_turn(struct key_share *share, struct error *error)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LOCK_WAIT_S;
    return pthread_mutex_timedlock(&share->lock, &until) == 0 ||
           error_set(error, ERROR_ENVIRONMENT, "authority_away",
                     "other changes of the keys wait for PostgreSQL: try again");
}

/* What nodes know that were not heard since PostgreSQL was restored may be newer than the head.
 * Those that never were are starting just now, as a rule. */
static bool all_heard(struct postgres *postgres, struct error *error)
{
    struct postgres_rows rows;
    if (!postgres_query(postgres,
                        "SELECT coalesce(string_agg(name, ', ' ORDER BY name), ''),"
                        " coalesce(bool_and(key_incarnation = 0), false) FROM nodes"
                        " WHERE removed_at IS NULL AND NOT stopped"
                        " AND key_incarnation < (SELECT incarnation FROM cluster)",
                        NULL, &rows, error)) {
        return false;
    }
    struct slice names = rows.count == 1 ? postgres_slice(&rows, 0, 0) : SLICE_EMPTY;
    bool starting = names.len > 0 && postgres_bool(&rows, 0, 1);
    bool heard = names.len == 0 ||
                 error_set(error, ERROR_ENVIRONMENT, "authority_recovering",
                           starting ? "these nodes join the cluster just now: %.200s; try again in "
                                      "a moment (`sluice cluster remove` those that are gone)"
                                    : "PostgreSQL was restored or failed over, and these nodes may "
                                      "know newer changes of the keys: %.200s; start them, or "
                                      "`sluice cluster remove` those that are gone",
                           names.ptr);
    postgres_rows_release(&rows);
    return heard;
}

static bool begin_both(struct share_change *change, struct error *error)
{
    struct key_share *share = change->share;
    struct postgres *postgres = share->changer;
    int64_t head = 0;
    struct log_place place;
    const char *path = member_path(share->member);
    if (!postgres_connect(postgres, error) ||
        !log_follow(share, postgres, change->db, &head, error) ||
        !postgres_begin(postgres, error) || !log_lock(postgres, &head, error) ||
        !all_heard(postgres, error) || !log_catch_up(share, postgres, change->db, head, error)) {
        return false;
    }
    if (!database_exec(change->db, "BEGIN IMMEDIATE") || !log_place(change->db, &place)) {
        return database_error(change->db, path, "changing the keys", error);
    }
    if (place.seq != head) { /* the database was replaced just now */
        return error_set(error, ERROR_ENVIRONMENT, "authority_failed",
                         "the keys here are not the cluster's: try again");
    }
    change->seq = head + 1;
    change->recorder = changeset_begin(change->db);
    return change->recorder != NULL ||
           error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
}

bool share_change_begin(struct share_change *change, struct key_share *share, sqlite3 *db,
                        struct error *error)
{
    *change = (struct share_change){.db = db};
    if (!take_turn(share, error)) {
        return false;
    }
    change->share = share;
    if (!begin_both(change, error)) {
        share_change_end(change);
        return false;
    }
    return true;
}

static void draw_name(char name[CHANGE_TEXT_SIZE])
{
    uint8_t random[16];
    random_secure(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        snprintf(name + 2 * i, 3, "%02x", random[i]);
    }
}

/* The connection was lost while it committed: is the change there? */
static bool took_place(struct postgres *postgres, const char *name, bool *ret_there,
                       struct error *error)
{
    struct postgres_params params = {0};
    struct postgres_rows rows;
    params_text(&params, slice_from_cstr(name));
    if (!postgres_connect(postgres, error) ||
        !postgres_query(postgres, "SELECT 1 FROM key_log WHERE change = $1", &params, &rows,
                        error)) {
        return false;
    }
    *ret_there = rows.count > 0;
    postgres_rows_release(&rows);
    return true;
}

static bool commit_head(struct postgres *postgres, const char *name, struct error *error)
{
    struct error ignored;
    bool unsure = false;
    bool there = false;
    if (postgres_commit(postgres, &unsure, error)) {
        return true;
    }
    if (!unsure) {
        return false;
    }
    if (took_place(postgres, name, &there, &ignored)) {
        return there;
    }
    return error_set(error, ERROR_ENVIRONMENT, "authority_unsure",
                     "PostgreSQL went away while it stored the change: look whether it took place "
                     "when it is back");
}

bool share_change_commit(struct share_change *change, int64_t wall_ns, struct error *error)
{
    struct key_share *share = change->share;
    void *bytes = NULL;
    size_t len = 0;
    struct log_change logged = {
        .seq = change->seq,
        .node = member_facts(share->member).node,
        .at_us = wall_ns / NS_PER_US,
    };
    draw_name(logged.change);
    bool done =
        changeset_take(change->recorder, &bytes, &len) ||
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "the change could not be recorded");
    changeset_end(change->recorder);
    change->recorder = NULL;
    logged.changeset = slice_of(bytes, len);
    done = done && log_append(share, share->changer, change->db, &logged, error) &&
           commit_head(share->changer, logged.change, error);
    sqlite3_free(bytes);
    if (done && !database_exec(change->db, "COMMIT")) {
        database_error(change->db, member_path(share->member),
                       "storing a change that the cluster has", error);
        error->code = "authority_unsure";
        done = false;
    }
    return done;
}

static bool ask_missing(struct share_change *change, struct share_spread *spread)
{
    struct key_share *share = change->share;
    struct postgres_params params = {0};
    struct postgres_rows rows;
    struct error ignored;
    params_int64(&params, change->seq);
    /* A node that changes its own keys reads them when the change is done. */
    params_int64(&params, share->started ? member_facts(share->member).node : 0);
    if (!postgres_query(share->changer,
                        "SELECT coalesce(string_agg(name, ', ' ORDER BY name), '') FROM nodes"
                        " WHERE " NODE_IS_LIVE " AND key_seq < $1 AND id <> $2",
                        &params, &rows, &ignored)) {
        return false;
    }
    slice_to_cstr(rows.count == 1 ? postgres_slice(&rows, 0, 0) : SLICE_EMPTY, spread->waiting,
                  sizeof(spread->waiting));
    postgres_rows_release(&rows);
    return true;
}

void share_change_spread(struct share_change *change, struct share_spread *spread)
{
    int64_t until = clock_monotonic(&clock_system) + (int64_t)KEY_SPREAD_MS * NS_PER_MS;
    if (spread == NULL) {
        return;
    }
    spread->seq = change->seq;
    slice_to_cstr(SLICE("unknown"), spread->waiting, sizeof(spread->waiting));
    while (ask_missing(change, spread) && spread->waiting[0] != '\0' &&
           clock_monotonic(&clock_system) < until) {
        (void)postgres_wait(change->share->changer, ASK_AGAIN_MS);
    }
}

void share_change_end(struct share_change *change)
{
    if (change->share != NULL) {
        changeset_end(change->recorder);
        change->recorder = NULL;
        database_rollback(change->db);
        postgres_rollback(change->share->changer);
        pthread_mutex_unlock(&change->share->lock);
        change->share = NULL;
    }
}
