/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long an answer will be, before anything was learned: a row per task, in tokens, plus a share
 * of the user's text for tasks whose answer grows with it (a translation is as long as its
 * original). The 90th percentile is what a cost limit is held against, so it is generous.
 */
#include "route/plan.h"

__extension__ typedef unsigned __int128 wide;

struct output_row {
    int16_t expected;
    int16_t high;
    int16_t expected_share; /* percent of the tokens of the last user turn */
    int16_t high_share;
};

static const struct output_row output_table[TASK_COUNT] = {
    [TASK_CLASSIFICATION] = {40, 200, 5, 20},
    [TASK_EXTRACTION] = {60, 300, 15, 50},
    [TASK_SUMMARIZATION] = {120, 350, 8, 25},
    [TASK_TRANSLATION] = {20, 60, 110, 200},
    [TASK_REWRITE] = {40, 120, 95, 150},
    [TASK_QA_OPEN] = {200, 600, 0, 0},
    [TASK_QA_CLOSED] = {80, 300, 0, 5},
    [TASK_BRAINSTORMING] = {300, 800, 0, 0},
    [TASK_GENERATION] = {450, 1200, 0, 10},
    [TASK_REASONING] = {600, 1800, 0, 10},
    [TASK_MATH] = {350, 1100, 0, 0},
    [TASK_CHAT] = {60, 250, 0, 0},
    [TASK_OTHER] = {250, 900, 0, 10},
    [TASK_CODE_COMPLETION] = {60, 300, 0, 5},
    [TASK_CODE_BOILERPLATE] = {500, 1300, 0, 10},
    [TASK_CODE_DOCS] = {200, 600, 30, 120},
    [TASK_CODE_RENAME] = {60, 250, 90, 120},
    [TASK_CODE_LINT] = {80, 350, 80, 120},
    [TASK_CODE_FUNCTION] = {350, 1000, 0, 20},
    [TASK_CODE_TESTS] = {600, 1700, 30, 100},
    [TASK_CODE_REVIEW] = {450, 1200, 5, 30},
    [TASK_CODE_FIX] = {350, 1000, 30, 110},
    [TASK_CODE_ARCHITECTURE] = {1100, 2800, 0, 20},
    [TASK_CODE_REFACTOR] = {700, 2200, 60, 140},
    [TASK_CODE_DEBUGGING] = {700, 2000, 5, 50},
    [TASK_CODE_SECURITY] = {700, 2000, 10, 60},
    [TASK_CODE_PERFORMANCE] = {700, 2000, 15, 80},
};

#define TOKENS_SANE_MAX (INT64_C(1) << 40) /* beyond this nothing below may overflow */

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The share of all tokens that the last user turn has in bytes. */
static int64_t user_tokens(const struct features *features)
{
    int64_t tokens = smaller(features->tokens.expected, TOKENS_SANE_MAX);
    if (features->text_bytes == 0 || features->user_bytes >= features->text_bytes) {
        return tokens;
    }
    return (int64_t)((wide)tokens * features->user_bytes / features->text_bytes);
}

int64_t predict_output_tokens(enum task task, const struct features *features, int64_t max_tokens,
                              int64_t *ret_high)
{
    const struct output_row *row = &output_table[task];
    int64_t tokens = user_tokens(features);
    int64_t expected = row->expected + tokens * row->expected_share / 100;
    int64_t high = row->high + tokens * row->high_share / 100;
    if (max_tokens > 0) {
        expected = smaller(expected, max_tokens);
        high = smaller(high, max_tokens);
    }
    int64_t choices = features->choices < 1 ? 1 : smaller(features->choices, 1024);
    *ret_high = high * choices;
    return expected * choices;
}
