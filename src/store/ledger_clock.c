/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_clock.h"

#include "base/memory.h"

#include <string.h>

#define NS_PER_HOUR (3600 * NS_PER_S)
/* What is no jump: in between two readings the thread may have been stopped, and a clock that is
 * being put right runs a little faster or slower. */
#define BACK_MAX_NS (5 * NS_PER_MS)
#define AHEAD_MAX_NS NS_PER_S
/* Between two readings that belong together. */
#define READING_NS (500 * NS_PER_US)
#define READINGS 8
#define ENDED_MAX 4096 /* with a database that is away for years; then the oldest are lost */
/* Records that were appended since the last look, or by a process that was killed since. */
#define LATER_NS NS_PER_HOUR

int64_t clock_doubt_ns(int64_t gap_ns)
{
    int64_t part = (gap_ns < 0 ? -(gap_ns + 1) : gap_ns) / 24;
    return part < NS_PER_HOUR ? NS_PER_HOUR : part > 8 * NS_PER_HOUR ? 8 * NS_PER_HOUR : part;
}

/* Both clocks at one moment, as nearly as the machine allows. */
static struct instant read_clocks(const struct clock *clock)
{
    struct instant now = {0};
    for (int i = 0; i < READINGS; i++) {
        int64_t before = clock_monotonic(clock);
        now.wall_ns = clock_wall(clock);
        now.monotonic_ns = clock_monotonic(clock);
        if (now.monotonic_ns - before < READING_NS) {
            break;
        }
    }
    return now;
}

/* --- loading ---------------------------------------------------------------------------------- */

static void read_span(sqlite3_stmt *row, struct clock_span *ret_span)
{
    *ret_span = (struct clock_span){
        .seq = sqlite3_column_int64(row, 0),
        .run = sqlite3_column_int64(row, 1),
        .begin_ns = sqlite3_column_int64(row, 2),
        .end_ns = sqlite3_column_int64(row, 3),
        .shift_ns = sqlite3_column_int64(row, 4),
    };
    for (int i = CAP_DAY; i < CAP_ROLLING; i++) {
        ret_span->starts_s[i] = sqlite3_column_int64(row, 5 + i - CAP_DAY);
    }
}
_Static_assert(CAP_WEEK == CAP_DAY + 1 && CAP_MONTH == CAP_WEEK + 1 && CAP_ROLLING == CAP_MONTH + 1,
               "the order of the columns");

bool ledger_clock_load(struct ledger_clock *clock, sqlite3 *db, const struct clock *source,
                       int64_t doubt_ns)
{
    sqlite3_stmt *row =
        database_prepare(db, "SELECT " CLOCK_COLUMNS " FROM clock_spans ORDER BY seq DESC LIMIT 1");
    sqlite3_stmt *state = database_prepare(db, "SELECT believed_ns FROM state");
    memory_free(clock->ended);
    *clock = (struct ledger_clock){.clock = source, .doubt_ns = doubt_ns, .last_end_ns = INT64_MIN};
    bool done = row != NULL && state != NULL;
    if (done && sqlite3_step(row) == SQLITE_ROW) {
        read_span(row, &clock->span);
    }
    if (done && sqlite3_step(state) == SQLITE_ROW) {
        clock->believed_ns = sqlite3_column_int64(state, 0);
    }
    done = sqlite3_finalize(row) == SQLITE_OK && done;
    return sqlite3_finalize(state) == SQLITE_OK && done;
}

void ledger_clock_release(struct ledger_clock *clock)
{
    memory_free(clock->ended);
    clock->ended = NULL;
    clock->ended_count = 0;
    clock->ended_cap = 0;
}

/* --- watching --------------------------------------------------------------------------------- */

void ledger_clock_was(struct ledger_clock *clock, int64_t wall_ns)
{
    struct clock_span *span = &clock->span;
    if (span->seq != 0 && wall_ns > span->end_ns && wall_ns - span->end_ns < LATER_NS) {
        span->end_ns = wall_ns;
        clock->changed = true;
    }
}

/* Without memory the oldest is lost: what was then seems not to have been watched. */
static void end_span(struct ledger_clock *clock)
{
    if (clock->ended_count == clock->ended_cap && clock->ended_cap < ENDED_MAX) {
        size_t cap = clock->ended_cap == 0 ? 8 : clock->ended_cap * 2;
        struct clock_span *bigger = memory_resize(clock->ended, cap * sizeof(*bigger));
        if (bigger != NULL) {
            clock->ended = bigger;
            clock->ended_cap = cap;
        }
    }
    if (clock->ended_cap == 0) {
        return;
    }
    if (clock->ended_count == clock->ended_cap) {
        clock->ended_count--;
        memmove(clock->ended, clock->ended + 1, clock->ended_count * sizeof(*clock->ended));
    }
    clock->ended[clock->ended_count++] = clock->span;
}

static void next_span(struct ledger_clock *clock, int64_t begin_ns, int64_t wall_ns)
{
    clock->span.seq++;
    clock->span.begin_ns = begin_ns;
    clock->span.end_ns = wall_ns > begin_ns ? wall_ns : begin_ns;
    for (unsigned i = CAP_DAY; i < CAP_ROLLING; i++) {
        clock->span.starts_s[i] = clock->periods[i].start_s;
    }
    clock->changed = true;
}

void ledger_clock_begin(struct ledger_clock *clock)
{
    struct clock_span *span = &clock->span;
    struct instant now = read_clocks(clock->clock);
    (void)periods_tick(clock->periods, &now);
    clock->seen = now;
    clock->even = now;
    clock->first = now;
    clock->believed_at = now.monotonic_ns;
    clock->begun = true;
    if (span->seq != 0) {
        clock->last_end_ns = span->end_ns;
        if (clock->changed) {
            end_span(clock);
        }
        span->shift_ns += span->end_ns - now.wall_ns;
    }
    span->run++;
    next_span(clock, now.wall_ns, now.wall_ns);
}

static int64_t even_for(const struct ledger_clock *clock)
{
    return clock->seen.monotonic_ns - clock->even.monotonic_ns;
}

/* What was known to have passed goes on; the rest is believed once the clock has been even. */
static void believe(struct ledger_clock *clock)
{
    const struct instant *now = &clock->seen;
    int64_t gap_ns = now->wall_ns - clock->believed_ns - (now->monotonic_ns - clock->believed_at);
    bool none = clock->believed_ns == 0; /* a ledger that is new */
    int64_t doubt_ns = clock->doubt_ns > 0 ? clock->doubt_ns : clock_doubt_ns(none ? 0 : gap_ns);
    bool small = gap_ns < AHEAD_MAX_NS && gap_ns > -AHEAD_MAX_NS;
    if (small || even_for(clock) >= doubt_ns) {
        clock->believed_ns = now->wall_ns;
        clock->believed_at = now->monotonic_ns;
    }
}

/* What passed before this process counts. */
static void trust(struct ledger_clock *clock)
{
    const struct instant *now = &clock->seen;
    int64_t began_ns = now->wall_ns - (now->monotonic_ns - clock->first.monotonic_ns);
    int64_t rest_ns = clock->last_end_ns == INT64_MIN || began_ns < clock->last_end_ns
                          ? 0
                          : began_ns - clock->last_end_ns;
    if (clock->trusted || (rest_ns >= AHEAD_MAX_NS && even_for(clock) < CLOCK_EVEN_NS)) {
        return;
    }
    clock->trusted = true;
    clock->changed |= rest_ns > 0;
    clock->late_ns += rest_ns;
    clock->span.shift_ns += rest_ns;
    for (size_t i = 0; i < clock->ended_count; i++) {
        clock->ended[i].shift_ns += clock->ended[i].run == clock->span.run ? rest_ns : 0;
    }
}

/* When the present periods began, where the clock came to that since it was last looked at. */
static int64_t boundary(const struct ledger_clock *clock, const struct instant *now)
{
    int64_t latest_ns = INT64_MIN;
    for (unsigned i = CAP_DAY; i < CAP_ROLLING; i++) {
        int64_t start_ns = clock->periods[i].start_s * NS_PER_S;
        bool passed = start_ns > clock->seen.wall_ns && start_ns <= now->wall_ns;
        latest_ns = passed && start_ns > latest_ns ? start_ns : latest_ns;
    }
    return latest_ns == INT64_MIN ? now->wall_ns : latest_ns;
}

void ledger_clock_look(struct ledger_clock *clock)
{
    struct clock_span *span = &clock->span;
    struct instant now = read_clocks(clock->clock);
    int64_t passed_ns = now.monotonic_ns - clock->seen.monotonic_ns;
    int64_t expected_ns = clock->seen.wall_ns + passed_ns;
    int64_t step_ns = now.wall_ns - expected_ns;
    bool jumped = step_ns < -BACK_MAX_NS || step_ns > AHEAD_MAX_NS;
    bool over = periods_tick(clock->periods, &now);
    if (jumped) { /* it may have been at any time since the last look */
        span->end_ns = expected_ns > span->end_ns ? expected_ns : span->end_ns;
        end_span(clock);
        span->shift_ns -= step_ns;
        next_span(clock, now.wall_ns - passed_ns, now.wall_ns);
        clock->even = now;
    } else if (over) {
        int64_t begin_ns = boundary(clock, &now);
        span->end_ns = begin_ns - 1;
        end_span(clock);
        next_span(clock, begin_ns, now.wall_ns);
    } else if (now.wall_ns > span->end_ns) {
        span->end_ns = now.wall_ns;
        clock->changed = true;
    }
    clock->seen = now;
    believe(clock);
    trust(clock);
}

int64_t ledger_clock_known(const struct ledger_clock *clock)
{
    int64_t known_ns = clock->believed_ns + (clock->seen.monotonic_ns - clock->believed_at);
    return known_ns < clock->seen.wall_ns ? known_ns : clock->seen.wall_ns;
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool write_span(sqlite3_stmt *sql, const struct clock_span *span)
{
    const int64_t numbers[CLOCK_NUMBERS] = {
        span->seq,
        span->run,
        span->begin_ns,
        span->end_ns,
        span->shift_ns,
        span->starts_s[CAP_DAY],
        span->starts_s[CAP_WEEK],
        span->starts_s[CAP_MONTH],
    };
    for (int i = 0; i < CLOCK_NUMBERS; i++) {
        sqlite3_bind_int64(sql, i + 1, numbers[i]);
    }
    return database_run(sql);
}

static bool run_with(sqlite3 *db, const char *text, int64_t first, int64_t second)
{
    sqlite3_stmt *sql = database_prepare(db, text);
    bool done = sql != NULL && sqlite3_bind_int64(sql, 1, first) == SQLITE_OK &&
                sqlite3_bind_int64(sql, 2, second) == SQLITE_OK && database_run(sql);
    sqlite3_finalize(sql);
    return done;
}

/* Each number at its own place: what is there already is written again as it is now. */
bool ledger_clock_write(struct ledger_clock *clock, sqlite3 *db)
{
    static const char add[] = "INSERT OR REPLACE INTO clock_spans(" CLOCK_COLUMNS ", seal)"
                              " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
                              " seal(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8))";
    if (clock->span.seq == 0 || (!clock->changed && clock->ended_count == 0)) {
        return true;
    }
    sqlite3_stmt *sql = database_prepare(db, add);
    bool done = sql != NULL &&
                (clock->late_ns == 0 ||
                 (run_with(db, "UPDATE clock_spans SET shift_ns = shift_ns + ?1 WHERE run = ?2",
                           clock->late_ns, clock->span.run) &&
                  run_with(db,
                           "UPDATE clock_spans SET seal = seal(" CLOCK_COLUMNS
                           ") WHERE run = ?1 AND ?2 IS NOT NULL",
                           clock->span.run, 0)));
    for (size_t i = 0; done && i < clock->ended_count; i++) {
        done = write_span(sql, &clock->ended[i]);
    }
    done = done && write_span(sql, &clock->span);
    sqlite3_finalize(sql);
    return done && run_with(db, "UPDATE state SET believed_ns = ?1 WHERE ?2 IS NOT NULL",
                            ledger_clock_known(clock), 0);
}

void ledger_clock_written(struct ledger_clock *clock)
{
    clock->changed = false;
    clock->ended_count = 0;
    clock->late_ns = 0;
    clock->stored |= clock->begun;
}
