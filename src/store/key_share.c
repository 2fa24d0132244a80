/* SPDX-License-Identifier: Apache-2.0 */
#include "store/key_share.h"

#include "base/log.h"
#include "base/memory.h"
#include "store/key_changeset.h"
#include "store/key_share_internal.h"

/* Without a word from PostgreSQL it is asked that often; a lost notification costs no more. */
#define FOLLOW_MS 1000

struct key_share *share_new(const struct share_options *options, struct error *error)
{
    if (!changeset_possible()) {
        error_set(error, ERROR_UNSUPPORTED, "no_sessions",
                  "keys cannot be shared: this SQLite library was built without sessions "
                  "(SQLITE_ENABLE_SESSION and SQLITE_ENABLE_PREUPDATE_HOOK)");
        return NULL;
    }
    struct key_share *share = memory_array(1, sizeof(*share));
    if (share == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
        return NULL;
    }
    pthread_mutex_init(&share->lock, NULL);
    pthread_mutex_init(&share->stats_lock, NULL);
    share->member = options->member;
    share->on_applied = options->on_applied;
    share->user = options->user;
    share->confirmed = -1;
    share->log_kept = options->log_kept == 0 ? KEY_LOG_KEPT : options->log_kept;
    share->log_joined = options->log_joined == 0 ? KEY_LOG_JOINED : options->log_joined;
    share->changer = member_postgres(options->member, "changes", error);
    share->follower = member_postgres(options->member, "keys", error);
    if (share->changer == NULL || share->follower == NULL) {
        share_free(share);
        return NULL;
    }
    return share;
}

void share_stats(struct key_share *share, struct share_stats *ret_stats)
{
    pthread_mutex_lock(&share->stats_lock);
    *ret_stats = share->stats;
    pthread_mutex_unlock(&share->stats_lock);
}

/* --- the follower ------------------------------------------------------------------------------
 */

static void note(struct key_share *share, int64_t seq, int64_t head, const struct error *failure)
{
    bool was_away;
    pthread_mutex_lock(&share->stats_lock);
    was_away = share->stats.away;
    bool same = failure != NULL && strcmp(share->stats.reason, failure->text) == 0;
    share->stats.away = failure != NULL;
    if (failure == NULL) {
        share->stats.seq = seq;
        share->stats.head = head;
    }
    slice_to_cstr(failure == NULL ? SLICE_EMPTY : slice_from_cstr(failure->text),
                  share->stats.reason, sizeof(share->stats.reason));
    pthread_mutex_unlock(&share->stats_lock);
    if (failure != NULL && !same && !postgres_stopped(share->follower)) {
        log_event(LOG_ERROR, failure->code,
                  "%s; keys are read as they are here and cannot be changed", failure->text);
    } else if (failure == NULL && was_away) {
        log_event(LOG_INFO, "authority_back", "keys follow the cluster again");
    }
}

/* Everybody who waits for change `seq` may go on; also, this node lives, and has been heard since
 * the database was restored: each round looks whether PostgreSQL knows what is here. */
static bool confirm(struct key_share *share, int64_t seq, struct error *error)
{
    struct postgres_params params = {0};
    params_int64(&params, member_facts(share->member).node);
    params_int64(&params, seq);
    return postgres_run(share->follower,
                        "UPDATE nodes SET key_seq = $2, stopped = false,"
                        " key_incarnation = (SELECT incarnation FROM cluster),"
                        " seen_at = clock_timestamp() WHERE id = $1",
                        &params, NULL, error);
}

/* Takes the new keys where there are any. */
static bool take(struct key_share *share, sqlite3 *db, int64_t seq, struct error *error)
{
    if (share->on_applied == NULL || seq == share->confirmed ||
        (share->confirmed >= 0 && !log_has_keys(db, share->confirmed, seq))) {
        return true;
    }
    return share->on_applied(share->user, error);
}

static bool follow(struct key_share *share, sqlite3 *db, struct error *error)
{
    int64_t drained = 0;
    int64_t head = 0;
    struct log_place place = {0};
    if (!postgres_connect(share->follower, error) ||
        !log_follow(share, share->follower, db, &head, error)) {
        return false;
    }
    if (!log_place(db, &place)) {
        return database_error(db, member_path(share->member), "following the cluster's keys",
                              error);
    }
    if (!take(share, db, place.seq, error) || !confirm(share, place.seq, error) ||
        !member_count_nodes(share->member, share->follower, error)) {
        return false;
    }
    if (!member_keep_exchanges(share->member, db, false)) {
        return database_error(db, member_path(share->member), "noting what PostgreSQL knew", error);
    }
    share->confirmed = place.seq;
    note(share, place.seq, head, NULL);
    return share_drain_audit(share, db, &drained, error) &&
           log_join(share, share->follower, head, error);
}

/* One round, on a connection of its own to the ledger: that may be replaced meanwhile. */
static bool follow_once(struct key_share *share, struct error *error)
{
    sqlite3 *db = database_open(member_path(share->member), DATABASE_CHANGE, error);
    bool done = db != NULL && follow(share, db, error);
    sqlite3_close(db);
    return done;
}

static void *run(void *user)
{
    struct key_share *share = user;
    struct error error = {0};
    for (;;) {
        uint64_t pause = FOLLOW_MS;
        error_clear(&error);
        if (!follow_once(share, &error)) {
            uint64_t retry = postgres_retry_ms(share->follower);
            note(share, 0, 0, &error);
            pause = retry > 0 ? retry : FOLLOW_MS;
        }
        if (postgres_wait(share->follower, pause) == POSTGRES_STOPPED) {
            return NULL;
        }
    }
}

bool share_start(struct key_share *share, struct error *error)
{
    if (!postgres_listen(share->follower, KEYS_CHANNEL, error)) {
        return false;
    }
    share->started = pthread_create(&share->thread, NULL, run, share) == 0;
    return share->started ||
           error_set(error, ERROR_ENVIRONMENT, "no_thread", "no thread could be started");
}

/* Nobody needs to wait for this node any more. */
static void say_stopped(struct key_share *share)
{
    struct error ignored;
    struct postgres *postgres = share->changer;
    if (share->confirmed >= 0 && postgres_connect(postgres, &ignored) &&
        !member_seen(share->member, postgres, true, &ignored)) {
        log_event(LOG_WARN, "authority_away", "the other nodes could not be told of the stop");
    }
    sqlite3 *db = database_open(member_path(share->member), DATABASE_CHANGE, &ignored);
    if (db != NULL && !member_keep_exchanges(share->member, db, true)) {
        log_event(LOG_WARN, "ledger_failed", "what PostgreSQL knew of leases could not be noted");
    }
    sqlite3_close(db);
}

void share_free(struct key_share *share)
{
    if (share == NULL) {
        return;
    }
    if (share->started) {
        postgres_stop(share->follower);
        pthread_join(share->thread, NULL);
        say_stopped(share);
    }
    postgres_free(share->changer);
    postgres_free(share->follower);
    pthread_mutex_destroy(&share->lock);
    pthread_mutex_destroy(&share->stats_lock);
    memory_free(share);
}
