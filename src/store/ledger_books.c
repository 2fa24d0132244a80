/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_books.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/memory.h"
#include "store/database.h"
#include "store/ledger_clock.h"
#include "store/ledger_schema.h"
#include "store/ledger_spend.h"
#include "store/ledger_verify_limits.h"
#include "store/record.h"

#include <stdio.h>

/* --- the books ---------------------------------------------------------------------------------
 */

struct question {
    const char *broken;
    const char *sql; /* one row, of one text, when it is */
};

#define LESS_THAN_CALLS(column, kind)                                                              \
    "SELECT 'scope ' || c." column " FROM (SELECT " column                                         \
    ", sum(cost_nd) AS nd FROM calls WHERE " column " <> 0 GROUP BY " column                       \
    ") c LEFT JOIN (SELECT scope, sum(cost_nd) AS nd FROM spend"                                   \
    " WHERE kind = " kind " AND model = 0 GROUP BY scope) s ON s.scope = c." column                \
    " WHERE c.nd > coalesce(s.nd, 0) LIMIT 1"

/* Dimension 3 are the keys, 4 the providers; both are kept when calls are removed. */
static const struct question questions[] = {
    {"debits are not credits: what keys were charged in an hour is not what providers are owed",
     "SELECT 'hour ' || hour FROM rollups WHERE dimension IN (3, 4) GROUP BY hour"
     " HAVING sum(CASE dimension WHEN 3 THEN cost_nd ELSE -cost_nd END) <> 0 LIMIT 1"},
    {"an attempt was settled twice",
     "SELECT 'call ' || hex(c.id) FROM attempt_rows a CROSS JOIN call_rows c ON c.id = a.call"
     " WHERE a.attempt = 1 AND c.bits & 8 LIMIT 1"},
    {"an attempt was settled, and its hold not released",
     "SELECT 'call ' || hex(h.call) FROM holds h JOIN attempts a ON a.call = h.call"
     " AND a.attempt = h.attempt LIMIT 1"},
    {"what users have spent is less than what their calls cost", LESS_THAN_CALLS("user", "1")},
    {"what teams have spent is less than what their calls cost", LESS_THAN_CALLS("team", "2")},
    {"what organisations have spent is less than what their calls cost",
     LESS_THAN_CALLS("organisation", "3")},
};
_Static_assert(SCOPE_USER == 1 && SCOPE_TEAM == 2 && SCOPE_ORGANISATION == 3,
               "as in the questions");

static bool ask(sqlite3 *db, const char *path, const struct question *question, struct error *error)
{
    sqlite3_stmt *sql = database_prepare(db, question->sql);
    int status = sql == NULL ? SQLITE_ERROR : sqlite3_step(sql);
    bool done = status == SQLITE_DONE;
    if (status == SQLITE_ROW) {
        error_set(error, ERROR_INVALID, "ledger_violation", "%s (%s)", question->broken,
                  (const char *)sqlite3_column_text(sql, 0));
    } else if (!done) {
        database_error(db, path, "verifying", error);
    }
    sqlite3_finalize(sql);
    return done;
}

static bool add_up(sqlite3 *db, const char *path, struct ledger_books *books, struct error *error)
{
    sqlite3_stmt *sql = database_prepare(
        db, "SELECT (SELECT coalesce(sum(cost_nd), 0) FROM rollups WHERE dimension = 3),"
            " (SELECT coalesce(sum(cost_nd), 0) FROM rollups WHERE dimension = 4),"
            " (SELECT coalesce(sum(amount_nd), 0) FROM holds)");
    bool done = sql != NULL && sqlite3_step(sql) == SQLITE_ROW;
    if (done) {
        books->charged_nd = sqlite3_column_int64(sql, 0);
        books->owed_nd = sqlite3_column_int64(sql, 1);
        books->held_nd = sqlite3_column_int64(sql, 2);
    } else {
        database_error(db, path, "verifying", error);
    }
    sqlite3_finalize(sql);
    return done;
}

/* --- caps over time ----------------------------------------------------------------------------
 */

/* A change of limits is seen by all workers within this time. */
#define CHANGE_SEEN_NS (2 * NS_PER_S)
#define VERSIONS_MAX 1000

static const char *const period_words[CAP_PERIODS] = {"total", "day", "week", "month", "rolling"};

/* All times of what is played are the ledger's own (ledger_clock.h). */
struct cap {
    const struct clock_times *times;
    enum scope_kind kind;
    int64_t scope;
    struct slice model; /* empty: every one */
    enum cap_period period;
    int64_t window_ns;
    int64_t amount_nd;
    int64_t since_ns;         /* nothing is known of an earlier time */
    struct version *versions; /* in order; NULL: it was always as it is */
    size_t version_count;
};

/* What the audit log says of a cap from a time on. */
struct version {
    int64_t from_ns;
    int64_t until_ns;  /* so long the former one may have been in force */
    int64_t amount_nd; /* INT64_MAX: there was no hard cap */
};

/* In force then; while a change is spread, the larger one. */
static int64_t amount_at(const struct cap *cap, int64_t now_ns)
{
    int64_t amount_nd = cap->amount_nd;
    for (size_t i = 0; i < cap->version_count; i++) {
        const struct version *version = &cap->versions[i];
        bool spreads = now_ns < version->until_ns;
        if (now_ns < version->from_ns) {
            break;
        }
        amount_nd =
            i > 0 && spreads && amount_nd > version->amount_nd ? amount_nd : version->amount_nd;
    }
    return amount_nd;
}

/* What changes at a time that is yet to come. */
struct change {
    int64_t at_ns;
    int64_t used_nd;  /* added */
    int64_t slack_nd; /* added */
};

/* What an attempt cost, for periods that begin behind it. */
struct spent {
    int64_t at_ns;
    int64_t wall_ns; /* when it was held, by the wall clock */
    int64_t run;
    int64_t cost_nd;
    int64_t slack_nd;
};

/* One cap while it is played: a heap of changes, the next one first. */
struct play {
    const struct cap *cap;
    struct change *changes;
    size_t count;
    size_t room;
    struct spent *spent; /* of calendar caps, in order */
    size_t spent_count;
    size_t spent_room;
    int64_t used_nd;
    int64_t slack_nd;
    bool begun;
    int64_t start_s; /* of the calendar period under way, and of which process it is */
    int64_t run;
    int64_t over_nd;    /* the most that overruns went beyond the cap ... */
    int64_t over_at_ns; /* ... and when, in the ledger's time */
};

static bool is_calendar(const struct play *play)
{
    return play->cap->period != CAP_TOTAL && play->cap->period != CAP_ROLLING;
}

static bool push(struct play *play, struct change change)
{
    if (play->count == play->room) {
        size_t room = play->room == 0 ? 64 : play->room * 2;
        struct change *bigger = memory_array(room, sizeof(*bigger));
        if (bigger == NULL) {
            return false;
        }
        if (play->count > 0) {
            memcpy(bigger, play->changes, play->count * sizeof(*bigger));
        }
        memory_free(play->changes);
        play->changes = bigger;
        play->room = room;
    }
    size_t at = play->count++;
    for (; at > 0 && play->changes[(at - 1) / 2].at_ns > change.at_ns; at = (at - 1) / 2) {
        play->changes[at] = play->changes[(at - 1) / 2];
    }
    play->changes[at] = change;
    return true;
}

static struct change pop(struct play *play)
{
    struct change first = play->changes[0];
    struct change last = play->changes[--play->count];
    size_t at = 0;
    for (size_t child = 1; child < play->count; child = 2 * at + 1) {
        child +=
            child + 1 < play->count && play->changes[child + 1].at_ns < play->changes[child].at_ns;
        if (play->changes[child].at_ns >= last.at_ns) {
            break;
        }
        play->changes[at] = play->changes[child];
        at = child;
    }
    play->changes[at] = last;
    return first;
}

/* More was used than the cap allows, and not because the cap was lowered. */
static void note_excess(struct play *play, int64_t now_ns)
{
    int64_t amount_nd = amount_at(play->cap, now_ns);
    if (now_ns < play->cap->since_ns || play->used_nd <= amount_nd) {
        return;
    }
    int64_t over_nd = play->used_nd - amount_nd;
    over_nd = over_nd < play->slack_nd ? over_nd : play->slack_nd;
    if (over_nd > play->over_nd) {
        play->over_nd = over_nd;
        play->over_at_ns = now_ns;
    }
}

/* What happened up to this time. */
static void advance(struct play *play, int64_t now_ns)
{
    while (play->count > 0 && play->changes[0].at_ns <= now_ns) {
        struct change change = pop(play);
        play->used_nd += change.used_nd;
        play->slack_nd += change.slack_nd;
        note_excess(play, change.at_ns);
    }
}

enum played_kind {
    PLAYED_ATTEMPT,
    PLAYED_INTERRUPTED, /* and when it was held is not known */
    PLAYED_OPENING,     /* calls that were removed */
};

/* An attempt, in the order of their holds. */
struct played {
    struct id call;
    int64_t held_ns;
    int64_t settled_ns;
    int64_t held_nd;
    int64_t cost_nd;
    enum played_kind kind;
    bool checked; /* it must have fitted; an interrupted one was not alone in its moment */
    /* Of when it was held. */
    int64_t wall_ns;
    const struct clock_span *span; /* NULL: nobody watched the clock */
    int64_t start_s;               /* of the calendar period; -1: not known */
    bool sure;                     /* it was then, and at no other time of the same name */
};

/* Where this process began, by the wall clock. */
static int64_t run_begin(const struct cap *cap, const struct clock_span *span)
{
    while (span != NULL && span > cap->times->spans && span[-1].run == span->run) {
        span--;
    }
    return span == NULL ? INT64_MAX : span->begin_ns;
}

#define PERIOD_DAYS_MAX 33 /* with the hours by which zones differ */

/* Another period begins, or another process. That one begins with what the ledger says was spent
 * in the period before it, and a later period with what was spent there before this process: its
 * clock had been there. */
static void enter(struct play *play, const struct played *attempt)
{
    int64_t run = attempt->span == NULL ? 0 : attempt->span->run;
    bool restarted = run != play->run;
    if (play->begun && attempt->start_s == play->start_s && !restarted) {
        return;
    }
    int64_t from_ns = attempt->start_s * NS_PER_S;
    int64_t begin_ns = restarted ? from_ns : run_begin(play->cap, attempt->span);
    int64_t oldest_ns = attempt->held_ns - PERIOD_DAYS_MAX * 86400 * NS_PER_S;
    play->begun = true;
    play->start_s = attempt->start_s;
    play->run = run;
    play->count = 0;
    play->used_nd = 0;
    play->slack_nd = 0;
    for (size_t i = play->spent_count; i > 0 && play->spent[i - 1].at_ns > oldest_ns; i--) {
        const struct spent *spent = &play->spent[i - 1];
        if (spent->run != run && spent->wall_ns >= from_ns && spent->wall_ns >= begin_ns) {
            play->used_nd += spent->cost_nd;
            play->slack_nd += spent->slack_nd;
        }
    }
}

static bool remember(struct play *play, const struct played *attempt)
{
    if (play->spent_count == play->spent_room) {
        size_t room = play->spent_room == 0 ? 64 : play->spent_room * 2;
        struct spent *bigger = memory_resize(play->spent, room * sizeof(*bigger));
        if (bigger == NULL) {
            return false;
        }
        play->spent = bigger;
        play->spent_room = room;
    }
    int64_t more_nd = attempt->cost_nd - attempt->held_nd;
    play->spent[play->spent_count++] = (struct spent){
        .at_ns = attempt->held_ns,
        .wall_ns = attempt->wall_ns,
        .run = attempt->span == NULL ? 0 : attempt->span->run,
        .cost_nd = attempt->cost_nd,
        .slack_nd = more_nd > 0 ? more_nd : 0,
    };
    return true;
}

static bool hold(struct play *play, const struct played *attempt)
{
    const struct cap *cap = play->cap;
    int64_t more_nd = attempt->cost_nd > attempt->held_nd ? attempt->cost_nd - attempt->held_nd : 0;
    play->used_nd += attempt->held_nd;
    struct change settle = {.at_ns = attempt->settled_ns,
                            .used_nd = attempt->cost_nd - attempt->held_nd,
                            .slack_nd = more_nd};
    if (!push(play, settle)) {
        return false;
    }
    if (cap->period != CAP_ROLLING) {
        return true;
    }
    int64_t out_ns = attempt->held_ns + cap->window_ns;
    struct change leave = {.at_ns = out_ns > attempt->settled_ns ? out_ns : attempt->settled_ns,
                           .used_nd = -attempt->cost_nd,
                           .slack_nd = -more_nd};
    return push(play, leave);
}

/* It was at one of several times, nobody knows which: all that is known is what it cost. */
static void count_unsure(struct play *play, const struct played *attempt)
{
    int64_t more_nd = attempt->cost_nd - attempt->held_nd;
    if (play->cap->period == CAP_TOTAL) {
        play->used_nd += attempt->cost_nd;
        play->slack_nd += more_nd > 0 ? more_nd : 0;
    }
}

static bool violation(const struct play *play, const struct played *attempt, struct error *error)
{
    static const char *const kinds[SCOPE_KINDS] = {"key", "user", "team", "organisation"};
    char id[ID_TEXT_LEN + 1];
    char time[CLOCK_TEXT_SIZE];
    return error_set(error, ERROR_INVALID, "ledger_violation",
                     "a cap was exceeded: %s %lld, per %s, had %lld nano-dollars spent and held"
                     " of %lld at %s (call %s)",
                     kinds[play->cap->kind], (long long)play->cap->scope,
                     period_words[play->cap->period], (long long)play->used_nd,
                     (long long)(amount_at(play->cap, attempt->held_ns) + play->slack_nd),
                     clock_format(attempt->wall_ns, time), id_format(attempt->call, id));
}

/* Of what the clock was watched for, as the spans say; else that of the process's zone. */
static int64_t period_start(const struct cap *cap, const struct clock_span *span, int64_t wall_ns)
{
    int64_t start_s;
    int64_t end_s;
    if (cap->period == CAP_TOTAL || cap->period == CAP_ROLLING) {
        return 0;
    }
    if (span != NULL) {
        return span->starts_s[cap->period];
    }
    if (cap->times->count > 0 && wall_ns >= cap->times->spans[0].begin_ns) {
        return CLOCK_START_UNKNOWN;
    }
    budget_period(cap->period, wall_ns / NS_PER_S, &start_s, &end_s);
    return start_s;
}

static bool read_attempt(sqlite3_stmt *row, const struct cap *cap, struct played *attempt)
{
    const void *bytes = sqlite3_column_blob(row, 0);
    if (bytes == NULL || sqlite3_column_bytes(row, 0) != (int)sizeof(attempt->call)) {
        return false;
    }
    memcpy(attempt->call.bytes, bytes, sizeof(attempt->call));
    bool told = sqlite3_column_type(row, 1) != SQLITE_NULL;
    int64_t settled_ns = sqlite3_column_int64(row, 2);
    attempt->held_nd = sqlite3_column_int64(row, 3);
    attempt->cost_nd = sqlite3_column_int64(row, 4);
    attempt->kind = (enum played_kind)sqlite3_column_int64(row, 5);
    attempt->checked = sqlite3_column_int64(row, 8) != 0;
    attempt->held_ns = sqlite3_column_int64(row, 9);
    struct clock_moment settled = clock_times_at(cap->times, settled_ns);
    attempt->sure = settled.once;
    attempt->span = clock_times_span(cap->times, attempt->held_ns);
    attempt->wall_ns = attempt->held_ns - (attempt->span == NULL ? 0 : attempt->span->shift_ns);
    if (told) {
        struct clock_moment held = clock_times_at(cap->times, sqlite3_column_int64(row, 1));
        attempt->sure = held.once;
        attempt->span = held.span;
        attempt->wall_ns = sqlite3_column_int64(row, 1);
    }
    attempt->settled_ns =
        settled.once && settled.time_ns > attempt->held_ns ? settled.time_ns : attempt->held_ns;
    attempt->start_s = period_start(cap, attempt->span, attempt->wall_ns);
    attempt->sure &= attempt->start_s != CLOCK_START_UNKNOWN;
    return true;
}

/* When an attempt was interrupted that was written before version 16, nobody knows when it was
 * held, only that it counts from then on: it is played when it was found, and only where that is in
 * the period in which its call began. What was put together, as when calls were removed, is played
 * where all of it is in one period. */
static bool counts(const struct play *play, const struct played *attempt, int64_t from_ns,
                   int64_t until_ns)
{
    const struct cap *cap = play->cap;
    if (attempt->kind == PLAYED_ATTEMPT || cap->period == CAP_TOTAL) {
        return true;
    }
    if (cap->period == CAP_ROLLING) {
        return attempt->kind == PLAYED_OPENING;
    }
    struct clock_moment until = clock_times_at(cap->times, until_ns);
    int64_t start_s = period_start(cap, until.span, until_ns);
    return start_s != CLOCK_START_UNKNOWN && from_ns / NS_PER_S >= start_s;
}

/* False: out of memory, or it did not fit. */
static bool play_one(struct play *play, const struct played *attempt, struct ledger_books *books,
                     struct error *error)
{
    const struct cap *cap = play->cap;
    advance(play, attempt->held_ns);
    if (is_calendar(play) && attempt->sure) {
        enter(play, attempt);
    }
    if ((is_calendar(play) && !remember(play, attempt)) ||
        (attempt->sure && !hold(play, attempt))) {
        return error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    }
    books->holds += attempt->kind != PLAYED_OPENING;
    books->overruns += attempt->cost_nd > attempt->held_nd;
    if (!attempt->sure) {
        count_unsure(play, attempt);
        return true;
    }
    int64_t amount_nd = amount_at(cap, attempt->held_ns);
    return attempt->held_ns < cap->since_ns || !attempt->checked || amount_nd == INT64_MAX ||
           play->used_nd <= amount_nd + play->slack_nd || violation(play, attempt, error);
}

static void add_excess(const struct play *play, struct ledger_books *books)
{
    const struct cap *cap = play->cap;
    if (play->over_nd <= 0) {
        return;
    }
    if (books->exceeded < BOOKS_EXCESSES_MAX) {
        struct ledger_excess *excess = &books->excesses[books->exceeded];
        *excess = (struct ledger_excess){.kind = cap->kind,
                                         .scope = cap->scope,
                                         .per = period_words[cap->period],
                                         .amount_nd = amount_at(cap, play->over_at_ns),
                                         .over_nd = play->over_nd,
                                         .at_ns = play->over_at_ns};
        size_t len =
            cap->model.len < sizeof(excess->model) - 1 ? cap->model.len : sizeof(excess->model) - 1;
        memcpy(excess->model, cap->model.len == 0 ? "" : cap->model.ptr, len);
    }
    books->exceeded++;
}

static bool play_rows(struct play *play, sqlite3_stmt *rows, struct ledger_books *books,
                      struct error *error)
{
    int status;
    struct played attempt;
    while ((status = sqlite3_step(rows)) == SQLITE_ROW) {
        if (read_attempt(rows, play->cap, &attempt) &&
            counts(play, &attempt, sqlite3_column_int64(rows, 6), sqlite3_column_int64(rows, 7)) &&
            !play_one(play, &attempt, books, error)) {
            return false;
        }
    }
    return status == SQLITE_DONE;
}

/* play_time(settled_ns, total_us, held_ns): when an attempt was held, in the ledger's time. What it
 * took was measured by the monotonic clock. */
static void play_time(sqlite3_context *context, int count, sqlite3_value **values)
{
    const struct clock_times *times = sqlite3_user_data(context);
    (void)count;
    if (sqlite3_value_type(values[2]) != SQLITE_NULL) {
        sqlite3_result_int64(context,
                             clock_times_at(times, sqlite3_value_int64(values[2])).time_ns);
        return;
    }
    int64_t settled_ns = clock_times_at(times, sqlite3_value_int64(values[0])).time_ns;
    int64_t total_us = sqlite3_value_int64(values[1]);
    int64_t total_ns = total_us < 0 || total_us > INT64_MAX / NS_PER_US ? 0 : total_us * NS_PER_US;
    int64_t held_ns = settled_ns - total_ns;
    sqlite3_result_int64(context, held_ns < 0 ? 0 : held_ns);
}

/* The calls that some scope with a cap paid for, by who did: else each cap would read all calls. */
static const char paid_sql[] =
    "CREATE TEMP TABLE paid(shape, id, PRIMARY KEY(shape, id)) WITHOUT ROWID;"
    "INSERT INTO paid SELECT c.shape, c.id FROM call_rows c JOIN shapes s ON s.id = c.shape"
    " WHERE s.key IN (SELECT scope FROM caps WHERE kind = 0 AND soft = 0)"
    " OR s.user IN (SELECT scope FROM caps WHERE kind = 1 AND soft = 0)"
    " OR s.team IN (SELECT scope FROM caps WHERE kind = 2 AND soft = 0)"
    " OR s.organisation IN (SELECT scope FROM caps WHERE kind = 3 AND soft = 0)"
    " ORDER BY c.shape, c.id";

/* The attempts of calls that the scope paid for, and what there was before: the opening balances of
 * calls that were removed, at their beginning, but for those of before version 16, whose calls may
 * still be there. For a limit of a model those count that were made while it had one. */
/* Attempts count for several names at once: schema 20. */
#define NAMED                                                                                      \
    "(SELECT id FROM names WHERE instr(char(10) || name || char(10), char(10) || ?2 || char(10)))"
#define PLAYED(column, number)                                                                     \
    "SELECT call, told_ns, settled_ns, held_nd, cost_nd, kind, from_ns, until_ns, checked,"        \
    " play_time(settled_ns, total_us, told_ns) AS at_ns FROM (SELECT a.call, CASE WHEN a.outcome " \
    "= 4 THEN a.held_ns END AS told_ns, a.settled_ns, a.total_us, a.held_nd, a.cost_nd, CASE"      \
    " WHEN a.outcome = 4 AND a.held_ns IS NULL THEN 1 ELSE 0 END AS kind, c.started_ns AS"         \
    " from_ns, a.settled_ns AS until_ns, a.outcome <> 4 AS checked FROM shapes s CROSS JOIN"       \
    " paid p ON p.shape = s.id CROSS JOIN calls c ON c.id = p.id CROSS JOIN attempts a"            \
    " ON a.call = c.id WHERE s." column                                                            \
    " = ?1 AND (?2 = '' OR CASE WHEN c.counted < 0 THEN c.asked_model"                             \
    " WHEN a.counted = 0 THEN c.counted ELSE a.counted END IN " NAMED ")"                          \
    " UNION ALL SELECT zeroblob(16), NULL, start_s * 1000000000, 0, cost_nd, cost_nd, 2,"          \
    " start_s * 1000000000, bucket_s * 1000000000, 0 FROM openings WHERE kind = " number           \
    " AND scope = ?1 AND start_s >= (SELECT booked_s FROM state) AND"                              \
    " CASE ?2 WHEN '' THEN model = 0 ELSE model IN " NAMED " END) ORDER BY at_ns"
_Static_assert(ATTEMPT_INTERRUPTED == 4, "as in the question");

static bool play_cap(sqlite3 *db, const char *path, const struct cap *cap,
                     struct ledger_books *books, struct error *error)
{
    static const char *const sql[SCOPE_KINDS] = {
        [SCOPE_KEY] = PLAYED("key", "0"),
        [SCOPE_USER] = PLAYED("user", "1"),
        [SCOPE_TEAM] = PLAYED("team", "2"),
        [SCOPE_ORGANISATION] = PLAYED("organisation", "3"),
    };
    struct play play = {.cap = cap};
    *error = (struct error){0};
    sqlite3_stmt *rows = database_prepare(db, sql[cap->kind]);
    bool done = rows != NULL;
    if (done) {
        sqlite3_bind_int64(rows, 1, cap->scope);
        bind_slice(rows, 2, cap->model);
        done = play_rows(&play, rows, books, error);
        advance(&play, INT64_MAX); /* what happened after the last hold */
        add_excess(&play, books);
    }
    if (!done && error->code == NULL) {
        database_error(db, path, "verifying", error);
    }
    sqlite3_finalize(rows);
    memory_free(play.changes);
    memory_free(play.spent);
    books->caps++;
    return done;
}

/*
 * What the audit log says of one cap, in order: ?1 is its scope ("key:7 "), ?2 the model or empty,
 * ?3 the period's name, ?4 the seconds of a rolling one. No amount: there is no hard cap.
 */
static const char versions_sql[] =
    "SELECT p.at_ns, CASE WHEN NOT c.soft THEN c.amount_nd END FROM pieces p LEFT JOIN priced c"
    " ON c.id = p.id AND c.prefix = p.prefix AND c.model = p.model AND c.per = ?3"
    " AND c.window_s = ?4 WHERE p.prefix = ?1 AND p.model = ?2 AND (c.id IS NOT NULL OR p.clear)"
    " ORDER BY p.id";

/* 0: there are none, or too many. */
static size_t read_versions(sqlite3_stmt *rows, const struct clock_times *times,
                            struct version *versions)
{
    size_t count = 0;
    int status;
    while ((status = sqlite3_step(rows)) == SQLITE_ROW && count < VERSIONS_MAX) {
        bool none = sqlite3_column_type(rows, 1) == SQLITE_NULL;
        struct clock_moment made = clock_times_at(times, sqlite3_column_int64(rows, 0));
        versions[count++] = (struct version){
            .from_ns = made.first_ns,
            .until_ns = made.time_ns + CHANGE_SEEN_NS,
            .amount_nd = none ? INT64_MAX : sqlite3_column_int64(rows, 1),
        };
    }
    return status == SQLITE_DONE ? count : 0;
}

/*
 * How the cap came to be what it is, where the audit log tells all of it: it ends with the amount
 * that is in force. Else the cap is played from the scope's last change on. Rolling caps, too: what
 * was spent before one was set comes into it with the next start only.
 */
static bool find_versions(sqlite3 *db, const char *subject, struct cap *cap, uint64_t *untold)
{
    sqlite3_stmt *rows = database_prepare(db, versions_sql);
    cap->versions = memory_array(VERSIONS_MAX, sizeof(*cap->versions));
    bool done = rows != NULL && cap->versions != NULL;
    if (done) {
        bind_slice(rows, 1, slice_from_cstr(subject));
        bind_slice(rows, 2, cap->model);
        bind_slice(rows, 3, slice_from_cstr(period_words[cap->period]));
        sqlite3_bind_int64(rows, 4, cap->window_ns / NS_PER_S);
        size_t count = read_versions(rows, cap->times, cap->versions);
        bool told = count > 0 && cap->versions[count - 1].amount_nd == cap->amount_nd;
        if (told && cap->period != CAP_ROLLING) {
            cap->version_count = count;
            cap->since_ns = cap->versions[0].from_ns;
        }
        *untold += !told;
    }
    sqlite3_finalize(rows);
    return done;
}

/* Hard caps, and when the limits of their scopes were last changed. */
static const char caps_sql[] =
    "SELECT kind, scope, model, period, window_s, amount_nd, coalesce((SELECT max(at_ns) FROM"
    " acts a WHERE a.action = 'limit.change' AND a.prefix = c.prefix), 0), c.prefix"
    " FROM (SELECT *, CASE kind WHEN 0 THEN 'key:' WHEN 1 THEN 'user:' WHEN 2 THEN 'team:'"
    " ELSE 'organisation:' END || scope || ' ' AS prefix FROM caps) c"
    " WHERE soft = 0";

static bool play_caps(sqlite3 *db, const char *path, const struct clock_times *times,
                      struct ledger_books *books, struct error *error)
{
    if (!database_exec(db, paid_sql)) {
        return database_error(db, path, "verifying", error);
    }
    sqlite3_stmt *rows = database_prepare(db, caps_sql);
    int status = rows == NULL ? SQLITE_ERROR : SQLITE_ROW;
    bool done = true;
    while (done && status == SQLITE_ROW && (status = sqlite3_step(rows)) == SQLITE_ROW) {
        const char *model = (const char *)sqlite3_column_text(rows, 2);
        int64_t kind = sqlite3_column_int64(rows, 0);
        int64_t period = sqlite3_column_int64(rows, 3);
        if (kind < 0 || kind >= SCOPE_KINDS || period < 0 || period >= CAP_PERIODS) {
            continue;
        }
        int64_t changed_ns = sqlite3_column_int64(rows, 6);
        struct cap cap = {
            .times = times,
            .kind = (enum scope_kind)kind,
            .scope = sqlite3_column_int64(rows, 1),
            .model = slice_from_cstr(model == NULL ? "" : model),
            .period = (enum cap_period)period,
            .window_ns = sqlite3_column_int64(rows, 4) * NS_PER_S,
            .amount_nd = sqlite3_column_int64(rows, 5),
            .since_ns =
                changed_ns == 0 ? 0 : clock_times_at(times, changed_ns).time_ns + CHANGE_SEEN_NS,
        };
        const char *subject = (const char *)sqlite3_column_text(rows, 7);
        done = find_versions(db, subject, &cap, &books->untold) ||
               database_error(db, path, "verifying", error);
        done = done && play_cap(db, path, &cap, books, error);
        memory_free(cap.versions);
    }
    if (done && status != SQLITE_DONE) {
        done = database_error(db, path, "verifying", error);
    }
    sqlite3_finalize(rows);
    return done;
}

bool ledger_books_check(const char *path, struct ledger_books *ret_books, struct error *error)
{
    struct clock_times times = {0};
    *ret_books = (struct ledger_books){0};
    sqlite3 *db = database_open(path, DATABASE_READ, error);
    bool done = db != NULL && ledger_schema_check(db, path, error);
    /* all questions about one moment */
    if (done && (!database_exec(db, "BEGIN") || !verify_limits_register(db) ||
                 !clock_times_load(&times, db) ||
                 sqlite3_create_function_v2(db, "play_time", 3, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                            &times, play_time, NULL, NULL, NULL) != SQLITE_OK)) {
        done = database_error(db, path, "verifying", error);
    }
    done = done && ledger_verify_limits(db, path, error);
    for (size_t i = 0; done && i < ARRAY_LEN(questions); i++) {
        done = ask(db, path, &questions[i], error);
    }
    done =
        done && add_up(db, path, ret_books, error) && play_caps(db, path, &times, ret_books, error);
    if (db != NULL) {
        database_rollback(db);
        sqlite3_close(db);
    }
    clock_times_release(&times);
    return done;
}
