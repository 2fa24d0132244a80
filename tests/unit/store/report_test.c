/* SPDX-License-Identifier: Apache-2.0 */
/* Reports and lists against sums that are made here from the records themselves. */
#include "store/report.h"

#include "tests/unit/store/ledger_testing.h"
#include "tests/unit/store/record_expect.h"

#define CALLS 4000

struct expected {
    struct report_row rows[400];
    size_t count;
};

static void change_ledger(const char *sql)
{
    sqlite3 *db = NULL;
    EXPECT(sqlite3_open(ledger_path, &db) == SQLITE_OK);
    EXPECT(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
}

static struct report_row *expected_row(struct expected *all, const char *name)
{
    const char *shown = name[0] == '\0' ? "(none)" : name;
    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->rows[i].name, shown) == 0) {
            return &all->rows[i];
        }
    }
    CHECK(all->count < ARRAY_LEN(all->rows));
    struct report_row *row = &all->rows[all->count++];
    *row = (struct report_row){0};
    snprintf(row->name, sizeof(row->name), "%s", shown);
    return row;
}

static void name_of(const struct call_record *call, enum report_by by, char name[64])
{
    const struct slice words[REPORT_BYS] = {
        [REPORT_MODEL] = call->model,   [REPORT_TASK] = slice_from_cstr(task_name(call->task)),
        [REPORT_KEY] = call->key_name,  [REPORT_PROVIDER] = call->provider,
        [REPORT_TARGET] = call->target, [REPORT_ROUTE] = call->route,
        [REPORT_TAG] = call->tag,
    };
    if (by == REPORT_USER || by == REPORT_TEAM || by == REPORT_ORGANISATION) {
        uint64_t scope = call->scopes[SCOPE_USER + (by - REPORT_USER)];
        name[0] = '\0';
        if (scope != 0) {
            snprintf(name, 64, "#%llu", (unsigned long long)scope);
        }
    } else if (by == REPORT_DAY) {
        char text[CLOCK_TEXT_SIZE];
        snprintf(name, 64, "%.10s", clock_format(call->wall_ns, text));
    } else {
        slice_to_cstr(words[by], name, 64);
    }
}

static void count_extras(struct report_row *row, const struct settle_record *settle)
{
    row->failed_nd += settle->purpose == ATTEMPT_FOR_ANSWER && settle->outcome == ATTEMPT_FAILED
                          ? settle->cost_nd
                          : 0;
    row->judge_nd += settle->purpose == ATTEMPT_FOR_JUDGE ? settle->cost_nd : 0;
}

static void count_attempt_costs(struct expected *all, uint64_t seed, enum report_by by)
{
    for (uint32_t i = 1; i <= sample_attempts(seed); i++) {
        struct settle_record settle = sample_settle(seed, i);
        char name[64];
        slice_to_cstr(by == REPORT_MODEL      ? settle.model
                      : by == REPORT_PROVIDER ? settle.provider
                                              : settle.target,
                      name, sizeof(name));
        expected_row(all, name)->cost_nd += settle.cost_nd;
        count_extras(expected_row(all, name), &settle);
    }
}

/* The slow and obvious way. */
static void expect_by(struct expected *all, enum report_by by, int64_t from_ns, int64_t to_ns)
{
    all->count = 0;
    for (uint64_t seed = 1; seed <= CALLS; seed++) {
        struct call_record call = sample_call(seed);
        char name[64];
        if (call.wall_ns < from_ns || call.wall_ns >= to_ns) {
            continue;
        }
        uint32_t attempts = sample_attempts(seed);
        name_of(&call, by, name);
        struct report_row *row = expected_row(all, name);
        row->calls++;
        row->failed += call.complete ? 0 : 1;
        row->input_tokens += call.input_tokens;
        row->output_tokens += call.output_tokens;
        row->baseline_nd += call.baseline_nd;
        row->estimated += attempts > 0 && !sample_settle(seed, attempts).usage.reported;
        if (by == REPORT_MODEL || by == REPORT_PROVIDER || by == REPORT_TARGET) {
            count_attempt_costs(all, seed, by);
        } else {
            row->cost_nd += call.cost_nd;
            for (uint32_t i = 1; i <= attempts; i++) {
                struct settle_record settle = sample_settle(seed, i);
                count_extras(row, &settle);
            }
        }
    }
}

static void expect_same_row(const struct report_row *a, const struct report_row *b)
{
    EXPECT_INT(a->calls, b->calls);
    EXPECT_INT(a->failed, b->failed);
    EXPECT_INT(a->input_tokens, b->input_tokens);
    EXPECT_INT(a->output_tokens, b->output_tokens);
    EXPECT_INT(a->cost_nd, b->cost_nd);
    EXPECT_INT(a->baseline_nd, b->baseline_nd);
    EXPECT_INT(a->estimated, b->estimated);
    EXPECT_INT(a->failed_nd, b->failed_nd);
    EXPECT_INT(a->judge_nd, b->judge_nd);
}

static void compare(enum report_by by, int64_t since_s, int64_t until_s, int64_t from_ns,
                    int64_t to_ns)
{
    static struct expected expected;
    struct report report;
    struct report_row total = {0};
    struct error error = {0};
    bool made = report_make(ledger_path, by, since_s, until_s, &report, &error);
    EXPECT(made);
    if (!made) {
        printf("# %s: %s\n", error.code, error.text);
        return;
    }
    expect_by(&expected, by, from_ns, to_ns);
    EXPECT_INT(report.count, expected.count);
    for (size_t i = 0; i < report.count; i++) {
        const struct report_row *row = &report.rows[i];
        expect_same_row(row, expected_row(&expected, row->name));
        total.calls += row->calls;
        total.cost_nd += row->cost_nd;
        if (i > 0 && by == REPORT_DAY) {
            EXPECT(strcmp(row[-1].name, row->name) < 0);
        } else if (i > 0) {
            EXPECT(row[-1].cost_nd >= row->cost_nd);
        }
    }
    EXPECT_INT(report.count, expected.count); /* expected_row() has added none */
    EXPECT_INT(report.total.calls, total.calls);
    EXPECT_INT(report.total.cost_nd, total.cost_nd);
    report_release(&report);
}

static void fill(void)
{
    struct ledger *ledger = open_ledger();
    for (uint64_t seed = 1; seed <= CALLS; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
    }
    EXPECT(ledger_flush(ledger, 10000));
    ledger_close(ledger, 1000);
}

static void every_dimension_is_right(void)
{
    const int64_t hour_s = 3600;
    int64_t start_s = SAMPLE_START_NS / NS_PER_S;
    begin();
    fill();
    for (int by = 0; by < REPORT_BYS; by++) {
        compare((enum report_by)by, 1, start_s + 400 * hour_s, 0, INT64_MAX);
        compare((enum report_by)by, 0, 0, 0, INT64_MAX); /* until now, which is later */
        /* Part of an hour counts as that hour. */
        compare((enum report_by)by, start_s + 5 * hour_s + 1, start_s + 30 * hour_s - 1,
                SAMPLE_START_NS + 5 * hour_s * NS_PER_S, SAMPLE_START_NS + 30 * hour_s * NS_PER_S);
        compare((enum report_by)by, start_s + 400 * hour_s, start_s + 500 * hour_s, 0, 0);
    }
    end();
}

static void a_list_shows_every_call_once(void)
{
    struct arena arena;
    struct error error = {0};
    begin();
    fill();
    char cursor[REPORT_CURSOR_SIZE] = "";
    uint64_t seed = CALLS;
    do {
        struct call_page page;
        arena_init(&arena, 4 << 20);
        EXPECT(report_calls(ledger_path, slice_from_cstr(cursor), 333, &arena, &page, &error));
        EXPECT(page.count > 0 && page.count <= 333);
        for (size_t i = 0; i < page.count; i++, seed--) { /* newest first */
            struct call_record wanted = sample_call(seed);
            const struct call_record *call = &page.rows[i].call;
            EXPECT(memcmp(&call->call, &wanted.call, sizeof(wanted.call)) == 0);
            EXPECT(slice_eq(call->model, wanted.model));
            EXPECT(slice_eq(call->key_name, wanted.key_name));
            EXPECT_INT(call->task, wanted.task);
        }
        memcpy(cursor, page.next, sizeof(cursor));
        arena_release(&arena);
    } while (cursor[0] != '\0' && !tap_point_failed);
    EXPECT_INT(seed, 0);
    end();
}

/* From the newest call down to `seed`: the next one of the key. 0: there is none. */
static uint64_t next_of_key(uint64_t seed, uint64_t key)
{
    while (seed > 0 && sample_call(seed).key_id != key) {
        seed--;
    }
    return seed;
}

static void expect_own_list(uint64_t key, size_t limit)
{
    struct error error = {0};
    char cursor[REPORT_CURSOR_SIZE] = "";
    uint64_t seed = next_of_key(CALLS, key);
    do {
        struct arena arena;
        struct call_page page;
        arena_init(&arena, 4 << 20);
        EXPECT(report_calls_of_key(ledger_path, key, slice_from_cstr(cursor), limit, &arena, &page,
                                   &error));
        EXPECT(page.count > 0 && page.count <= limit);
        for (size_t i = 0; i < page.count && seed > 0; i++) {
            struct id wanted = sample_id(seed);
            EXPECT(memcmp(&page.rows[i].call.call, &wanted, sizeof(wanted)) == 0);
            EXPECT_INT(page.rows[i].call.key_id, key);
            seed = next_of_key(seed - 1, key);
        }
        memcpy(cursor, page.next, sizeof(cursor));
        arena_release(&arena);
    } while (cursor[0] != '\0' && !tap_point_failed);
    EXPECT_INT(seed, 0);
}

static void expect_no_list(uint64_t key)
{
    struct error error = {0};
    struct arena arena;
    struct call_page page;
    arena_init(&arena, 1 << 20);
    EXPECT(report_calls_of_key(ledger_path, key, SLICE_EMPTY, 50, &arena, &page, &error));
    EXPECT_INT(page.count, 0);
    EXPECT_INT(page.next[0], 0);
    arena_release(&arena);
}

static void a_key_sees_its_own_calls(void)
{
    struct error error = {0};
    struct arena arena;
    struct call_detail detail;
    begin();
    fill();
    for (uint64_t key = 1; key <= 3; key++) {
        expect_own_list(key, 7);
        expect_own_list(key, 1000);
    }
    expect_no_list(4);
    expect_no_list(REPORT_KEY_NOBODY);
    arena_init(&arena, 16 << 20);
    for (uint64_t seed = 1; seed <= 40; seed++) {
        uint64_t key = sample_call(seed).key_id;
        EXPECT(key == 0 ||
               report_call_of_key(ledger_path, key, sample_id(seed), &arena, &detail, &error));
        EXPECT(!report_call_of_key(ledger_path, key + 1, sample_id(seed), &arena, &detail, &error));
        EXPECT_SLICE(slice_from_cstr(error.code), "not_found");
        EXPECT_SLICE(slice_from_cstr(error.text), "there is no call with this id");
    }
    struct call_page page;
    EXPECT(!report_calls_of_key(ledger_path, 1, SLICE("' OR 1=1"), 5, &arena, &page, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "bad_cursor");
    arena_release(&arena);
    end();
}

/* Of hours before its sums began a key has calls and no sums. */
static void a_key_sees_its_calls_of_old_hours(void)
{
    begin();
    fill();
    int64_t hour = (SAMPLE_START_NS + (int64_t)CALLS / 2 * 37 * NS_PER_S) / (3600 * NS_PER_S);
    char sql[256];
    snprintf(sql, sizeof(sql),
             "DELETE FROM key_rollups WHERE hour <= %lld; UPDATE state SET sums_hour = %lld",
             (long long)hour, (long long)hour);
    change_ledger(sql);
    expect_own_list(1, 7);
    change_ledger("DELETE FROM key_rollups; UPDATE state SET sums_hour = 1000000");
    expect_own_list(1, 7);
    change_ledger("UPDATE state SET sums_hour = -1");
    expect_no_list(1); /* it is the sums that say where to look */
    end();
}

static void a_call_comes_back_whole(void)
{
    struct error error = {0};
    begin();
    fill();
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct arena arena;
        struct call_detail detail;
        struct call_record wanted = sample_call(seed);
        arena_init(&arena, 1 << 20);
        EXPECT(report_call(ledger_path, wanted.call, &arena, &detail, &error));
        expect_same_call(&detail.row.call, &wanted);
        EXPECT_INT(detail.count, sample_attempts(seed));
        for (size_t i = 0; i < detail.count; i++) {
            struct settle_record attempt = sample_settle(seed, (uint32_t)i + 1);
            expect_same_settle(&detail.attempts[i], &attempt);
        }
        arena_release(&arena);
    }
    end();
}

static void wrong_questions_get_precise_answers(void)
{
    struct error error = {0};
    struct report report;
    struct call_page page;
    struct call_detail detail;
    struct arena arena;
    enum report_by by;
    arena_init(&arena, 1 << 20);
    begin();
    EXPECT(!report_make(ledger_path, REPORT_DAY, 0, 0, &report, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "ledger_missing");
    EXPECT_INT(error.kind, ERROR_NOT_FOUND);
    ledger_close(open_ledger(), 1000);
    EXPECT(report_make(ledger_path, REPORT_DAY, 0, 0, &report, &error));
    EXPECT_INT(report.count, 0);
    report_release(&report);
    EXPECT(report_calls(ledger_path, SLICE_EMPTY, 10, &arena, &page, &error));
    EXPECT_INT(page.count, 0);
    EXPECT_INT(page.next[0], 0);
    EXPECT(!report_calls(ledger_path, SLICE("'; DROP TABLE calls"), 10, &arena, &page, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "bad_cursor");
    EXPECT(!report_call(ledger_path, sample_id(1), &arena, &detail, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "not_found");
    EXPECT(report_by_from_name(SLICE("provider"), &by) && by == REPORT_PROVIDER);
    EXPECT(!report_by_from_name(SLICE("providers"), &by));
    for (int i = 0; i < REPORT_BYS; i++) {
        struct slice name = slice_from_cstr(report_by_name((enum report_by)i));
        EXPECT(report_by_from_name(name, &by) && by == (enum report_by)i);
    }
    arena_release(&arena);
    end();
}

static void a_small_budget_is_an_error_not_a_crash(void)
{
    struct error error = {0};
    begin();
    fill();
    for (size_t budget = 16; budget < 60000; budget += 1500) {
        struct arena arena;
        struct call_page page;
        arena_init(&arena, budget);
        if (report_calls(ledger_path, SLICE_EMPTY, 50, &arena, &page, &error)) {
            EXPECT_INT(page.count, 50);
        } else {
            EXPECT_SLICE(slice_from_cstr(error.code), "out_of_memory");
        }
        arena_release(&arena);
    }
    end();
}

/* A reader that looks while batches are written sees whole batches only. */
static void a_report_while_calls_are_written_is_consistent(void)
{
    struct error error = {0};
    begin();
    struct ledger *ledger = open_ledger();
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
        if (seed % 300 == 0) {
            struct report report;
            EXPECT(report_make(ledger_path, REPORT_ROUTE, 0, 0, &report, &error));
            EXPECT(report.total.calls <= (int64_t)seed);
            report_release(&report);
        }
    }
    ledger_close(ledger, 5000);
    end();
}

int main(void)
{
    TEST(every_dimension_is_right, "every dimension is the sum of the records");
    TEST(a_list_shows_every_call_once, "a list shows every call once, newest first");
    TEST(a_key_sees_its_own_calls, "a key sees its own calls and no others");
    TEST(a_key_sees_its_calls_of_old_hours, "... also those from before its sums began");
    TEST(a_call_comes_back_whole, "a call comes back whole with its attempts");
    TEST(wrong_questions_get_precise_answers, "wrong questions get precise answers");
    TEST(a_small_budget_is_an_error_not_a_crash, "a small memory budget is an error, not a crash");
    TEST(a_report_while_calls_are_written_is_consistent, "a report works while calls are written");
    return tap_done();
}
