/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_spend.h"

#include "base/clock.h"
#include "base/memory.h"

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

#define DAY_S INT64_C(86400)

/* What is older than ?1 goes to bucket 0, the rest of what is older than ?2 to its day's last. */
#define FOLDED "CASE WHEN bucket_s < ?1 THEN 0 ELSE bucket_s / 86400 * 86400 + 85500 END"
#define TO_FOLD "bucket_s > 0 AND bucket_s < ?2 AND (bucket_s < ?1 OR bucket_s % 86400 <> 85500)"

static bool fold_with(sqlite3 *db, const char *sql, int64_t wall_s)
{
    sqlite3_stmt *statement = database_prepare(db, sql);
    bool done = statement != NULL &&
                sqlite3_bind_int64(statement, 1, wall_s - SPEND_DAYS_MAX * DAY_S) == SQLITE_OK &&
                sqlite3_bind_int64(statement, 2, wall_s - SPEND_DAYS_KEPT * DAY_S) == SQLITE_OK &&
                database_run(statement);
    sqlite3_finalize(statement);
    return done;
}

bool spends_fold(sqlite3 *db, int64_t wall_s)
{
    if (!database_exec(db, "BEGIN IMMEDIATE")) {
        return false;
    }
    bool done = fold_with(db,
                          "INSERT INTO spend SELECT kind, scope, model, " FOLDED
                          " AS folded, sum(cost_nd) FROM spend WHERE " TO_FOLD
                          " GROUP BY kind, scope, model, folded"
                          " ON CONFLICT DO UPDATE SET cost_nd = cost_nd + excluded.cost_nd",
                          wall_s) &&
                fold_with(db, "DELETE FROM spend WHERE " TO_FOLD, wall_s) &&
                database_exec(db, "COMMIT");
    if (!done) {
        database_rollback(db);
    }
    return done;
}
