/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_spend.h"

#include "base/clock.h"
#include "base/memory.h"
#include "store/budget_internal.h"

#include <stdlib.h>

#define SLOTS_MIN 64
#define SLOTS_KEEP 4096

const char spends_sql[] =
    "INSERT INTO spend(kind, scope, model, bucket_s, start_s, cost_nd)"
    " VALUES(?1, ?2, ?3, ?4, ?4, ?5)"
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
    const struct spend wanted = {
        .kind = kind, .scope = scope, .model = model, .bucket_s = spend_bucket(held_ns)};
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
#define WINDOW_PARTS 60 /* as many as the budget tells apart in the span of a rolling cap */

/* The starts of all spans of the past whose rows may become one, the newest first: the days that
 * are kept, the months before. What is older is one, too. */
struct fold {
    int64_t starts[SPEND_DAYS_KEPT + FOLD_MONTHS_MAX];
    size_t count;
    int64_t wall_s;
    int64_t today_s; /* from here on nothing is folded */
};

static void add_span(struct fold *fold, enum cap_period period, int64_t *before_s)
{
    int64_t start_s;
    int64_t end_s;
    budget_period(period, *before_s - 1, &start_s, &end_s);
    *before_s = start_s < *before_s ? start_s : *before_s - 1; /* no zone is known to be so */
    fold->starts[fold->count++] = *before_s;
}

static void fold_init(struct fold *fold, int64_t wall_s)
{
    int64_t end_s;
    fold->count = 0;
    fold->wall_s = wall_s;
    budget_period(CAP_DAY, wall_s, &fold->today_s, &end_s);
    int64_t before_s = fold->today_s;
    for (int i = 0; i < SPEND_DAYS_KEPT; i++) {
        add_span(fold, CAP_DAY, &before_s);
    }
    while (fold->count < ARRAY_LEN(fold->starts) && before_s > wall_s - SPEND_DAYS_MAX * DAY_S) {
        add_span(fold, CAP_MONTH, &before_s);
    }
}

/* The start of the bucket's span; 0: it is older than all of them. */
static int64_t span_of(const struct fold *fold, int64_t bucket_s)
{
    size_t first = 0;
    size_t end = fold->count;
    while (first < end) { /* the first span that begins at the bucket or before it */
        size_t middle = (first + end) / 2;
        if (fold->starts[middle] <= bucket_s) {
            end = middle;
        } else {
            first = middle + 1;
        }
    }
    return first == fold->count ? 0 : fold->starts[first];
}

/* How fine a rolling cap wants the bucket to be told: of those that may still count it the one of
 * the shortest span; 0: none does. `windows` are seconds with commas between them. */
static int64_t part_of_window(const struct fold *fold, int64_t bucket_s, const char *windows)
{
    int64_t shortest_s = 0;
    while (windows != NULL && *windows != '\0') {
        char *end;
        int64_t window_s = strtoll(windows, &end, 10);
        bool counts = bucket_s + SPEND_BUCKET_S >= fold->wall_s - window_s - DAY_S;
        shortest_s = counts && (shortest_s == 0 || window_s < shortest_s) ? window_s : shortest_s;
        windows = *end == ',' ? end + 1 : "";
    }
    return shortest_s == 0 ? 0 : (shortest_s + WINDOW_PARTS - 1) / WINDOW_PARTS;
}

/* Rows of the same number become one. */
static int64_t folded(const struct fold *fold, int64_t bucket_s, const char *windows)
{
    int64_t start_s = span_of(fold, bucket_s);
    int64_t part_s = part_of_window(fold, bucket_s, windows);
    if (bucket_s >= fold->today_s || (part_s > 0 && part_s <= SPEND_BUCKET_S)) {
        return bucket_s;
    }
    return part_s == 0 ? start_s : start_s + (bucket_s - start_s) / part_s * part_s;
}

/* fold_span(bucket_s, windows) */
static void fold_function(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_int64(context, folded(sqlite3_user_data(context), sqlite3_value_int64(values[0]),
                                         (const char *)sqlite3_value_text(values[1])));
}

/* Of each row, what it is put together with, and the last bucket of that. `names` has no empty
 * word, so a rule for all models is of model 0, as its rows are. */
#define SPANS                                                                                      \
    "SELECT *, max(bucket_s) OVER (PARTITION BY kind, scope, model, span) AS last_s FROM ("        \
    "SELECT s.*, fold_span(s.bucket_s, w.windows) AS span FROM spend s LEFT JOIN"                  \
    " (SELECT c.kind, c.scope, coalesce(n.id, 0) AS model, group_concat(c.window_s) AS windows"    \
    " FROM caps c LEFT JOIN (SELECT id, char(10) || name || char(10) AS lines FROM names"          \
    " WHERE id IN (SELECT model FROM spend)) n ON c.model <> '' AND"                               \
    " instr(n.lines, char(10) || c.model || char(10))"                                             \
    " WHERE c.period = 4 GROUP BY 1, 2, 3) w"                                                      \
    " ON w.kind = s.kind AND w.scope = s.scope AND w.model = s.model"                              \
    " WHERE s.bucket_s > 0 AND s.bucket_s < ?1)"
_Static_assert(CAP_ROLLING == 4, "as in the question");

/* Which rows go where, while it is done; then the sums, and the rows that are in others now. */
static const char *const fold_sql[] = {
    "CREATE TEMP TABLE folding AS SELECT kind, scope, model, bucket_s, last_s FROM (" SPANS
    ") WHERE last_s <> bucket_s",
    "INSERT INTO spend(kind, scope, model, bucket_s, start_s, cost_nd)"
    " SELECT s.kind, s.scope, s.model, f.last_s, min(s.start_s), sum(s.cost_nd) FROM folding f"
    " CROSS JOIN spend s ON s.kind = f.kind AND s.scope = f.scope AND s.model = f.model"
    " AND s.bucket_s = f.bucket_s GROUP BY s.kind, s.scope, s.model, f.last_s"
    " ON CONFLICT DO UPDATE SET cost_nd = cost_nd + excluded.cost_nd,"
    " start_s = min(start_s, excluded.start_s)",
    "INSERT INTO openings(kind, scope, model, bucket_s, start_s, cost_nd)"
    " SELECT o.kind, o.scope, o.model, f.last_s, min(o.start_s), sum(o.cost_nd) FROM folding f"
    " CROSS JOIN openings o ON o.kind = f.kind AND o.scope = f.scope AND o.model = f.model"
    " AND o.bucket_s = f.bucket_s GROUP BY o.kind, o.scope, o.model, f.last_s"
    " ON CONFLICT DO UPDATE SET cost_nd = cost_nd + excluded.cost_nd,"
    " start_s = min(start_s, excluded.start_s)",
    "DELETE FROM spend WHERE (kind, scope, model, bucket_s) IN"
    " (SELECT kind, scope, model, bucket_s FROM folding)",
    "DELETE FROM openings WHERE (kind, scope, model, bucket_s) IN"
    " (SELECT kind, scope, model, bucket_s FROM folding)",
    "DROP TABLE folding",
};

static bool fold_all(sqlite3 *db, int64_t today_s)
{
    bool done = true;
    for (size_t i = 0; done && i < ARRAY_LEN(fold_sql); i++) {
        sqlite3_stmt *statement = database_prepare(db, fold_sql[i]);
        done = statement != NULL &&
               (i > 0 || sqlite3_bind_int64(statement, 1, today_s) == SQLITE_OK) &&
               database_run(statement);
        sqlite3_finalize(statement);
    }
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
    if (sqlite3_create_function_v2(db, "fold_span", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, &fold,
                                   fold_function, NULL, NULL, NULL) != SQLITE_OK ||
        !database_exec(db, "BEGIN IMMEDIATE")) {
        return false;
    }
    bool done = fold_all(db, fold.today_s) && database_exec(db, "COMMIT");
    if (!done) {
        database_rollback(db);
    }
    (void)sqlite3_create_function_v2(db, "fold_span", 2, SQLITE_UTF8, NULL, NULL, NULL, NULL, NULL);
    return done;
}
