/* SPDX-License-Identifier: Apache-2.0 */
/* Forecasts and what came of them, through the journal and the writer, back from its sums. */
#include "store/calibration.h"

#include "store/ledger_tally.h"
#include "tests/unit/store/ledger_testing.h"

#include <math.h>

#define CALLS 200

static struct error error;

/* An attempt of a call of its own that expected 100 tokens, $0.001 and 500 ms. */
static struct settle_record expected(uint64_t seed, const char *target, enum task task)
{
    struct settle_record settle = sample_settle(seed * 14 + 1, 1);
    settle.attempt = 1;
    settle.wall_ns = SAMPLE_START_NS + (int64_t)seed * 1000000;
    settle.basis = CHARGE_UNRECORDED;
    settle.target = slice_from_cstr(target);
    settle.outcome = ATTEMPT_OK;
    settle.purpose = ATTEMPT_FOR_ANSWER;
    settle.error = SLICE_EMPTY;
    settle.usage = (struct usage){.input = 1000, .output = 200, .reported = true};
    settle.first_byte_us = 250000;
    settle.total_us = 900000;
    settle.cost_nd = 2000000;
    settle.forecast = (struct settle_forecast){
        .given = true,
        .streamed = true,
        .task = task,
        .input = 900,
        .output = 100,
        .output_high = 150,
        .cost_nd = 1000000,
        .latency_ms = 500,
        .has_output = true,
        .has_thinking = true,
        .has_input = true,
        .log_output = 1000,
        .log_input = 152,
        .size = 1,
        .first_bucket = 31,
        .total_bucket = 39,
    };
    return settle;
}

static bool append(struct ledger *ledger, const struct settle_record *settle)
{
    struct hold_record hold = sample_hold(1, 1);
    hold.call = settle->call;
    hold.attempt = settle->attempt;
    hold.wall_ns = settle->wall_ns;
    hold.key_id = settle->key_id;
    hold.target = settle->target;
    struct call_record call = sample_call(1);
    call.call = settle->call;
    call.wall_ns = settle->wall_ns;
    call.key_id = settle->key_id;
    call.attempts = 1;
    call.cost_nd = settle->cost_nd;
    call.target = settle->target;
    call.input_tokens = settle->usage.input;
    call.output_tokens = settle->usage.output;
    call.expected_cost_nd = settle->forecast.cost_nd;
    call.task = settle->forecast.task;
    return journal_hold(ledger_journal(ledger), &hold) &&
           journal_settle_and_call(ledger_journal(ledger), settle, &call);
}

static const struct calibration_row *find_row(const struct calibration *report, const char *target,
                                              const char *task)
{
    for (size_t i = 0; i < report->count; i++) {
        if (strcmp(report->rows[i].target, target) == 0 &&
            strcmp(report->rows[i].task, task) == 0) {
            return &report->rows[i];
        }
    }
    return NULL;
}

/* CALLS to alpha, of which every fourth is as it was expected, half as many to beta. */
static int64_t fill(void)
{
    struct ledger *ledger = open_ledger();
    int64_t wall_ns = 0;
    EXPECT(ledger != NULL);
    for (uint64_t seed = 0; seed < CALLS; seed++) {
        struct settle_record settle = expected(seed, "alpha", TASK_CHAT);
        wall_ns = settle.wall_ns;
        if (seed % 4 == 0) {
            settle.usage.output = 100;
            settle.cost_nd = 1000000;
            settle.first_byte_us = 500000;
            settle.forecast.log_output = 0;
        }
        EXPECT(append(ledger, &settle));
    }
    for (uint64_t seed = CALLS; seed < CALLS * 3 / 2; seed++) {
        struct settle_record settle =
            expected(seed, "beta", seed % 2 == 0 ? TASK_MATH : TASK_CODE_FIX);
        EXPECT(append(ledger, &settle));
    }
    EXPECT(ledger_flush(ledger, 5000));
    ledger_close(ledger, 5000);
    return wall_ns;
}

static void says_how_well_forecasts_were(void)
{
    struct calibration report;
    begin();
    fill();
    EXPECT(calibration_make(ledger_path, 0, &report, &error));
    const struct calibration_row *row = find_row(&report, "alpha", "chat");
    EXPECT_INT(report.count, 5); /* alpha, its task, beta, its two */
    EXPECT(row != NULL && find_row(&report, "beta", "math") != NULL);
    if (row != NULL) {
        EXPECT_INT(row->attempts, CALLS);
        EXPECT_INT(row->within, CALLS / 4);
        EXPECT_INT(row->output_error, 1000); /* twice as long as was expected */
        EXPECT_INT(row->output_bias, -429);  /* 100 of 175 */
        EXPECT_INT(row->input_bias, -100);
        EXPECT_INT(row->cost_error, 1000);
        EXPECT_INT(row->cost_bias, -429);
        EXPECT_INT(row->latencies, CALLS);
        EXPECT_INT(row->latency_error, 500);
        EXPECT_INT(row->latency_bias, 600); /* 500 of 312.5 */
    }
    row = find_row(&report, "beta", "");
    EXPECT(row != NULL && row->attempts == CALLS / 2 && row->within == 0);
    EXPECT_INT(report.total.attempts, CALLS * 3 / 2);
    calibration_release(&report);
    end();
}

static void what_no_forecast_was_for_does_not_count(void)
{
    struct calibration report;
    begin();
    struct ledger *ledger = open_ledger();
    struct settle_record settle = expected(1, "alpha", TASK_CHAT);
    settle.usage.reported = false; /* an estimate of ours is no measure of ours */
    EXPECT(append(ledger, &settle));
    settle = expected(2, "alpha", TASK_CHAT);
    settle.outcome = ATTEMPT_CUT;
    EXPECT(append(ledger, &settle));
    settle = expected(3, "alpha", TASK_CHAT);
    settle.forecast.given = false;
    EXPECT(append(ledger, &settle));
    EXPECT(ledger_flush(ledger, 5000));
    ledger_close(ledger, 5000);
    EXPECT(calibration_make(ledger_path, 0, &report, &error));
    EXPECT_INT(report.count, 0);
    EXPECT(report.total.output_error == CALIBRATION_UNKNOWN);
    calibration_release(&report);
    end();
}

static struct learned_task last_task;
static unsigned tasks_seen;
static unsigned times_seen;
static uint32_t first_bytes;

static void take_task(void *user, const struct learned_task *learned)
{
    (void)user;
    tasks_seen++;
    if (slice_eq(learned->target, SLICE("alpha"))) {
        last_task = *learned;
    }
}

static void take_times(void *user, const struct learned_times *learned)
{
    (void)user;
    times_seen++;
    if (slice_eq(learned->target, SLICE("alpha"))) {
        EXPECT_INT(learned->size, 1);
        first_bytes += learned->first_byte[31];
        EXPECT_INT(learned->total[39], learned->first_byte[31]);
    }
}

static const struct learned_visitor visitor = {.task = take_task, .times = take_times};

static void the_next_process_learns_what_this_one_saw(void)
{
    begin();
    int64_t now_s = fill() / 1000000000;
    tasks_seen = times_seen = first_bytes = 0;
    last_task = (struct learned_task){.task = TASK_OTHER};
    EXPECT(calibration_learned(ledger_path, now_s, &visitor, &error));
    EXPECT_INT(tasks_seen, 3);
    EXPECT_INT(last_task.task, TASK_CHAT);
    EXPECT_INT(last_task.output.count, CALLS);
    EXPECT_INT(last_task.output.sum, CALLS * 3 / 4 * 1000);
    EXPECT_INT(last_task.output.squares, (int64_t)CALLS * 3 / 4 * 1000000);
    EXPECT_INT(last_task.input.sum, CALLS * 152);
    EXPECT_INT(last_task.thinking[0].count, CALLS);
    EXPECT_INT(last_task.thinking[1].count, 0);
    EXPECT_INT(first_bytes, CALLS);
    /* three days later durations say nothing, answers still do; after a month nothing does */
    tasks_seen = times_seen = 0;
    EXPECT(calibration_learned(ledger_path, now_s + 3 * 86400, &visitor, &error));
    EXPECT_INT(tasks_seen, 3);
    EXPECT_INT(times_seen, 0);
    EXPECT(calibration_learned(ledger_path, now_s + 32 * 86400, &visitor, &error));
    EXPECT_INT(tasks_seen, 3);
    end();
}

/* A writer that was stopped between two batches adds to the sums of the same day. */
static void sums_survive_a_restart(void)
{
    struct calibration report;
    begin();
    fill();
    struct ledger *ledger = open_ledger();
    struct settle_record settle = expected(CALLS * 2, "alpha", TASK_CHAT);
    EXPECT(append(ledger, &settle));
    EXPECT(ledger_flush(ledger, 5000));
    ledger_close(ledger, 5000);
    bool sound = ledger_verify(ledger_path, &error);
    EXPECT(sound);
    if (!sound) {
        printf("# %s\n", error.text);
    }
    EXPECT(calibration_make(ledger_path, 0, &report, &error));
    const struct calibration_row *row = find_row(&report, "alpha", "chat");
    EXPECT(row != NULL && row->attempts == CALLS + 1);
    calibration_release(&report);
    end();
}

static void no_ledger_is_said(void)
{
    struct calibration report;
    begin();
    EXPECT(!calibration_make(ledger_path, 0, &report, &error));
    EXPECT_INT(error.kind, ERROR_NOT_FOUND);
    EXPECT(!calibration_learned(ledger_path, 0, &visitor, &error));
    end();
}

/* Against the logarithm that it stands for. */
static void ratios_are_eighths_of_octaves(void)
{
    unsigned wrong = 0;
    for (int64_t actual = 1; actual < 3000000000; actual = actual * 13 / 12 + 1) {
        for (int64_t wanted = 1; wanted < 3000000000; wanted = wanted * 11 / 10 + 1) {
            long eighths = lround(log2((double)actual / (double)wanted) * 8);
            long bucket = TALLY_RATIOS / 2 + eighths;
            bucket = bucket < 0 ? 0 : bucket >= TALLY_RATIOS ? TALLY_RATIOS - 1 : bucket;
            wrong += tally_ratio(actual, wanted) != (unsigned)bucket;
        }
    }
    EXPECT_INT(wrong, 0);
    EXPECT_INT(tally_ratio(7, 7), TALLY_RATIOS / 2);
    EXPECT_INT(tally_ratio(2, 1), TALLY_RATIOS / 2 + 8);
    EXPECT_INT(tally_ratio(INT64_MAX, 1), TALLY_RATIOS - 1);
    EXPECT_INT(tally_ratio(1, INT64_MAX), 0);
}

int main(void)
{
    TEST(says_how_well_forecasts_were, "the report says how well forecasts were");
    TEST(what_no_forecast_was_for_does_not_count, "only reported usage is compared");
    TEST(the_next_process_learns_what_this_one_saw,
         "what was learned comes back, and fades by day");
    TEST(sums_survive_a_restart, "sums go on after a restart");
    TEST(ratios_are_eighths_of_octaves, "ratios are counted by eighths of an octave");
    TEST(no_ledger_is_said, "a ledger that is not there is said");
    return tap_done();
}
