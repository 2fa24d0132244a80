/* SPDX-License-Identifier: Apache-2.0 */
/* How probable a good answer is, by what is known. */
#include "route/success.h"

#include "tests/tap.h"
#include "tests/unit/route/fleet.h"

#include <math.h>

static void the_tier_that_the_task_asks_for_is_nine_in_ten(void)
{
    for (int tier = 0; tier < TIER_COUNT; tier++) {
        EXPECT(fabs(success_prior((enum tier)tier, (enum tier)tier, 0.3) - 0.9) < 1e-9);
    }
    EXPECT(fabs(success_prior(TIER_BUDGET, TIER_MID, 0.3) - 0.7) < 1e-9);
    EXPECT(fabs(success_prior(TIER_PREMIUM, TIER_MID, 0.3) - 0.97) < 1e-9);
}

static void more_tier_is_more_and_more_complexity_is_less(void)
{
    for (int asked = 0; asked < TIER_COUNT; asked++) {
        for (double complexity = 0; complexity <= 1; complexity += 0.05) {
            double before = 0;
            for (int tier = 0; tier < TIER_COUNT; tier++) {
                double here = success_prior((enum tier)tier, (enum tier)asked, complexity);
                EXPECT(here > before && here < 1);
                EXPECT(here >= success_prior((enum tier)tier, (enum tier)asked, complexity + 0.05));
                before = here;
            }
        }
    }
    EXPECT(success_prior(TIER_MID, TIER_MID, (double)NAN) > 0);
}

static void every_entry_of_a_plan_has_its_success(void)
{
    fleet_init();
    fleet.input.classification.complexity = 0.3;
    fleet.targets[OPUS].off = true;
    fleet_plan();
    EXPECT_INT(fleet_entry(LLAMA)->success_permille, 900);
    EXPECT_INT(fleet_entry(GPT)->success_permille, 970);
    EXPECT_INT(fleet_entry(OPUS)->success_permille, 990); /* refused ones, too */
    fleet.route.task_tier[TASK_QA_OPEN] = TIER_PREMIUM;
    fleet_plan();
    EXPECT_INT(fleet_entry(LLAMA)->success_permille, 400);
}

/* --- what answers showed --- */

static struct evidence *table;

/* The fleet with nothing known but tiers, and a task for which mid is wanted. */
static void begin(double dial)
{
    fleet_init();
    evidence_free(table);
    table = evidence_new();
    fleet.policy.evidence = table;
    fleet.route.conservative = dial;
    fleet.input.classification.complexity = 0.3;
    fleet.input.classification.task = TASK_CODE_FIX;
    fleet.input.tag = evidence_tag(SLICE("invoices"));
}

static void show(uint64_t tag, size_t target, int good, int bad)
{
    for (int i = 0; i < good; i++) {
        evidence_add(table, tag, &fleet.targets[target], 1, 1);
    }
    for (int i = 0; i < bad; i++) {
        evidence_add(table, tag, &fleet.targets[target], 0, 1);
    }
}

static int first_when(double dial, size_t target, int good, int bad)
{
    begin(dial);
    fleet.targets[LLAMA].off = target != LLAMA;
    show(fleet.input.tag, target, good, bad);
    fleet_plan();
    return fleet_at(0);
}

static void answers_move_the_estimate_and_few_say_little(void)
{
    begin(0.7);
    fleet_plan();
    EXPECT_INT(fleet_entry(HAIKU)->success_permille, 700);
    show(fleet.input.tag, HAIKU, 2, 0);
    fleet_plan();
    EXPECT_INT(fleet_entry(HAIKU)->success_permille, 760); /* (8 x .7 + 2) / 10 */
    EXPECT_INT(fleet_at(0), GPT);
    show(fleet.input.tag, HAIKU, 90, 8);
    fleet_plan();
    EXPECT_INT(fleet_entry(HAIKU)->success_permille, 904);
    EXPECT_INT(fleet_entry(LLAMA)->success_permille, 700);
}

static void a_cheaper_target_is_taken_when_its_answers_were_good(void)
{
    EXPECT_INT(first_when(0.7, HAIKU, 0, 0), GPT);
    EXPECT_INT(first_when(0.7, HAIKU, 3, 0), GPT);
    EXPECT_INT(first_when(0.7, HAIKU, 40, 1), HAIKU);
    EXPECT_INT(fleet_reason(HAIKU), REASON_PROVEN);
    EXPECT_INT(fleet_reason(GPT), REASON_FALLBACK);
    EXPECT(!fleet.plan.below_tier);
    EXPECT_INT(first_when(0.7, HAIKU, 20, 20), GPT);
}

static void the_more_conservative_the_more_has_to_be_shown(void)
{
    int before = 0;
    for (int dial = 1; dial <= 19; dial++) {
        int good = 0;
        while (good < 2000 && first_when(dial / 20.0, HAIKU, good, good / 10) != HAIKU) {
            good++;
        }
        EXPECT(good >= before);
        before = good;
    }
    EXPECT(before > 1000); /* at .95 it takes many to be sure of nine in ten */
    EXPECT(first_when(0.95, HAIKU, 400, 0) == HAIKU);
    EXPECT_INT(first_when(1, HAIKU, 4000, 0), OPUS);
    EXPECT_INT(first_when(0, LLAMA, 0, 4000), LLAMA);
}

static void a_target_falls_behind_when_its_answers_were_bad(void)
{
    EXPECT_INT(first_when(0.7, GPT, 1, 2), GPT); /* may be bad luck */
    EXPECT_INT(first_when(0.7, GPT, 10, 30), OPUS);
    EXPECT_INT(fleet_reason(GPT), REASON_DOUBTED);
    EXPECT(!fleet.plan.below_tier);
    fleet.targets[OPUS].off = true;
    fleet_plan();
    EXPECT_INT(fleet_at(0), HAIKU); /* none is good enough: the cheapest that comes as near */
    EXPECT(fleet.plan.below_tier);
}

static void where_all_are_bad_the_best_is_enough(void)
{
    begin(0.7);
    show(fleet.input.tag, GPT, 50, 50);
    show(fleet.input.tag, OPUS, 55, 45);
    fleet_plan();
    EXPECT_INT(fleet_at(0), GPT);
    show(fleet.input.tag, OPUS, 200, 0);
    fleet_plan();
    EXPECT_INT(fleet_at(0), OPUS);
}

static void the_tag_says_more_than_the_task_and_other_tags_nothing(void)
{
    begin(0.7);
    show(evidence_task(TASK_CODE_FIX), HAIKU, 60, 0);
    fleet_plan();
    EXPECT_INT(fleet_at(0), HAIKU);
    show(fleet.input.tag, HAIKU, 2, 20);
    fleet_plan();
    EXPECT_INT(fleet_at(0), GPT);
    fleet.input.tag = evidence_tag(SLICE("letters"));
    fleet_plan();
    EXPECT_INT(fleet_at(0), HAIKU);
    fleet.input.classification.task = TASK_CODE_REVIEW;
    fleet_plan();
    EXPECT_INT(fleet_at(0), GPT);
}

static void limits_and_lists_stay_what_they_are(void)
{
    const uint16_t list[] = {OPUS, GPT};
    begin(0.7);
    show(fleet.input.tag, HAIKU, 100, 0);
    show(fleet.input.tag, OPUS, 0, 100);
    fleet.input.constraints.min_tier = TIER_MID;
    fleet_plan();
    EXPECT_INT(fleet_at(0), GPT);
    EXPECT_INT(fleet_reason(HAIKU), REASON_MIN_TIER);
    fleet_list(true, 2, list);
    fleet_plan();
    EXPECT_INT(fleet_at(0), OPUS);
}

static void a_familiar_text_moves_the_tier_and_a_strange_one_does_not(void)
{
    begin(0.7);
    struct judgement *judged = &fleet.input.classification.judged;
    *judged = (struct judgement){{930, 950, 960}, 1000};
    fleet_plan();
    EXPECT_INT(fleet_at(0), LLAMA);
    EXPECT_INT(fleet_reason(LLAMA), REASON_PROVEN);
    judged->familiarity_permille = 200;
    fleet_plan();
    EXPECT_INT(fleet_at(0), GPT);
    *judged = (struct judgement){{300, 450, 900}, 900};
    fleet_plan();
    EXPECT_INT(fleet_at(0), OPUS);
    judged->familiarity_permille = 0;
    fleet_plan();
    EXPECT_INT(fleet_at(0), GPT);
}

/* --- the route's own record --- */

static void show_route(const char *step, int good, int bad)
{
    const struct target target = {.name = slice_from_cstr(step)};
    for (int i = 0; i < good + bad; i++) {
        evidence_add(table, evidence_route(SLICE("auto")), &target, i < good ? 1 : 0, 1);
    }
}

static void expectations_are_corrected_by_what_came_of_them(void)
{
    begin(0.7);
    show_route("7", 20, 60); /* .7 was expected, .25 came */
    fleet_plan();
    EXPECT_INT(fleet_entry(HAIKU)->success_permille, 340); /* (20 + 20 x .7) / 100 */
    EXPECT_INT(fleet_entry(GPT)->success_permille, 900);
    EXPECT_INT(fleet_at(0), GPT);
    show_route("9", 0, 400); /* tiers keep their order */
    fleet_plan();
    EXPECT_INT(fleet_entry(GPT)->success_permille, 340);
}

static double dial_when(int good, int bad)
{
    begin(0.7);
    fleet.route.conservative_min = 0.5;
    fleet.route.conservative_max = 0.85;
    show_route("9", good, bad);
    return success_dial(&fleet.input);
}

static void evidence_moves_the_dial_within_its_bounds(void)
{
    EXPECT(fabs(dial_when(0, 0) - 0.7) < 1e-9);
    EXPECT(fabs(dial_when(90, 10) - 0.7) < 1e-9);
    EXPECT(fabs(dial_when(45, 5) - 0.7) < 1e-9);
    EXPECT(fabs(dial_when(42, 8) - 0.76) < 1e-3); /* .06 are missing, and half is believed */
    EXPECT(fabs(dial_when(50, 0) - 0.6) < 1e-3);
    EXPECT(fabs(dial_when(0, 50) - 0.85) < 1e-9);
    fleet.route.conservative_max = fleet.route.conservative_min = 0.7; /* no bounds: it stays */
    EXPECT(fabs(success_dial(&fleet.input) - 0.7) < 1e-9);
    fleet.input.route = NULL;
    EXPECT(fabs(success_dial(&fleet.input) - CONSERVATIVE_DEFAULT) < 1e-9);
}

static void the_moved_dial_is_what_decides(void)
{
    begin(0.3);
    fleet.input.classification.complexity = 0.1; /* a tier less is wanted at .3 */
    fleet_plan();
    EXPECT_INT(fleet.plan.required_tier, TIER_BUDGET);
    fleet.route.conservative_min = 0.3;
    fleet.route.conservative_max = 0.9;
    show_route("9", 60, 140);
    fleet_plan();
    EXPECT_INT(fleet.plan.required_tier, TIER_MID);
}

static void a_sentence_says_what_is_believed_and_required(void)
{
    struct buf text = BUF_INIT(1024);
    EXPECT_INT(first_when(0.7, HAIKU, 100, 0), HAIKU);
    plan_entry_explain(&fleet.input, fleet_entry(HAIKU), &text);
    EXPECT_SLICE(slice_of(text.ptr, 125),
                 "is budget where mid was wanted: 978 of 1,000 answers to such requests are "
                 "believed good enough, 810 are required; expected to");
    buf_release(&text);
}

int main(void)
{
    TEST(the_tier_that_the_task_asks_for_is_nine_in_ten,
         "the tier that the task asks for is good enough nine times in ten");
    TEST(more_tier_is_more_and_more_complexity_is_less,
         "a higher tier is better, more complexity is worse");
    TEST(every_entry_of_a_plan_has_its_success, "every entry of a plan has its success");
    TEST(answers_move_the_estimate_and_few_say_little,
         "answers move the estimate, and few say little");
    TEST(a_cheaper_target_is_taken_when_its_answers_were_good,
         "a cheaper target is taken when its answers were good");
    TEST(the_more_conservative_the_more_has_to_be_shown,
         "the more conservative, the more has to be shown; at the ends tiers alone count");
    TEST(a_target_falls_behind_when_its_answers_were_bad,
         "a target falls behind when its answers were bad, and not before that is sure");
    TEST(where_all_are_bad_the_best_is_enough, "where all are bad the best is enough");
    TEST(the_tag_says_more_than_the_task_and_other_tags_nothing,
         "a tag says more than its task, and other tags nothing");
    TEST(limits_and_lists_stay_what_they_are, "limits and lists stay what they are");
    TEST(a_familiar_text_moves_the_tier_and_a_strange_one_does_not,
         "a familiar text moves the tier, a strange one does not");
    TEST(expectations_are_corrected_by_what_came_of_them,
         "expectations are corrected by what came of them on the route");
    TEST(evidence_moves_the_dial_within_its_bounds, "evidence moves the dial within its bounds");
    TEST(the_moved_dial_is_what_decides, "the moved dial is what decides");
    TEST(a_sentence_says_what_is_believed_and_required,
         "a sentence says what is believed and what is required");
    evidence_free(table);
    return tap_done();
}
