/* SPDX-License-Identifier: Apache-2.0 */
/* Complexity: bounds, order of pairs, and that each feature only ever adds; and the tier that
 * follows from it. */
#include "route/classify.h"
#include "route/plan.h"
#include "tests/tap.h"
#include "tests/unit/route/support.h"

static struct features f;

static double complexity_of_text(const char *text)
{
    struct classification c;
    support_features(text, &f);
    classify(&f, &c);
    return complexity_of(&f, TASK_OTHER);
}

static const struct {
    const char *simple;
    const char *hard;
} pairs[] = {
    {"What is 2 + 2?", "Prove that for all integers n > 2, x^n + y^n = z^n implies n | 4, then "
                       "derive the bound step by step."},
    {"Write a function to add two numbers.",
     "Write a function that parses CSV. It must handle quotes, must never allocate, should stream, "
     "and only "
     "use the standard library. Then add error positions and finally explain the complexity."},
    {"hi", "hi, could you compare the two proposals and justify which is better under the budget "
           "limits?"},
    {"Summarize this.",
     "Summarize this in exactly three points, each at most ten words, without names."},
    {"Name a fruit.",
     "Plan the steps: first buy fruit, then wash it, next peel it, finally cut it."},
    {"Fix the bug.\n```\nx = 1;\n```",
     "Fix the "
     "bug.\n```\na();\nb();\nc();\nd();\ne();\nf();\ng();\nh();\ni();\nj();\nk();\nl();\n```"},
    {"What is water?",
     "Which enzyme cleaves the protein, and how does the mutation in the gene change "
     "the reaction and the spectrum of the compound?"},
    {"Is it late?", "Is it late? Why? Who says so? What follows? How do we know?"},
};

static void harder_texts_are_more_complex(void)
{
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        double simple = complexity_of_text(pairs[i].simple);
        double hard = complexity_of_text(pairs[i].hard);
        if (hard <= simple + 0.03) {
            tap_point_failed = true;
            printf("# %.3f against %.3f: %.60s\n", hard, simple, pairs[i].hard);
        }
    }
}

static void trivial_is_near_nothing_and_all_is_below_one(void)
{
    EXPECT(complexity_of_text("hi") < 0.1);
    EXPECT(complexity_of_text("What is the capital of France?") < 0.15);
    memset(&f, 0, sizeof(f));
    f.words = f.constraints = f.steps = f.list_items = f.questions = f.code_marks = 1000000;
    f.operators = f.formulas = f.numbers = f.reasoning_words = f.science_words = f.turns = 1000000;
    f.tools = f.tool_results = f.images = UINT32_MAX;
    f.user_len = 6000;
    f.user_bytes = SIZE_MAX / 2;
    double most = complexity_of(&f, TASK_GENERATION);
    EXPECT(most > 0.95 && most <= 1);
    memset(&f, 0, sizeof(f));
    EXPECT(complexity_of(&f, TASK_CHAT) >= 0 && complexity_of(&f, TASK_CHAT) < 0.001);
}

/* Every count that is measured: raising it never lowers the complexity. */
static void every_feature_only_adds(void)
{
    static const size_t offsets[] = {
        offsetof(struct features, words),         offsetof(struct features, constraints),
        offsetof(struct features, steps),         offsetof(struct features, list_items),
        offsetof(struct features, questions),     offsetof(struct features, code_marks),
        offsetof(struct features, operators),     offsetof(struct features, formulas),
        offsetof(struct features, numbers),       offsetof(struct features, reasoning_words),
        offsetof(struct features, science_words), offsetof(struct features, turns),
        offsetof(struct features, tools),         offsetof(struct features, tool_results),
        offsetof(struct features, images),
    };
    for (size_t i = 0; i < ARRAY_LEN(offsets); i++) {
        memset(&f, 0, sizeof(f));
        f.words = 50;
        double before = complexity_of(&f, TASK_OTHER);
        double first = before;
        for (uint32_t value = 0; value < 5000; value += 1 + value / 4) {
            uint32_t set = offsets[i] == offsetof(struct features, words) ? 50 + value : value;
            memcpy((char *)&f + offsets[i], &set, sizeof(set));
            double here = complexity_of(&f, TASK_OTHER);
            EXPECT(here >= before);
            before = here;
        }
        EXPECT(before > first);
    }
}

static void length_says_less_about_work_on_a_text(void)
{
    memset(&f, 0, sizeof(f));
    f.words = 1500;
    EXPECT(complexity_of(&f, TASK_SUMMARIZATION) < complexity_of(&f, TASK_GENERATION));
}

/* --- the tier --- */

static struct route route;

static enum tier tier_at(enum task task, double complexity, double confidence, double dial)
{
    struct classification c = {.task = task, .complexity = complexity, .confidence = confidence};
    for (int i = 0; i < TASK_COUNT; i++) {
        route.task_tier[i] = task_default_tier((enum task)i);
    }
    route.conservative = dial;
    return required_tier(&route, &c);
}

static void the_table_decides_at_the_default_dial(void)
{
    for (int task = 0; task < TASK_COUNT; task++) {
        EXPECT_INT(tier_at((enum task)task, 0.3, 1, 0.7), task_default_tier((enum task)task));
        EXPECT_INT(tier_at((enum task)task, 0, 1, 0.7), task_default_tier((enum task)task));
    }
}

static void complexity_moves_up_by_one(void)
{
    EXPECT_INT(tier_at(TASK_CODE_RENAME, 0.7, 1, 0.7), TIER_MID);
    EXPECT_INT(tier_at(TASK_CODE_RENAME, 1, 1, 0.7), TIER_MID);
    EXPECT_INT(tier_at(TASK_CODE_FIX, 0.7, 1, 0.7), TIER_PREMIUM);
    EXPECT_INT(tier_at(TASK_MATH, 1, 1, 0.7), TIER_PREMIUM);
}

static void doubt_moves_up(void)
{
    EXPECT_INT(tier_at(TASK_QA_OPEN, 0.55, 1, 0.7), TIER_BUDGET);
    EXPECT_INT(tier_at(TASK_QA_OPEN, 0.55, 0.3, 0.7), TIER_MID);
}

static enum tier tier_of_pair(enum task task, double chance, enum task other, double dial)
{
    struct classification c = {.task = task, .confidence = chance, .by_model = true};
    c.chances[task] = (float)chance;
    c.chances[other] = (float)(1 - chance);
    for (int i = 0; i < TASK_COUNT; i++) {
        route.task_tier[i] = task_default_tier((enum task)i);
    }
    route.conservative = dial;
    return required_tier(&route, &c);
}

static void a_tier_is_too_low_with_no_more_than_the_chance_that_the_dial_leaves(void)
{
    /* .2 for the other task and .12 of the doubt for kinds of text that are not known */
    EXPECT_INT(tier_of_pair(TASK_CLASSIFICATION, 0.8, TASK_CODE_FIX, 0.7), TIER_MID);
    EXPECT_INT(tier_of_pair(TASK_CLASSIFICATION, 0.8, TASK_CODE_FIX, 0.6), TIER_BUDGET);
    EXPECT_INT(tier_of_pair(TASK_CLASSIFICATION, 0.9, TASK_CODE_FIX, 0.7), TIER_BUDGET);
    EXPECT_INT(tier_of_pair(TASK_CLASSIFICATION, 0.9, TASK_CODE_FIX, 0.9), TIER_MID);
    EXPECT_INT(tier_of_pair(TASK_CLASSIFICATION, 0.5, TASK_CODE_DEBUGGING, 0.7), TIER_PREMIUM);
    EXPECT_INT(tier_of_pair(TASK_CODE_FIX, 0.8, TASK_CODE_DEBUGGING, 0.7), TIER_MID);
    EXPECT_INT(tier_of_pair(TASK_CODE_FIX, 0.8, TASK_CODE_DEBUGGING, 0.85), TIER_PREMIUM);
    EXPECT_INT(tier_of_pair(TASK_MATH, 0.5, TASK_CLASSIFICATION, 0.7), TIER_PREMIUM);
}

static void a_strange_text_does_not_go_to_the_lowest_tier(void)
{
    /* every task that it may be is of the lowest */
    EXPECT_INT(tier_of_pair(TASK_CLASSIFICATION, 0.4, TASK_EXTRACTION, 0.7), TIER_MID);
    EXPECT_INT(tier_of_pair(TASK_CLASSIFICATION, 0.6, TASK_EXTRACTION, 0.7), TIER_BUDGET);
    EXPECT_INT(tier_of_pair(TASK_CLASSIFICATION, 0.6, TASK_EXTRACTION, 0.9), TIER_MID);
}

static void a_given_task_is_not_doubted(void)
{
    struct classification c = {.task = TASK_QA_OPEN, .complexity = 0.55, .given = true};
    EXPECT_INT(required_tier(NULL, &c), TIER_BUDGET);
    c.complexity = 0.7;
    EXPECT_INT(required_tier(NULL, &c), TIER_MID);
}

static void trivial_work_goes_down_where_the_dial_is_low(void)
{
    EXPECT_INT(tier_at(TASK_MATH, 0.1, 1, 0.3), TIER_MID);
    EXPECT_INT(tier_at(TASK_MATH, 0.3, 1, 0.3), TIER_PREMIUM);
    EXPECT_INT(tier_at(TASK_MATH, 0.0, 1, 0.6), TIER_PREMIUM);
    EXPECT_INT(tier_at(TASK_CODE_FIX, 0.1, 1, 0.2), TIER_BUDGET);
}

static void the_ends_of_the_dial_are_absolute(void)
{
    for (int task = 0; task < TASK_COUNT; task++) {
        EXPECT_INT(tier_at((enum task)task, 1, 0, 0), TIER_BUDGET);
        EXPECT_INT(tier_at((enum task)task, 0, 1, 1), TIER_PREMIUM);
    }
}

static void a_higher_dial_is_never_a_lower_tier(void)
{
    for (int task = 0; task < TASK_COUNT; task++) {
        for (double complexity = 0; complexity <= 1; complexity += 0.1) {
            for (double confidence = 0; confidence <= 1; confidence += 0.25) {
                enum tier before = TIER_BUDGET;
                for (int dial = 0; dial <= 20; dial++) {
                    enum tier here = tier_at((enum task)task, complexity, confidence, dial / 20.0);
                    EXPECT(here >= before);
                    before = here;
                }
            }
        }
    }
}

static void predictions_stay_under_max_tokens(void)
{
    int64_t high = 0;
    support_features("Translate this text into German: the sea is calm tonight.", &f);
    for (int task = 0; task < TASK_COUNT; task++) {
        int64_t expected = predict_output_tokens((enum task)task, &f, 0, &high);
        EXPECT(expected > 0 && high > expected);
        EXPECT(predict_output_tokens((enum task)task, &f, 10, &high) <= 10 && high <= 10);
    }
    EXPECT_INT(predict_output_tokens(TASK_CHAT, &f, 10, &high), 10);
}

static void a_translation_is_as_long_as_its_original(void)
{
    static char text[40001];
    int64_t high = 0;
    memset(text, 'x', sizeof(text) - 1);
    for (size_t i = 5; i < sizeof(text) - 1; i += 6) {
        text[i] = ' ';
    }
    support_features(text, &f);
    int64_t expected = predict_output_tokens(TASK_TRANSLATION, &f, 0, &high);
    EXPECT(expected >= f.tokens.expected && expected <= 2 * f.tokens.expected);
    EXPECT(predict_output_tokens(TASK_CLASSIFICATION, &f, 0, &high) < expected / 5);
}

int main(void)
{
    TEST(harder_texts_are_more_complex, "of two texts the harder is more complex");
    TEST(trivial_is_near_nothing_and_all_is_below_one, "complexity is between 0 and 1");
    TEST(every_feature_only_adds, "every feature only adds");
    TEST(length_says_less_about_work_on_a_text, "length says less about work on a given text");
    TEST(the_table_decides_at_the_default_dial, "at the default dial the table decides");
    TEST(complexity_moves_up_by_one, "high complexity moves up by one tier");
    TEST(doubt_moves_up, "doubt moves up");
    TEST(a_tier_is_too_low_with_no_more_than_the_chance_that_the_dial_leaves,
         "the chance that a tier is too low is bounded by the dial");
    TEST(a_strange_text_does_not_go_to_the_lowest_tier,
         "a text that no task is sure of does not go to the lowest tier");
    TEST(a_given_task_is_not_doubted, "a given task is not doubted");
    TEST(trivial_work_goes_down_where_the_dial_is_low, "trivial work goes down at a low dial");
    TEST(the_ends_of_the_dial_are_absolute, "the ends of the dial are absolute");
    TEST(a_higher_dial_is_never_a_lower_tier, "a higher dial is never a lower tier");
    TEST(predictions_stay_under_max_tokens, "predictions stay under max_tokens");
    TEST(a_translation_is_as_long_as_its_original, "a translation is as long as its original");
    support_reset();
    return tap_done();
}
