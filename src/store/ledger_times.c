/* SPDX-License-Identifier: Apache-2.0 */
/* What spans of the clock say of moments: the other half of ledger_clock.h. */
#include "base/memory.h"
#include "store/ledger_clock.h"

static bool add_span(struct clock_times *times, size_t *cap, const struct clock_span *span)
{
    if (times->count == *cap) {
        size_t bigger = *cap == 0 ? 64 : *cap * 2;
        struct clock_span *spans = memory_resize(times->spans, bigger * sizeof(*spans));
        if (spans == NULL) {
            return false;
        }
        times->spans = spans;
        *cap = bigger;
    }
    times->spans[times->count++] = *span;
    return true;
}

/* So that a moment is found at once where the clock only went on, as it nearly always did. */
static bool make_bounds(struct clock_times *times)
{
    times->ends = memory_array(times->count + 1, sizeof(*times->ends));
    times->begins = memory_array(times->count + 1, sizeof(*times->begins));
    if (times->ends == NULL || times->begins == NULL) {
        return false;
    }
    int64_t latest_ns = INT64_MIN;
    int64_t first_ns = INT64_MAX;
    for (size_t i = 0; i < times->count; i++) {
        const struct clock_span *forth = &times->spans[i];
        const struct clock_span *back = &times->spans[times->count - 1 - i];
        latest_ns = forth->end_ns > latest_ns ? forth->end_ns : latest_ns;
        first_ns = back->begin_ns < first_ns ? back->begin_ns : first_ns;
        times->ends[i] = latest_ns;
        times->begins[times->count - 1 - i] = first_ns;
    }
    return true;
}

static int compare_times(const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;
    return (*a > *b) - (*a < *b);
}

/* At which a span begins, or one of its periods. */
static bool make_edges(struct clock_times *times)
{
    times->edges = memory_array(times->count + 1, CAP_ROLLING * sizeof(*times->edges));
    if (times->edges == NULL) {
        return false;
    }
    for (size_t i = 0; i < times->count; i++) {
        const struct clock_span *span = &times->spans[i];
        times->edges[times->edge_count++] = span->begin_ns;
        for (int period = CAP_DAY; period < CAP_ROLLING; period++) {
            times->edges[times->edge_count++] = span->starts_s[period] * NS_PER_S;
        }
    }
    qsort(times->edges, times->edge_count, sizeof(*times->edges), compare_times);
    return true;
}

bool clock_times_even(const struct clock_times *times, int64_t from_ns, int64_t until_ns)
{
    size_t first = 0;
    size_t end = times->edge_count;
    while (first < end) {
        size_t middle = (first + end) / 2;
        if (times->edges[middle] <= from_ns) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first == times->edge_count || times->edges[first] >= until_ns;
}

bool clock_times_load(struct clock_times *times, sqlite3 *db)
{
    size_t cap = 0;
    sqlite3_stmt *row =
        database_prepare(db, "SELECT " CLOCK_COLUMNS " FROM clock_spans ORDER BY seq");
    bool done = row != NULL;
    *times = (struct clock_times){0};
    while (done && sqlite3_step(row) == SQLITE_ROW) {
        struct clock_span span = {
            .seq = sqlite3_column_int64(row, 0),
            .run = sqlite3_column_int64(row, 1),
            .begin_ns = sqlite3_column_int64(row, 2),
            .end_ns = sqlite3_column_int64(row, 3),
            .shift_ns = sqlite3_column_int64(row, 4),
        };
        for (int i = CAP_DAY; i < CAP_ROLLING; i++) {
            span.starts_s[i] = sqlite3_column_int64(row, 5 + i - CAP_DAY);
        }
        done = add_span(times, &cap, &span);
    }
    return sqlite3_finalize(row) == SQLITE_OK && done && make_bounds(times) && make_edges(times);
}

void clock_times_release(struct clock_times *times)
{
    memory_free(times->spans);
    memory_free(times->ends);
    memory_free(times->begins);
    memory_free(times->edges);
    *times = (struct clock_times){0};
}

/* How many of the spans may have begun by then. */
static size_t count_begun(const struct clock_times *times, int64_t wall_ns)
{
    size_t first = 0;
    size_t end = times->count;
    while (first < end) {
        size_t middle = (first + end) / 2;
        if (times->begins[middle] <= wall_ns) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first;
}

struct clock_moment clock_times_at(const struct clock_times *times, int64_t wall_ns)
{
    struct clock_moment moment = {.time_ns = wall_ns, .first_ns = wall_ns, .once = true};
    size_t begun = count_begun(times, wall_ns);
    for (size_t i = begun; i > 0 && times->ends[i - 1] >= wall_ns; i--) {
        const struct clock_span *span = &times->spans[i - 1];
        if (span->begin_ns > wall_ns || span->end_ns < wall_ns) {
            continue;
        }
        moment.first_ns = wall_ns + span->shift_ns;
        moment.once = moment.span == NULL;
        if (moment.span == NULL) {
            moment.span = span;
            moment.time_ns = moment.first_ns;
        }
    }
    if (moment.span == NULL && begun > 0) {
        moment.time_ns = wall_ns + times->spans[begun - 1].shift_ns;
        moment.first_ns = moment.time_ns;
    }
    return moment;
}

const struct clock_span *clock_times_span(const struct clock_times *times, int64_t time_ns)
{
    size_t first = 0;
    size_t end = times->count;
    while (first < end) {
        size_t middle = (first + end) / 2;
        const struct clock_span *span = &times->spans[middle];
        if (span->begin_ns + span->shift_ns <= time_ns) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    const struct clock_span *span = first == 0 ? NULL : &times->spans[first - 1];
    return span != NULL && span->end_ns + span->shift_ns >= time_ns ? span : NULL;
}
