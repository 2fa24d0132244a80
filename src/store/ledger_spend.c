/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_spend.h"

#include "base/clock.h"
#include "base/memory.h"
#include "store/budget_internal.h"

#define SLOTS_MIN 64
#define SLOTS_KEEP 4096

const char spends_sql[] =
    "INSERT INTO spend(kind, scope, model, bucket_s, cost_nd) VALUES(?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT(kind, scope, model, bucket_s) DO UPDATE SET cost_nd = cost_nd + ?5";

void spends_init(struct spends *spends)
{
    *spends = (struct spends){0};
}

void spends_release(struct spends *spends)
{
    memory_free(spends->slots);
    spends_init(spends);
}

void spends_clear(struct spends *spends)
{
    if (spends->cap > SLOTS_KEEP) {
        spends_release(spends);
    } else if (spends->count > 0) {
        memset(spends->slots, 0, spends->cap * sizeof(spends->slots[0]));
        spends->count = 0;
    }
}

/* Scopes and models are row numbers of ours, so nobody chooses them to collide. */
static struct spend *find(const struct spends *spends, const struct spend *wanted)
{
    uint64_t mixed = ((uint64_t)wanted->scope << 22 ^ (uint64_t)wanted->model << 34 ^
                      (uint64_t)wanted->bucket_s << 2 ^ wanted->kind) *
                     0x9E3779B97F4A7C15u;
    size_t at = (size_t)(mixed >> 32) & (spends->cap - 1);
    for (;;) {
        struct spend *slot = &spends->slots[at];
        if (slot->scope == 0 ||
            (slot->scope == wanted->scope && slot->model == wanted->model &&
             slot->bucket_s == wanted->bucket_s && slot->kind == wanted->kind)) {
            return slot;
        }
        at = (at + 1) & (spends->cap - 1);
    }
}

static bool grow(struct spends *spends)
{
    struct spends bigger = {.cap = spends->cap == 0 ? SLOTS_MIN : spends->cap * 2,
                            .count = spends->count};
    bigger.slots = memory_array(bigger.cap, sizeof(bigger.slots[0]));
    if (bigger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < spends->cap; i++) {
        if (spends->slots[i].scope != 0) {
            *find(&bigger, &spends->slots[i]) = spends->slots[i];
        }
    }
    memory_free(spends->slots);
    *spends = bigger;
    return true;
}

bool spends_add(struct spends *spends, enum scope_kind kind, int64_t scope, int64_t model,
                int64_t held_ns, int64_t cost_nd)
{
    if (scope == 0 || cost_nd == 0) {
        return true;
    }
    if ((spends->count + 1) * 2 > spends->cap && !grow(spends)) {
        return false;
    }
    int64_t held_s = held_ns < 0 ? 0 : held_ns / NS_PER_S;
    const struct spend wanted = {.kind = kind,
                                 .scope = scope,
                                 .model = model,
                                 .bucket_s = held_s / SPEND_BUCKET_S * SPEND_BUCKET_S};
    struct spend *slot = find(spends, &wanted);
    if (slot->scope == 0) {
        spends->count++;
        *slot = wanted;
    }
    slot->cost_nd += cost_nd;
    return true;
}

bool spends_write(struct spends *spends, sqlite3_stmt *upsert, struct ledger_note *note)
{
    for (size_t i = 0; i < spends->cap; i++) {
        const struct spend *spend = &spends->slots[i];
        if (spend->scope == 0) {
            continue;
        }
        const int64_t values[NOTE_SPEND_NUMBERS] = {spend->kind, spend->scope, spend->model,
                                                    spend->bucket_s, spend->cost_nd};
        for (int v = 0; v < NOTE_SPEND_NUMBERS; v++) {
            sqlite3_bind_int64(upsert, v + 1, values[v]);
        }
        note_spend(note, values);
        if (!database_run(upsert)) {
            return false;
        }
    }
    spends_clear(spends);
    return true;
}

/* --- folding -----------------------------------------------------------------------------------
 */

#define DAY_S INT64_C(86400)
#define FOLD_MONTHS_MAX (SPEND_DAYS_MAX / 28 + 2)

/* A span of time whose rows become one, in its last bucket. */
struct fold_span {
    int64_t start_s;
    int64_t bucket_s;
};

/* All of the past, the newest first: the days that are kept, the months before, and bucket 0. */
struct fold {
    struct fold_span spans[SPEND_DAYS_KEPT + FOLD_MONTHS_MAX];
    size_t count;
    int64_t today_s; /* from here on nothing is folded */
};

static void add_span(struct fold *fold, enum cap_period period, int64_t *before_s)
{
    int64_t start_s;
    int64_t end_s;
    budget_period(period, *before_s - 1, &start_s, &end_s);
    start_s = start_s < *before_s ? start_s : *before_s - 1; /* no zone is known to be so */
    end_s = end_s < *before_s ? end_s : *before_s; /* the month's other days are kept apart */
    fold->spans[fold->count++] =
        (struct fold_span){start_s, (end_s - 1) / SPEND_BUCKET_S * SPEND_BUCKET_S};
    *before_s = start_s;
}

static void fold_init(struct fold *fold, int64_t wall_s)
{
    int64_t end_s;
    fold->count = 0;
    budget_period(CAP_DAY, wall_s, &fold->today_s, &end_s);
    int64_t before_s = fold->today_s;
    for (int i = 0; i < SPEND_DAYS_KEPT; i++) {
        add_span(fold, CAP_DAY, &before_s);
    }
    while (fold->count < ARRAY_LEN(fold->spans) && before_s > wall_s - SPEND_DAYS_MAX * DAY_S) {
        add_span(fold, CAP_MONTH, &before_s);
    }
}

static int64_t folded(const struct fold *fold, int64_t bucket_s)
{
    size_t first = 0;
    size_t end = fold->count;
    if (bucket_s >= fold->today_s) {
        return bucket_s;
    }
    while (first < end) { /* the first span that begins at the bucket or before it */
        size_t middle = (first + end) / 2;
        if (fold->spans[middle].start_s <= bucket_s) {
            end = middle;
        } else {
            first = middle + 1;
        }
    }
    return first == fold->count ? 0 : fold->spans[first].bucket_s;
}

static void fold_function(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_int64(context,
                         folded(sqlite3_user_data(context), sqlite3_value_int64(values[0])));
}

/* Rows with where they go. A rolling cap needs what is in its span as it is, and nothing older
 * moved into it; `names` has no empty word, so a rule for all models is of model 0, as its rows
 * are. */
#define FOLDED_ROWS                                                                                \
    "SELECT s.kind, s.scope, s.model, s.bucket_s, s.cost_nd,"                                      \
    " CASE WHEN fold_bucket(s.bucket_s) >= ?1 - w.span_s THEN s.bucket_s"                          \
    " ELSE fold_bucket(s.bucket_s) END"                                                            \
    " AS folded FROM spend s LEFT JOIN (SELECT c.kind, c.scope, coalesce(n.id, 0) AS model,"       \
    " max(c.window_s) + 86400 AS span_s FROM caps c LEFT JOIN names n ON n.name = c.model"         \
    " WHERE c.period = 4 GROUP BY 1, 2, 3) w ON w.kind = s.kind AND w.scope = s.scope"             \
    " AND w.model = s.model WHERE s.bucket_s > 0 AND s.bucket_s < ?2"

static const char fold_add_sql[] =
    "INSERT INTO spend SELECT kind, scope, model, folded, sum(cost_nd) FROM (" FOLDED_ROWS
    ") WHERE folded <> bucket_s GROUP BY kind, scope, model, folded"
    " ON CONFLICT DO UPDATE SET cost_nd = cost_nd + excluded.cost_nd";
static const char fold_remove_sql[] =
    "DELETE FROM spend WHERE (kind, scope, model, bucket_s) IN"
    " (SELECT kind, scope, model, bucket_s FROM (" FOLDED_ROWS ") WHERE folded <> bucket_s)";
_Static_assert(CAP_ROLLING == 4, "as in the question");

static bool fold_with(sqlite3 *db, const char *sql, int64_t wall_s, int64_t today_s)
{
    sqlite3_stmt *statement = database_prepare(db, sql);
    bool done = statement != NULL && sqlite3_bind_int64(statement, 1, wall_s) == SQLITE_OK &&
                sqlite3_bind_int64(statement, 2, today_s) == SQLITE_OK && database_run(statement);
    sqlite3_finalize(statement);
    return done;
}

/* A clock that is far ahead, as that of a machine that was just started, must not make the past of
 * today: it is not later than when something was last spent. */
static bool believe(sqlite3 *db, int64_t *wall_s)
{
    sqlite3_stmt *row = database_prepare(db, "SELECT max(bucket_s) FROM spend");
    bool done = row != NULL && sqlite3_step(row) == SQLITE_ROW;
    if (done && sqlite3_column_type(row, 0) != SQLITE_NULL) {
        int64_t last_s = sqlite3_column_int64(row, 0) + SPEND_BUCKET_S - 1;
        *wall_s = last_s < *wall_s ? last_s : *wall_s;
    }
    return sqlite3_finalize(row) == SQLITE_OK && done;
}

bool spends_fold(sqlite3 *db, int64_t wall_s)
{
    struct fold fold;
    if (!believe(db, &wall_s)) {
        return false;
    }
    fold_init(&fold, wall_s);
    if (sqlite3_create_function_v2(db, "fold_bucket", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, &fold,
                                   fold_function, NULL, NULL, NULL) != SQLITE_OK ||
        !database_exec(db, "BEGIN IMMEDIATE")) {
        return false;
    }
    bool done = fold_with(db, fold_add_sql, wall_s, fold.today_s) &&
                fold_with(db, fold_remove_sql, wall_s, fold.today_s) && database_exec(db, "COMMIT");
    if (!done) {
        database_rollback(db);
    }
    (void)sqlite3_create_function_v2(db, "fold_bucket", 1, SQLITE_UTF8, NULL, NULL, NULL, NULL,
                                     NULL);
    return done;
}
