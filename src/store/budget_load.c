/* SPDX-License-Identifier: Apache-2.0 */
/* The start: what the ledger knows of earlier spending. */
#include "store/budget_internal.h"

#include "base/memory.h"
#include "model/price.h"
#include "store/ledger_clock.h"
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

/* To the rolling caps of the account, or to those of them that are fresh. */
static void fill_windows(struct enforced *enforced, bool fresh, int64_t age_ns, int64_t spent_nd,
                         const struct instant *now)
{
    age_ns = age_ns < 0 ? 0 : age_ns > INT32_MAX * NS_PER_S ? INT32_MAX * NS_PER_S : age_ns;
    for (size_t i = 0; enforced != NULL && i < SCOPE_CAPS_MAX; i++) {
        struct enforced_cap *cap = &enforced->caps[i];
        if (cap->buckets == NULL || (fresh && !cap->fresh)) {
            continue;
        }
        int64_t at_ns = now->monotonic_ns - age_ns;
        window_add(&cap->window, now->monotonic_ns, at_ns, spent_nd);
        if (!fresh && at_ns / cap->window.width_ns == now->monotonic_ns / cap->window.width_ns) {
            cap->seeded_nd = money_add(cap->seeded_nd, spent_nd);
        }
    }
}

/* The bucket counts whole for a period that it reaches into, and until its end for a rolling cap: a
 * little too much rather than too little. One in the future (the clock was turned back) is now, and
 * then, too: a clock that goes there again resets nothing twice. */
static bool seed(struct budget *budget, struct budget_account *account, int64_t bucket_s,
                 int64_t age_ns, int64_t spent_nd, const struct instant *now)
{
    int64_t end_s = bucket_s + BUDGET_BUCKET_S;
    for (unsigned i = 0; i < CAP_ROLLING; i++) {
        if (i == CAP_TOTAL || end_s > budget->periods[i].start_s) {
            struct counter *counter = account_counter(budget, account, (enum cap_period)i);
            counter->spent_nd = money_add(counter->spent_nd, spent_nd);
        }
    }
    fill_windows(account->enforced, false, age_ns, spent_nd, now);
    return bucket_s <= now->wall_ns / NS_PER_S || remember_later(account, end_s, spent_nd);
}

static int64_t wall_age(int64_t bucket_s, const struct instant *now)
{
    int64_t age_s = now->wall_ns / NS_PER_S - bucket_s - BUDGET_BUCKET_S;
    return (age_s < 0 ? 0 : age_s > INT32_MAX ? INT32_MAX : age_s) * NS_PER_S;
}

bool budget_seed(struct budget *budget, enum scope_kind kind, uint64_t scope, struct slice model,
                 int64_t bucket_s, int64_t spent_nd)
{
    struct instant now = budget_lock(budget);
    struct budget_account *account = budget_account_at(budget, kind, scope, model);
    bool done = account != NULL &&
                seed(budget, account, bucket_s, wall_age(bucket_s, &now), spent_nd, &now);
    if (done && account->enforced != NULL) {
        budget_watch(budget, account, &now, true);
    }
    budget_unlock(budget);
    return done;
}

/* --- the ledger's time -------------------------------------------------------------------------
 */

/* What the ledger knows of time, and when it is now. */
struct loading {
    struct budget *budget;
    struct clock_times times;
    int64_t now_ns;
    /* The accounts of the rows under way, one for each name: of an attempt that counts for a route
     * and for its target each has all of it. Rows come one heap after the other. */
    struct budget_account *accounts[1 + BUDGET_TARGET_NAMES];
    size_t account_count;
    int64_t kind;
    int64_t scope;
    int64_t model;
};

/* Where this process is in it already, or where the one before it ended: of what passed since
 * nothing counts yet. */
static void find_now(struct loading *loading, const struct instant *now, bool running)
{
    const struct clock_times *times = &loading->times;
    if (times->count == 0) {
        return;
    }
    const struct clock_span *last = &times->spans[times->count - 1];
    int64_t end_ns = running && now->wall_ns > last->end_ns ? now->wall_ns : last->end_ns;
    loading->now_ns = end_ns + last->shift_ns;
}

static int64_t age_of(const struct loading *loading, int64_t bucket_s, const struct instant *now)
{
    if (loading->times.count == 0) {
        return wall_age(bucket_s, now);
    }
    int64_t end_ns = (bucket_s + BUDGET_BUCKET_S) * NS_PER_S;
    const struct clock_span *last = &loading->times.spans[loading->times.count - 1];
    if (end_ns > last->end_ns && bucket_s * NS_PER_S <= last->end_ns) {
        return 0; /* its quarter of an hour was not over */
    }
    return loading->now_ns - clock_times_at(&loading->times, end_ns).time_ns;
}

#define JUMP_NS NS_PER_S
#define LATER_NS (60 * NS_PER_S) /* the ledger writes it down before it counts here */

static void age_windows(struct budget *budget, int64_t older_ns)
{
    for (size_t i = 0; i < budget->bucket_count; i++) {
        for (struct budget_account *a = budget->buckets[i]; a != NULL; a = a->next) {
            for (size_t c = 0; a->enforced != NULL && c < SCOPE_CAPS_MAX; c++) {
                struct enforced_cap *cap = &a->enforced->caps[c];
                if (cap->buckets != NULL) {
                    window_age(&cap->window, budget->unseen.start.monotonic_ns, cap->seeded_nd,
                               older_ns);
                    cap->seeded_nd = 0;
                }
            }
        }
    }
}

/* Once in the life of a process all accounts are looked at: some milliseconds with a hundred
 * thousand rolling caps. */
void budget_doubt(struct budget *budget, const struct instant *now)
{
    struct unseen *unseen = &budget->unseen;
    int64_t passed_ns = now->monotonic_ns - unseen->seen.monotonic_ns;
    int64_t step_ns = now->wall_ns - unseen->seen.wall_ns - passed_ns;
    if (passed_ns < 0) { /* somebody else was quicker with a later time */
        return;
    }
    unseen->even_ns = step_ns > JUMP_NS || step_ns < -JUMP_NS ? now->monotonic_ns : unseen->even_ns;
    unseen->seen = *now;
    if (now->monotonic_ns - unseen->even_ns < CLOCK_EVEN_NS + LATER_NS) {
        return;
    }
    unseen->doubted = false;
    int64_t began_ns = now->wall_ns - (now->monotonic_ns - unseen->start.monotonic_ns);
    if (began_ns > unseen->last_ns) {
        age_windows(budget, began_ns - unseen->last_ns);
    }
}

static void begin_doubt(struct loading *loading, const struct instant *now)
{
    struct budget *budget = loading->budget;
    if (loading->times.count > 0) {
        budget->unseen = (struct unseen){
            .doubted = true,
            .last_ns = loading->times.spans[loading->times.count - 1].end_ns,
            .start = *now,
            .seen = *now,
            .even_ns = now->monotonic_ns,
        };
    }
}

/* --- rules ------------------------------------------------------------------------------------
 */

bool budget_introduce(struct budget *budget, uint64_t generation, const struct scope_rule *rule)
{
    budget_lock(budget);
    struct budget_account *account =
        budget_account_at(budget, rule->kind, rule->scope_id, slice_from_cstr(rule->model));
    bool done = account != NULL && account_enforce(budget, account, generation, rule);
    budget_unlock(budget);
    return done;
}

/* What was reached before is not told again. */
static void end_accounts(struct loading *loading, const struct instant *now)
{
    for (size_t i = 0; i < loading->account_count; i++) {
        if (loading->accounts[i]->enforced != NULL) {
            budget_watch(loading->budget, loading->accounts[i], now, true);
        }
    }
    loading->account_count = 0;
}

/* Lock held. False: out of memory. */
static bool row_accounts(struct loading *loading, sqlite3_stmt *row, const struct instant *now)
{
    int64_t kind = sqlite3_column_int64(row, 0);
    int64_t scope = sqlite3_column_int64(row, 1);
    int64_t model = sqlite3_column_int64(row, 2);
    if (loading->account_count > 0 && kind == loading->kind && scope == loading->scope &&
        model == loading->model) {
        return true;
    }
    end_accounts(loading, now);
    const char *text = model == 0 ? NULL : (const char *)sqlite3_column_text(row, 5);
    struct slice names = slice_of(text, text == NULL ? 0 : (size_t)sqlite3_column_bytes(row, 5));
    loading->kind = kind;
    loading->scope = scope;
    loading->model = model;
    do {
        struct slice name = slice_cut(&names, '\n');
        struct budget_account *account =
            budget_account_at(loading->budget, (enum scope_kind)kind, (uint64_t)scope, name);
        if (account == NULL) {
            return false;
        }
        loading->accounts[loading->account_count++] = account;
    } while (names.len > 0 && loading->account_count < ARRAY_LEN(loading->accounts));
    return true;
}

static bool load_row(struct loading *loading, sqlite3_stmt *row, const struct instant *now)
{
    int64_t kind = sqlite3_column_int64(row, 0);
    int64_t bucket_s = sqlite3_column_int64(row, 3);
    if (kind < 0 || kind >= SCOPE_KINDS) {
        return true;
    }
    bool done = row_accounts(loading, row, now);
    for (size_t i = 0; done && i < loading->account_count; i++) {
        done = seed(loading->budget, loading->accounts[i], bucket_s, age_of(loading, bucket_s, now),
                    sqlite3_column_int64(row, 4), now);
    }
    return done;
}

/* In the order of the table's key, so of its accounts. */
static const char load_sql[] =
    "SELECT kind, scope, model, bucket_s, cost_nd, CASE WHEN model <> 0 THEN"
    " (SELECT name FROM names WHERE id = model) END FROM spend ORDER BY kind, scope, model";

/* Lock held: nobody else needs it yet. */
static bool load_rows(struct loading *loading, sqlite3 *db, const char *path,
                      const struct instant *now, struct error *error)
{
    sqlite3_stmt *row = database_prepare(db, load_sql);
    int status = row == NULL ? SQLITE_ERROR : sqlite3_step(row);
    while (status == SQLITE_ROW && load_row(loading, row, now)) {
        status = sqlite3_step(row);
    }
    end_accounts(loading, now);
    bool done = status == SQLITE_DONE;
    if (status == SQLITE_ROW) {
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    } else if (!done) {
        database_error(db, path, "reading what was spent", error);
    }
    sqlite3_finalize(row);
    return done;
}

static struct budget_account *account_of(struct budget *budget, const struct scope_rule *rule)
{
    return budget_account_find(budget, rule->kind, rule->scope_id, slice_from_cstr(rule->model));
}

/* Lock held. What was spent before is in its rolling caps. */
static void end_fresh(struct budget_account *account)
{
    for (size_t i = 0; account != NULL && account->enforced != NULL && i < SCOPE_CAPS_MAX; i++) {
        account->enforced->caps[i].fresh = false;
    }
}

bool budget_load(struct budget *budget, const char *path, uint64_t generation,
                 const struct scope_rule *rules, size_t rule_count, struct error *error)
{
    struct loading loading = {.budget = budget};
    for (size_t i = 0; i < rule_count; i++) {
        if (!budget_introduce(budget, generation, &rules[i])) {
            return error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
        }
    }
    sqlite3 *db = database_open(path, DATABASE_READ, error);
    bool done = db != NULL && ledger_schema_check(db, path, error);
    if (done && !clock_times_load(&loading.times, db)) {
        done = database_error(db, path, "reading what is known of the clock", error);
    }
    struct instant now = budget_lock(budget);
    find_now(&loading, &now, false);
    begin_doubt(&loading, &now);
    done = done && load_rows(&loading, db, path, &now, error);
    for (size_t i = 0; i < rule_count; i++) {
        end_fresh(account_of(budget, &rules[i]));
    }
    budget_unlock(budget);
    clock_times_release(&loading.times);
    sqlite3_close(db);
    return done;
}

/* --- rolling caps that are new -----------------------------------------------------------------
 */

static bool has_window(const struct budget_account *account, int64_t window_s)
{
    for (size_t i = 0;
         account != NULL && account->enforced != NULL && i < account->enforced->limits.cap_count;
         i++) {
        const struct spend_cap *cap = &account->enforced->limits.caps[i];
        const struct enforced_cap *mine = &account->enforced->caps[i];
        if (cap->period == CAP_ROLLING && cap->window_s == window_s && mine->buckets != NULL) {
            return !mine->fresh;
        }
    }
    return false;
}

/* A rule with a rolling cap that its account does not have. */
struct renewal {
    const struct scope_rule *rule;
    int64_t total_nd; /* that the account had spent then */
};

static bool is_new(struct budget *budget, const struct scope_rule *rule, int64_t *ret_total_nd)
{
    bool wanted = false;
    for (size_t i = 0; i < rule->limits.cap_count && !wanted; i++) {
        wanted = rule->limits.caps[i].period == CAP_ROLLING;
    }
    if (!wanted) {
        return false;
    }
    budget_lock(budget);
    struct budget_account *account = account_of(budget, rule);
    wanted = false;
    for (size_t i = 0; i < rule->limits.cap_count; i++) {
        const struct spend_cap *cap = &rule->limits.caps[i];
        wanted |= cap->period == CAP_ROLLING && !has_window(account, cap->window_s);
    }
    *ret_total_nd = account == NULL ? 0 : account_counter(budget, account, CAP_TOTAL)->spent_nd;
    budget_unlock(budget);
    return wanted;
}

/* Lock held: what the ledger says. */
static bool fill_from(struct loading *loading, sqlite3_stmt *rows, struct budget_account *account,
                      const struct scope_rule *rule, const struct instant *now)
{
    int status;
    sqlite3_bind_int64(rows, 1, rule->kind);
    sqlite3_bind_int64(rows, 2, (int64_t)rule->scope_id);
    bind_slice(rows, 3, slice_from_cstr(rule->model));
    while ((status = sqlite3_step(rows)) == SQLITE_ROW) {
        fill_windows(account->enforced, true, age_of(loading, sqlite3_column_int64(rows, 0), now),
                     sqlite3_column_int64(rows, 1), now);
    }
    return sqlite3_reset(rows) == SQLITE_OK && status == SQLITE_DONE;
}

/* `rows` NULL: the database does not say. What was spent since the flush is counted as if all of it
 * were missing there. */
static bool renew(struct loading *loading, sqlite3_stmt *rows, uint64_t generation,
                  const struct renewal *renewal)
{
    struct budget *budget = loading->budget;
    const struct scope_rule *rule = renewal->rule;
    struct instant now = budget_lock(budget);
    struct budget_account *account =
        budget_account_at(budget, rule->kind, rule->scope_id, slice_from_cstr(rule->model));
    bool done = account != NULL && account_enforce(budget, account, generation, rule);
    if (done) {
        int64_t total_nd = account_counter(budget, account, CAP_TOTAL)->spent_nd;
        bool told = rows != NULL && fill_from(loading, rows, account, rule, &now);
        fill_windows(account->enforced, true, 0, told ? total_nd - renewal->total_nd : total_nd,
                     &now);
        end_fresh(account);
    }
    budget_unlock(budget);
    return done;
}

static bool renew_all(struct budget *budget, const char *path, uint64_t generation,
                      const struct renewal *renewals, size_t count, bool flushed)
{
    struct error error;
    struct loading loading = {.budget = budget};
    sqlite3 *db = flushed ? database_open(path, DATABASE_READ, &error) : NULL;
    sqlite3_stmt *rows =
        db == NULL ? NULL
                   : database_prepare(db, "SELECT bucket_s, cost_nd FROM spend WHERE kind = ?1 AND"
                                          " scope = ?2 AND CASE ?3 WHEN '' THEN model = 0 ELSE"
                                          " model IN (SELECT id FROM names WHERE id IN (SELECT"
                                          " model FROM spend WHERE kind = ?1 AND scope = ?2) AND"
                                          " instr(char(10) || name || char(10), char(10) || ?3 ||"
                                          " char(10))) END");
    bool done = true;
    if (rows != NULL && !clock_times_load(&loading.times, db)) {
        sqlite3_finalize(rows);
        rows = NULL;
    }
    struct instant now = budget_now(budget);
    find_now(&loading, &now, !budget->unseen.doubted);
    for (size_t i = 0; i < count; i++) {
        done &= renew(&loading, rows, generation, &renewals[i]);
    }
    clock_times_release(&loading.times);
    sqlite3_finalize(rows);
    sqlite3_close(db);
    return done;
}

bool budget_renew(struct budget *budget, const char *path, uint64_t generation,
                  const struct scope_rule *rules, size_t rule_count, bool (*flush)(void *user),
                  void *user)
{
    size_t count = 0;
    struct renewal *renewals = memory_array(rule_count + 1, sizeof(*renewals));
    if (renewals == NULL) {
        return false;
    }
    for (size_t i = 0; i < rule_count; i++) {
        renewals[count].rule = &rules[i];
        count += is_new(budget, &rules[i], &renewals[count].total_nd);
    }
    bool done = count == 0 || renew_all(budget, path, generation, renewals, count, flush(user));
    memory_free(renewals);
    return done;
}
