/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_verify_spend.h"

#include "store/ledger_spend.h"
#include "store/limits.h"

enum part_kind { PART_SPENT, PART_OPENING, PART_COUNTED };

/* A row of `spend`, an opening balance, or what calls of one quarter of an hour cost. */
struct part {
    enum part_kind what;
    int64_t kind;
    int64_t scope;
    int64_t model;
    int64_t at_s;    /* a row's start; else the bucket */
    int64_t first_s; /* a row's start, a balance's, or the bucket */
    int64_t end_s;   /* the bucket */
    int64_t cost_nd;
};

/* Rows of one scope and model that overlap, as a rule one, with what is in them. */
struct heap {
    bool open;
    struct part of;  /* the first row */
    int64_t end_s;   /* of the last one */
    int64_t first_s; /* of what is in them: the first ... */
    int64_t last_s;  /* ... and the last bucket */
    int64_t spent_nd;
    int64_t found_nd;
};

#define COUNTED(kind, scope)                                                                       \
    " UNION ALL SELECT " kind ", " scope ", 0, bucket_s, bucket_s, bucket_s, sum(cost_nd), 2"      \
    " FROM counted WHERE " scope " <> 0 GROUP BY " scope ", bucket_s"                              \
    " UNION ALL SELECT " kind ", " scope ", model, bucket_s, bucket_s, bucket_s, sum(cost_nd), 2"  \
    " FROM counted WHERE " scope " <> 0 AND model <> 0 GROUP BY " scope ", model, bucket_s"
static const char parts_sql[] =
    "SELECT kind, scope, model, start_s AS at_s, start_s AS first_s, bucket_s AS end_s, cost_nd,"
    " 0 AS what FROM spend UNION ALL SELECT kind, scope, model, bucket_s, start_s, bucket_s,"
    " cost_nd, 1 FROM openings" COUNTED("0", "key") COUNTED("1", "user") COUNTED("2", "team")
        COUNTED("3", "organisation") " ORDER BY 1, 2, 3, 4, 8";
_Static_assert(SCOPE_KEY == 0 && SCOPE_USER == 1 && SCOPE_TEAM == 2 && SCOPE_ORGANISATION == 3,
               "as in the question");

static void read_part(sqlite3_stmt *row, struct part *ret_part)
{
    *ret_part = (struct part){
        .kind = sqlite3_column_int64(row, 0),
        .scope = sqlite3_column_int64(row, 1),
        .model = sqlite3_column_int64(row, 2),
        .at_s = sqlite3_column_int64(row, 3),
        .first_s = sqlite3_column_int64(row, 4),
        .end_s = sqlite3_column_int64(row, 5),
        .cost_nd = sqlite3_column_int64(row, 6),
        .what = (enum part_kind)sqlite3_column_int64(row, 7),
    };
}

static bool broken(const struct part *part, const char *what, struct error *error)
{
    static const char *const kinds[SCOPE_KINDS] = {"key", "user", "team", "organisation"};
    bool known = part->kind >= 0 && part->kind < SCOPE_KINDS;
    return error_set(error, ERROR_INVALID, "ledger_violation",
                     "%s (%s %lld, model %lld, quarter of an hour %lld)", what,
                     known ? kinds[part->kind] : "scope of no kind", (long long)part->scope,
                     (long long)part->model, (long long)part->at_s);
}

/* What was put together is all there, and nothing else. */
static bool close_heap(struct heap *heap, struct error *error)
{
    bool was_open = heap->open;
    heap->open = false;
    if (!was_open) {
        return true;
    }
    if (heap->spent_nd != heap->found_nd) {
        return broken(&heap->of, "what a scope has spent is not what its calls cost", error);
    }
    if (heap->of.first_s != heap->first_s || heap->end_s != heap->last_s) {
        return broken(&heap->of, "what a scope has spent was not spent then", error);
    }
    return true;
}

static bool same_account(const struct part *a, const struct part *b)
{
    return a->kind == b->kind && a->scope == b->scope && a->model == b->model;
}

static void open_heap(struct heap *heap, const struct part *row)
{
    *heap = (struct heap){
        .open = true, .of = *row, .end_s = row->end_s, .first_s = INT64_MAX, .last_s = INT64_MIN};
}

static bool add_part(struct heap *heap, const struct part *part, struct error *error)
{
    if (part->kind < 0 || part->kind >= SCOPE_KINDS || part->cost_nd < 0 ||
        part->end_s < part->first_s || part->end_s % SPEND_BUCKET_S != 0) {
        return broken(part, "no scope can have spent that", error);
    }
    bool inside = heap->open && same_account(&heap->of, part) && part->at_s <= heap->end_s;
    if (!inside && !close_heap(heap, error)) {
        return false;
    }
    if (!inside && part->what != PART_SPENT) {
        return broken(part, "what calls cost is not in what their scope has spent", error);
    }
    if (!inside) {
        open_heap(heap, part);
    }
    if (part->what == PART_SPENT) {
        heap->end_s = part->end_s > heap->end_s ? part->end_s : heap->end_s;
        heap->spent_nd += part->cost_nd;
        return true;
    }
    heap->found_nd += part->cost_nd;
    heap->first_s = part->first_s < heap->first_s ? part->first_s : heap->first_s;
    heap->last_s = part->end_s > heap->last_s ? part->end_s : heap->last_s;
    return true;
}

bool ledger_verify_spend(sqlite3 *db, const char *path, struct error *error)
{
    struct heap heap = {.open = false};
    struct part part;
    sqlite3_stmt *row = database_prepare(db, parts_sql);
    int status = row == NULL ? SQLITE_ERROR : sqlite3_step(row);
    bool done = true;
    while (done && status == SQLITE_ROW) {
        read_part(row, &part);
        done = add_part(&heap, &part, error);
        status = done ? sqlite3_step(row) : status;
    }
    if (done && status != SQLITE_DONE) {
        done = database_error(db, path, "verifying", error);
    }
    sqlite3_finalize(row);
    return done && close_heap(&heap, error);
}
