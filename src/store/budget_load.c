/* SPDX-License-Identifier: Apache-2.0 */
/* The start: what the ledger knows of earlier spending. */
#include "store/budget_internal.h"

#include "base/memory.h"
#include "model/price.h"
#include "store/ledger_schema.h"
#include "store/ledger_spend.h"

_Static_assert(BUDGET_BUCKET_S == SPEND_BUCKET_S, "what is read is what was written");

int64_t account_spent_before(const struct budget_account *account, int64_t start_s)
{
    int64_t spent_nd = 0;
    for (const struct later_spend *later = account->later; later != NULL; later = later->next) {
        spent_nd = later->end_s > start_s ? money_add(spent_nd, later->spent_nd) : spent_nd;
    }
    return spent_nd;
}

void account_forget_later(struct budget_account *account)
{
    while (account->later != NULL) {
        struct later_spend *next = account->later->next;
        memory_free(account->later);
        account->later = next;
    }
}

/* The periods to come begin with it. False: out of memory. */
static bool remember_later(struct budget_account *account, int64_t end_s, int64_t spent_nd)
{
    struct later_spend *later = memory_array(1, sizeof(*later));
    if (later == NULL) {
        return false;
    }
    *later = (struct later_spend){.next = account->later, .end_s = end_s, .spent_nd = spent_nd};
    account->later = later;
    return true;
}

/* The bucket counts whole for a period that it reaches into, and until its end for a rolling cap: a
 * little too much rather than too little. One in the future (the clock was turned back) is now, and
 * then, too: a clock that goes there again resets nothing twice. */
static void seed(struct budget *budget, struct budget_account *account, int64_t bucket_s,
                 int64_t spent_nd, const struct instant *now)
{
    int64_t end_s = bucket_s + BUDGET_BUCKET_S;
    for (unsigned i = 0; i < CAP_ROLLING; i++) {
        if (i == CAP_TOTAL || end_s > budget->periods[i].start_s) {
            struct counter *counter = account_counter(budget, account, (enum cap_period)i);
            counter->spent_nd = money_add(counter->spent_nd, spent_nd);
        }
    }
    struct enforced *enforced = account->enforced;
    int64_t age_s = now->wall_ns / NS_PER_S - end_s;
    age_s = age_s < 0 ? 0 : age_s > INT32_MAX ? INT32_MAX : age_s;
    for (size_t i = 0; enforced != NULL && i < SCOPE_CAPS_MAX; i++) {
        if (enforced->caps[i].buckets != NULL) {
            window_add(&enforced->caps[i].window, now->monotonic_ns,
                       now->monotonic_ns - age_s * NS_PER_S, spent_nd);
        }
    }
}

bool budget_seed(struct budget *budget, enum scope_kind kind, uint64_t scope, struct slice model,
                 int64_t bucket_s, int64_t spent_nd)
{
    struct instant now = budget_lock(budget);
    struct budget_account *account = budget_account_at(budget, kind, scope, model);
    bool done = account != NULL;
    if (done) {
        seed(budget, account, bucket_s, spent_nd, &now);
        if (account->enforced != NULL) {
            budget_watch(budget, account, &now, true);
        }
        if (bucket_s > now.wall_ns / NS_PER_S) {
            done = remember_later(account, bucket_s + BUDGET_BUCKET_S, spent_nd);
        }
    }
    budget_unlock(budget);
    return done;
}

bool budget_introduce(struct budget *budget, uint64_t generation, const struct scope_rule *rule)
{
    budget_lock(budget);
    struct budget_account *account =
        budget_account_at(budget, rule->kind, rule->scope_id, slice_from_cstr(rule->model));
    bool done = account != NULL && account_enforce(budget, account, generation, rule);
    budget_unlock(budget);
    return done;
}

static bool load_row(struct budget *budget, sqlite3_stmt *row)
{
    const char *model = (const char *)sqlite3_column_text(row, 2);
    size_t len = model == NULL ? 0 : (size_t)sqlite3_column_bytes(row, 2);
    int64_t kind = sqlite3_column_int64(row, 0);
    return kind < 0 || kind >= SCOPE_KINDS ||
           budget_seed(budget, (enum scope_kind)kind, (uint64_t)sqlite3_column_int64(row, 1),
                       slice_of(model, len), sqlite3_column_int64(row, 3),
                       sqlite3_column_int64(row, 4));
}

static bool load_rows(struct budget *budget, sqlite3 *db, const char *path, struct error *error)
{
    sqlite3_stmt *row =
        database_prepare(db, "SELECT s.kind, s.scope, n.name, s.bucket_s, s.cost_nd FROM spend s"
                             " LEFT JOIN names n ON n.id = s.model");
    int status = row == NULL ? SQLITE_ERROR : sqlite3_step(row);
    while (status == SQLITE_ROW && load_row(budget, row)) {
        status = sqlite3_step(row);
    }
    bool done = status == SQLITE_DONE;
    if (status == SQLITE_ROW) {
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    } else if (!done) {
        database_error(db, path, "reading what was spent", error);
    }
    sqlite3_finalize(row);
    return done;
}

bool budget_load(struct budget *budget, const char *path, uint64_t generation,
                 const struct scope_rule *rules, size_t rule_count, struct error *error)
{
    for (size_t i = 0; i < rule_count; i++) {
        if (!budget_introduce(budget, generation, &rules[i])) {
            return error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
        }
    }
    sqlite3 *db = database_open(path, DATABASE_READ, error);
    bool done =
        db != NULL && ledger_schema_check(db, path, error) && load_rows(budget, db, path, error);
    sqlite3_close(db);
    return done;
}
