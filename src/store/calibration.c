/* SPDX-License-Identifier: Apache-2.0 */
#include "store/calibration.h"

#include "base/memory.h"
#include "store/ledger_tally.h"
#include "store/report_query.h"

#include <math.h>

#define SECONDS_PER_DAY 86400
#define TIMES_DAYS 2 /* yesterday's and today's: who is slow changes within hours */

static const char sql_report[] =
    "SELECT (SELECT name FROM names WHERE id = c.target) AS word, kind, numbers FROM calibration c"
    " WHERE day >= ?1 AND kind < 64 ORDER BY word, kind";
static const char sql_learned[] =
    "SELECT (SELECT name FROM names WHERE id = c.target), kind, numbers, day FROM calibration c"
    " WHERE day >= ?1 ORDER BY day";

static struct slice column_text(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text == NULL ? SLICE_EMPTY : slice_of(text, (size_t)sqlite3_column_bytes(row, column));
}

static bool column_numbers(sqlite3_stmt *row, int column, int64_t numbers[TALLIES])
{
    const char *bytes = sqlite3_column_blob(row, column);
    size_t len = bytes == NULL ? 0 : (size_t)sqlite3_column_bytes(row, column);
    return tally_decode(slice_of(bytes, len), numbers);
}

/* --- what the sums say --- */

static int64_t permille(double value)
{
    return fabs(value) > 1e12 ? CALIBRATION_UNKNOWN : (int64_t)llround(value * 1000);
}

static int64_t bias(int64_t expected, int64_t actual)
{
    return actual <= 0 ? CALIBRATION_UNKNOWN : permille((double)expected / (double)actual - 1);
}

/* What a bucket of actual / expected means, as an error. */
static double bucket_error(size_t bucket)
{
    return fabs(exp2(((double)bucket - TALLY_RATIOS / 2) / 8) - 1);
}

/* The buckets of both sides by their error, merged until half is seen. */
static int64_t median_error(const int64_t *ratios)
{
    const size_t middle = TALLY_RATIOS / 2;
    size_t below = middle;
    size_t above = middle + 1;
    int64_t all = 0;
    for (size_t i = 0; i < TALLY_RATIOS; i++) {
        all += ratios[i];
    }
    int64_t seen = 0;
    double error = 0;
    if (all == 0) {
        return CALIBRATION_UNKNOWN;
    }
    while (seen * 2 < all) {
        bool low = above >= TALLY_RATIOS ||
                   (below != SIZE_MAX && bucket_error(below) <= bucket_error(above));
        size_t bucket = low ? below-- : above++;
        seen += ratios[bucket];
        error = bucket_error(bucket);
    }
    return permille(error);
}

static void fill_row(const int64_t *numbers, struct calibration_row *row)
{
    row->attempts = numbers[TALLY_ATTEMPTS];
    row->within = numbers[TALLY_WITHIN];
    row->output_error = median_error(&numbers[TALLY_OUTPUT_RATIOS]);
    row->output_bias = bias(numbers[TALLY_OUTPUT_EXPECTED], numbers[TALLY_OUTPUT]);
    row->input_bias = bias(numbers[TALLY_INPUT_EXPECTED], numbers[TALLY_INPUT]);
    row->cost_error = median_error(&numbers[TALLY_COST_RATIOS]);
    row->cost_bias = bias(numbers[TALLY_COST_EXPECTED], numbers[TALLY_COST]);
    row->latencies = numbers[TALLY_LATENCIES];
    row->latency_error = median_error(&numbers[TALLY_LATENCY_RATIOS]);
    row->latency_bias = bias(numbers[TALLY_LATENCY_EXPECTED], numbers[TALLY_LATENCY]);
}

/* --- the report: rows come sorted, so that sums end where the name or the task changes --- */

struct making {
    struct calibration *report;
    size_t room;
    char target[sizeof(((struct calibration_row *)0)->target)];
    size_t target_row; /* of the target's own row; SIZE_MAX: none yet */
    int task;          /* -1: none yet */
    int64_t of_task[TALLIES];
    int64_t of_target[TALLIES];
    int64_t of_all[TALLIES];
    bool failed;
};

static struct calibration_row *add_row(struct making *making)
{
    struct calibration *report = making->report;
    if (report->count == making->room) {
        size_t room = making->room == 0 ? 32 : making->room * 2;
        struct calibration_row *rows =
            room > CALIBRATION_ROWS_MAX * 2
                ? NULL
                : memory_resize(report->rows, room * sizeof(report->rows[0]));
        if (rows == NULL) {
            making->failed = true;
            return NULL;
        }
        report->rows = rows;
        making->room = room;
    }
    struct calibration_row *row = &report->rows[report->count++];
    *row = (struct calibration_row){.attempts = 0};
    memcpy(row->target, making->target, sizeof(row->target));
    return row;
}

static void numbers_move(int64_t *from, int64_t *to)
{
    for (size_t i = 0; i < TALLIES; i++) {
        to[i] += from[i];
        from[i] = 0;
    }
}

static void end_task(struct making *making)
{
    struct calibration_row *row = making->task < 0 ? NULL : add_row(making);
    if (row != NULL) {
        slice_to_cstr(slice_from_cstr(task_name((enum task)making->task)), row->task,
                      sizeof(row->task));
        fill_row(making->of_task, row);
    }
    numbers_move(making->of_task, making->of_target);
    making->task = -1;
}

static void end_target(struct making *making)
{
    end_task(making);
    if (making->target_row != SIZE_MAX && !making->failed) {
        fill_row(making->of_target, &making->report->rows[making->target_row]);
    }
    numbers_move(making->of_target, making->of_all);
    making->target_row = SIZE_MAX;
}

static void begin_target(struct making *making, struct slice word)
{
    slice_to_cstr(word, making->target, sizeof(making->target));
    making->target_row = making->report->count;
    (void)add_row(making);
}

static void take_row(struct making *making, sqlite3_stmt *row)
{
    int64_t numbers[TALLIES] = {0};
    struct slice word = column_text(row, 0);
    int kind = sqlite3_column_int(row, 1);
    if (kind < 0 || kind >= TASK_COUNT || !column_numbers(row, 2, numbers)) {
        return; /* of a version that had other tasks */
    }
    char name[sizeof(making->target)];
    slice_to_cstr(word, name, sizeof(name));
    if (making->target_row == SIZE_MAX || strcmp(name, making->target) != 0) {
        end_target(making);
        begin_target(making, word);
    }
    if (making->task != kind) {
        end_task(making);
        making->task = kind;
    }
    numbers_move(numbers, making->of_task);
}

static int step_all(sqlite3 *db, const char *sql, int64_t day,
                    void (*take)(void *user, sqlite3_stmt *row), void *user)
{
    sqlite3_stmt *rows = database_prepare(db, sql);
    int status = SQLITE_ERROR;
    if (rows != NULL) {
        sqlite3_bind_int64(rows, 1, day);
        while ((status = sqlite3_step(rows)) == SQLITE_ROW) {
            take(user, rows);
        }
    }
    sqlite3_finalize(rows);
    return status;
}

static void take_report_row(void *user, sqlite3_stmt *row)
{
    take_row(user, row);
}

bool calibration_make(const char *path, int64_t since_s, struct calibration *ret_report,
                      struct error *error)
{
    struct database_deadline deadline;
    struct making *making = memory_array(1, sizeof(*making));
    sqlite3 *db = report_open(path, &deadline, error);
    *ret_report = (struct calibration){.count = 0};
    if (making == NULL || db == NULL) {
        memory_free(making);
        sqlite3_close(db);
        return db != NULL && error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    }
    making->report = ret_report;
    making->target_row = SIZE_MAX;
    making->task = -1;
    int status = step_all(db, sql_report, since_s / SECONDS_PER_DAY, take_report_row, making);
    end_target(making);
    fill_row(making->of_all, &ret_report->total);
    bool done = status == SQLITE_DONE;
    if (!done) {
        database_error(db, path, "reading the calibration", error);
    } else if (making->failed) {
        done = error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "the report is too large");
    }
    memory_free(making);
    sqlite3_close(db);
    if (!done) {
        calibration_release(ret_report);
    }
    return done;
}

void calibration_release(struct calibration *report)
{
    memory_free(report->rows);
    *report = (struct calibration){.count = 0};
}

/* --- what was learned --- */

struct visiting {
    const struct learned_visitor *visitor;
    int64_t today;
};

static struct learned_sums sums_at(const int64_t *numbers, enum tally first)
{
    return (struct learned_sums){
        .count = numbers[first], .sum = numbers[first + 1], .squares = numbers[first + 2]};
}

static void visit_task(const struct visiting *visiting, struct slice target, int kind,
                       const int64_t *numbers)
{
    const struct learned_task learned = {
        .target = target,
        .task = (enum task)kind,
        .output = sums_at(numbers, TALLY_LOG_OUTPUT),
        .input = sums_at(numbers, TALLY_LOG_INPUT),
        .thinking = {sums_at(numbers, TALLY_LOG_QUIET), sums_at(numbers, TALLY_LOG_THINKING)},
    };
    visiting->visitor->task(visiting->visitor->user, &learned);
}

static uint32_t count_of(int64_t number)
{
    return number < 0 ? 0 : number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

static void visit_times(const struct visiting *visiting, struct slice target, int kind,
                        const int64_t *numbers)
{
    struct learned_times learned = {.target = target, .size = (unsigned)(kind - TALLY_SIZE)};
    for (size_t i = 0; i < FORECAST_BUCKETS; i++) {
        learned.first_byte[i] = count_of(numbers[TALLY_FIRST_BYTES + i]);
        learned.total[i] = count_of(numbers[TALLY_TOTALS + i]);
    }
    visiting->visitor->times(visiting->visitor->user, &learned);
}

static void take_learned(void *user, sqlite3_stmt *row)
{
    const struct visiting *visiting = user;
    int64_t numbers[TALLIES] = {0};
    struct slice target = column_text(row, 0);
    int kind = sqlite3_column_int(row, 1);
    int64_t day = sqlite3_column_int64(row, 3);
    if (target.len == 0 || !column_numbers(row, 2, numbers)) {
        return;
    }
    if (kind >= 0 && kind < TASK_COUNT) {
        visit_task(visiting, target, kind, numbers);
    } else if (kind >= TALLY_SIZE && kind < TALLY_SIZE + FORECAST_SIZES &&
               day > visiting->today - TIMES_DAYS) {
        visit_times(visiting, target, kind, numbers);
    }
}

bool calibration_learned(const char *path, int64_t now_s, const struct learned_visitor *visitor,
                         struct error *error)
{
    struct database_deadline deadline;
    sqlite3 *db = report_open(path, &deadline, error);
    if (db == NULL) {
        return false;
    }
    struct visiting visiting = {.visitor = visitor, .today = now_s / SECONDS_PER_DAY};
    int status =
        step_all(db, sql_learned, visiting.today - CALIBRATION_SEED_DAYS, take_learned, &visiting);
    bool done = status == SQLITE_DONE;
    if (!done) {
        database_error(db, path, "reading what was learned", error);
    }
    sqlite3_close(db);
    return done;
}
