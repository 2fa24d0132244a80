/* SPDX-License-Identifier: Apache-2.0 */
/* What checks say is weighed by what came of it; and what an answer comes down to. */
#include "route/check_weight.h"

#include "route/answer_result.h"
#include "tests/tap.h"

#include <math.h>

static const struct target weak = {.name = SLICE_INIT("weak")};
static const struct target other = {.name = SLICE_INIT("other")};

static void said(struct evidence *table, enum answer_check check, enum check_result result,
                 struct slice of, bool is_tag, double score, int times)
{
    char name[CHECK_WEIGHT_NAME_MAX];
    struct slice word = slice_from_cstr(check_weight_word(check, result));
    for (int i = 0; i < times; i++) {
        evidence_add(table, evidence_tag(check_weight_name(word, of, is_tag, 0, name)), &weak,
                     score, 1);
    }
}

/* Log odds of an answer with a wrong sum, prior 1. */
static double odds_of(const struct evidence *table, const struct target *target, enum task task,
                      struct slice tag)
{
    struct checked checked = {.results = {[CHECK_ARITHMETIC] = CHECK_FAILED}};
    const struct check_history history = {table, target, task, tag, 0};
    checked_weigh(&checked, &history, 1);
    return checked.log_odds;
}

static bool near(double a, double b)
{
    return fabs(a - b) < 0.02;
}

static void without_outcomes_the_table_weighs(void)
{
    struct evidence *table = evidence_new();
    double usual = 1 + check_weight(CHECK_ARITHMETIC, CHECK_FAILED);
    EXPECT(near(odds_of(NULL, &weak, TASK_MATH, SLICE_EMPTY), usual));
    EXPECT(near(odds_of(table, &weak, TASK_MATH, SLICE("a")), usual));
    said(table, CHECK_CODE, CHECK_FAILED, SLICE("math"), false, 1, 50);
    said(table, CHECK_ARITHMETIC, CHECK_PASSED, SLICE("math"), false, 1, 50);
    EXPECT(near(odds_of(table, &weak, TASK_MATH, SLICE_EMPTY), usual));
    evidence_free(table);
}

/* .119 before; (8 * .119 + 8) / 16 = .56 after eight good ones, .92 after 80. */
static void outcomes_move_the_weight_by_target_task_and_tag(void)
{
    struct evidence *table = evidence_new();
    double usual = odds_of(table, &weak, TASK_MATH, SLICE_EMPTY);
    said(table, CHECK_ARITHMETIC, CHECK_FAILED, SLICE("math"), false, 1, 8);
    EXPECT(near(odds_of(table, &weak, TASK_MATH, SLICE_EMPTY), log(.5596 / .4404)));
    EXPECT(near(odds_of(table, &weak, TASK_CHAT, SLICE_EMPTY), usual));
    EXPECT(near(odds_of(table, &other, TASK_MATH, SLICE_EMPTY), usual));
    EXPECT(near(odds_of(table, &weak, TASK_MATH, SLICE("bills")), log(.5596 / .4404)));
    said(table, CHECK_ARITHMETIC, CHECK_FAILED, SLICE("bills"), true, 0, 8);
    EXPECT(near(odds_of(table, &weak, TASK_MATH, SLICE("bills")), log(.2798 / .7202)));
    EXPECT(near(odds_of(table, &weak, TASK_CHAT, SLICE("bills")), log(.0596 / .9404)));
    said(table, CHECK_ARITHMETIC, CHECK_FAILED, SLICE("math"), false, 1, 4000);
    EXPECT(near(odds_of(table, &weak, TASK_MATH, SLICE_EMPTY), 1)); /* it speaks for nothing */
    evidence_free(table);
}

static void what_cannot_be_used_is_no_opinion(void)
{
    static const enum answer_check contracts[] = {CHECK_EMPTY,   CHECK_JSON,   CHECK_SCHEMA,
                                                  CHECK_PATTERN, CHECK_CHOICE, CHECK_TOOL};
    for (size_t i = 0; i < ARRAY_LEN(contracts); i++) {
        EXPECT(!check_is_opinion(contracts[i]));
        EXPECT_SLICE(slice_from_cstr(check_weight_word(contracts[i], CHECK_FAILED)), "");
    }
    EXPECT_SLICE(slice_from_cstr(check_weight_word(CHECK_REFUSAL, CHECK_FAILED)), "refusal-");
    EXPECT_SLICE(slice_from_cstr(check_weight_word(CHECK_REFUSAL, CHECK_PASSED)), "refusal+");
    EXPECT_SLICE(slice_from_cstr(check_weight_word(CHECK_REFUSAL, CHECK_SILENT)), "");
}

/* What people say of answers that nothing spoke against, they say of the target: that is in the
 * prior. Else a good name would buy off each check once more, and a target that was praised often
 * enough could say what it likes. */
static void praise_buys_no_failure_off(void)
{
    static const enum answer_check passed[] = {CHECK_REFUSAL, CHECK_TRUNCATED, CHECK_LANGUAGE,
                                               CHECK_REPETITION};
    static const struct check_settings settings = {.threshold = .5};
    struct evidence *table = evidence_new();
    struct checked checked = {.results = {[CHECK_ARITHMETIC] = CHECK_FAILED}};
    const struct check_history history = {table, &weak, TASK_MATH, SLICE("bills"), 0};
    for (size_t i = 0; i < ARRAY_LEN(passed); i++) {
        checked.results[passed[i]] = CHECK_PASSED;
        said(table, passed[i], CHECK_PASSED, SLICE("math"), false, 1, 400);
        said(table, passed[i], CHECK_PASSED, SLICE("bills"), true, 1, 400);
    }
    checked_weigh(&checked, &history, 2); /* no prior is higher */
    EXPECT(near(checked.log_odds, 2 + check_weight(CHECK_LANGUAGE, CHECK_PASSED) +
                                      check_weight(CHECK_ARITHMETIC, CHECK_FAILED)));
    EXPECT(!checked_accepts(&checked, &settings));
    double praised = checked.log_odds;
    said(table, CHECK_REFUSAL, CHECK_PASSED, SLICE("bills"), true, 0, 4000); /* blame counts */
    checked_weigh(&checked, &history, 2);
    EXPECT(checked.log_odds < praised - 1);
    evidence_free(table);
}

/* However often a wrong sum turned out to be none, it is no reason to overlook a refusal. */
static void a_failure_buys_no_other_off(void)
{
    static const struct check_settings settings = {.threshold = .5};
    struct evidence *table = evidence_new();
    struct checked checked = {
        .results = {[CHECK_ARITHMETIC] = CHECK_FAILED, [CHECK_REFUSAL] = CHECK_FAILED}};
    const struct check_history history = {table, &weak, TASK_MATH, SLICE_EMPTY, 0};
    said(table, CHECK_ARITHMETIC, CHECK_FAILED, SLICE("math"), false, 1, 4000);
    checked_weigh(&checked, &history, 1);
    EXPECT(near(checked.log_odds, 1 + check_weight(CHECK_REFUSAL, CHECK_FAILED)));
    EXPECT(!checked_accepts(&checked, &settings));
    evidence_free(table);
}

/* What one key's answers come to teaches nothing of another's. */
static void a_key_teaches_its_own_checks(void)
{
    struct evidence *table = evidence_new();
    struct checked checked = {.results = {[CHECK_ARITHMETIC] = CHECK_FAILED}};
    struct check_history history = {table, &weak, TASK_MATH, SLICE_EMPTY, 7};
    char name[CHECK_WEIGHT_NAME_MAX];
    for (int i = 0; i < 100; i++) {
        evidence_add_named(
            table, 7,
            evidence_tag(check_weight_name(SLICE("arithmetic-"), SLICE("math"), false, 7, name)),
            weak.name, 1, 1, 0);
    }
    checked_weigh(&checked, &history, 1);
    EXPECT(near(checked.log_odds, 1));
    for (history.key = 0; history.key < 100; history.key += history.key == 6 ? 2 : 1) {
        checked_weigh(&checked, &history, 1);
        EXPECT(near(checked.log_odds, 1 + check_weight(CHECK_ARITHMETIC, CHECK_FAILED)));
    }
    evidence_free(table);
}

/* The weightiest failure is named by its weight as it is now. */
static void the_worst_one_is_found_anew(void)
{
    struct evidence *table = evidence_new();
    struct checked checked = {
        .results = {[CHECK_ARITHMETIC] = CHECK_FAILED, [CHECK_CONFIDENCE] = CHECK_FAILED}};
    const struct check_history history = {table, &weak, TASK_MATH, SLICE_EMPTY, 0};
    checked_weigh(&checked, &history, 1);
    EXPECT_INT(checked.worst, CHECK_ARITHMETIC);
    said(table, CHECK_ARITHMETIC, CHECK_FAILED, SLICE("math"), false, 1, 30);
    checked_weigh(&checked, &history, 1);
    EXPECT_INT(checked.worst, CHECK_CONFIDENCE);
    evidence_free(table);
}

static bool alike(const char *a, const char *b)
{
    uint64_t result = answer_result(slice_from_cstr(a));
    return result != 0 && result == answer_result(slice_from_cstr(b));
}

static void answers_come_down_to_numbers_or_few_words(void)
{
    EXPECT(alike("The answer is $1,200.00.", "So 3 * 400 = 1200\n#### 1200"));
    EXPECT(alike("**42**", "It is 42."));
    EXPECT(alike("-3", "That makes -3."));
    EXPECT(!alike("-3", "3"));
    EXPECT(!alike("12", "120"));
    EXPECT(!alike("1.5", "15"));
    EXPECT(alike("Yes.", "yes"));
    EXPECT(!alike("Yes.", "No."));
    EXPECT(!alike("Yes.", "42"));
    EXPECT(answer_result(SLICE("")) == 0);
    EXPECT(answer_result(SLICE("   \n ")) == 0);
    EXPECT(answer_result(SLICE("...")) == 0);
    EXPECT(answer_result(
               SLICE("A long explanation of why the sea is salt, with no number in it.")) == 0);
    EXPECT(answer_result(SLICE("1111111111222222222233333333334444444444")) == 0);
}

int main(void)
{
    TEST(without_outcomes_the_table_weighs, "without outcomes the table weighs");
    TEST(outcomes_move_the_weight_by_target_task_and_tag,
         "outcomes move the weight, by target, task and tag");
    TEST(what_cannot_be_used_is_no_opinion, "what cannot be used is no opinion");
    TEST(praise_buys_no_failure_off, "praise of answers that passed buys no failure off");
    TEST(a_failure_buys_no_other_off, "a failure that turned out to be none buys no other off");
    TEST(a_key_teaches_its_own_checks, "what a key teaches of checks counts for its own calls");
    TEST(the_worst_one_is_found_anew, "the worst one is found anew");
    TEST(answers_come_down_to_numbers_or_few_words, "answers come down to numbers or few words");
    return tap_done();
}
