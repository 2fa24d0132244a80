/* SPDX-License-Identifier: Apache-2.0 */
/* Puts old changes of the keys in PostgreSQL together: the log is the whole audit log, too, and
 * each node that joins reads it from its beginning. */
#include "base/memory.h"
#include "store/key_changeset.h"
#include "store/key_share_internal.h"

#define JOIN_MS 60000
#define JOIN_BYTES "8388608" /* in one row, unless one change alone is larger */
/* Only one node does it at a time: "SLUICE" and "KL". */
#define LOCK "SELECT pg_try_advisory_xact_lock(6002266176527616844)"

static bool get_lock(struct postgres *postgres, bool *ret_locked, struct error *error)
{
    struct postgres_rows rows;
    if (!postgres_query(postgres, LOCK, NULL, &rows, error)) {
        return false;
    }
    *ret_locked = rows.count == 1 && postgres_bool(&rows, 0, 0);
    postgres_rows_release(&rows);
    return true;
}

/* The oldest $1 changes that are apart, if there are so many that are $2 or more behind the head
 * and that each node has that was not removed. */
static const char candidates_sql[] =
    "WITH apart AS (SELECT seq, changeset, sum(octet_length(changeset)) OVER (ORDER BY seq) AS"
    " bytes, row_number() OVER (ORDER BY seq) AS n FROM key_log WHERE seq > (SELECT"
    " coalesce(max(seq), 0) FROM key_log WHERE first IS NOT NULL) AND seq <= (SELECT least((SELECT"
    " seq FROM key_head) - $2, (SELECT min(key_seq) FROM nodes WHERE removed_at IS NULL)))"
    " ORDER BY seq LIMIT $1) SELECT seq, changeset FROM apart WHERE (n = 1 OR bytes <= " JOIN_BYTES
    ") AND (SELECT count(*) FROM apart) >= $1 ORDER BY seq";

static bool store(struct postgres *postgres, int64_t first, int64_t seq, struct slice changeset,
                  struct error *error)
{
    struct postgres_params span = {0};
    struct postgres_params params = {0};
    params_int64(&span, first);
    params_int64(&span, seq);
    params_int64(&params, first);
    params_int64(&params, seq);
    params_bytes(&params, changeset);
    return postgres_run(postgres, "DELETE FROM key_log WHERE seq >= $1 AND seq < $2", &span, NULL,
                        error) &&
           postgres_run(postgres, "UPDATE key_log SET first = $1, changeset = $3 WHERE seq = $2",
                        &params, NULL, error);
}

/* *ret_more: so many went together that there may be others. */
static bool join_rows(struct postgres *postgres, const struct postgres_rows *rows, bool *ret_more,
                      struct error *error)
{
    size_t count = (size_t)rows->count;
    size_t joined = 0;
    size_t len = 0;
    void *bytes = NULL;
    struct slice *changesets = memory_array(count, sizeof(*changesets));
    if (changesets == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        changesets[i] = postgres_slice(rows, (int)i, 1);
    }
    changesets_join(changesets, count, &bytes, &len, &joined);
    bool done =
        joined == 0 || store(postgres, postgres_int64(rows, 0, 0),
                             postgres_int64(rows, (int)joined - 1, 0), slice_of(bytes, len), error);
    *ret_more = joined > 0;
    sqlite3_free(bytes);
    memory_free(changesets);
    return done;
}

static bool join_some(struct key_share *share, struct postgres *postgres, bool *ret_more,
                      struct error *error)
{
    struct postgres_params params = {0};
    struct postgres_rows rows;
    bool locked = false;
    if (!get_lock(postgres, &locked, error)) {
        return false;
    }
    if (!locked) {
        return true;
    }
    params_int64(&params, share->log_joined);
    params_int64(&params, share->log_kept);
    if (!postgres_query(postgres, candidates_sql, &params, &rows, error)) {
        return false;
    }
    bool done = rows.count == 0 || join_rows(postgres, &rows, ret_more, error);
    postgres_rows_release(&rows);
    return done;
}

bool log_join(struct key_share *share, struct postgres *postgres, int64_t head, struct error *error)
{
    int64_t now = clock_monotonic(&clock_system);
    bool more = false;
    if (now < share->join_at_ns || head < share->log_kept + share->log_joined) {
        return true;
    }
    bool done = postgres_begin(postgres, error) && join_some(share, postgres, &more, error) &&
                postgres_commit(postgres, NULL, error);
    postgres_rollback(postgres);
    share->join_at_ns = more ? now : now + (int64_t)JOIN_MS * NS_PER_MS;
    return done;
}
