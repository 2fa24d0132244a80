/* SPDX-License-Identifier: Apache-2.0 */
/* What is taken, and in which order. Refusals are in feasible_test.c. */
#include "route/plan.h"

#include "tests/tap.h"
#include "tests/unit/route/fleet.h"

static void expect_order(int first, int second, int third, int fourth)
{
    EXPECT_INT(fleet_at(0), first);
    EXPECT_INT(fleet_at(1), second);
    EXPECT_INT(fleet_at(2), third);
    EXPECT_INT(fleet_at(3), fourth);
}

static void orders_by_expected_price(void)
{
    fleet_init();
    fleet_plan();
    expect_order(LLAMA, HAIKU, GPT, OPUS);
    EXPECT_INT(fleet_reason(LLAMA), REASON_CHEAPEST);
    EXPECT_INT(fleet_reason(HAIKU), REASON_FALLBACK);
    EXPECT_INT(fleet.plan.count, FLEET);
    EXPECT_INT(fleet.plan.overflow, 0);
    EXPECT(!fleet.plan.below_tier && !fleet.plan.relaxed);
}

static void prices_the_request_and_not_the_list(void)
{
    fleet_init();
    /* Cheap output, dear input: loses on a long prompt, wins on a short one. */
    fleet.targets[LLAMA].off = true;
    fleet.targets[HAIKU].price.base.input = 10 * PRICE_PD_PER_USD_PER_MTOK;
    fleet.targets[HAIKU].price.base.output = 1 * PRICE_PD_PER_USD_PER_MTOK;
    fleet.features.tokens.expected = 20000;
    fleet_plan();
    EXPECT_INT(fleet_at(0), GPT);
    fleet.features.tokens.expected = 20;
    fleet_plan();
    EXPECT_INT(fleet_at(0), HAIKU);
}

static void computes_expected_high_and_worst_cost(void)
{
    fleet_init();
    fleet.input.max_tokens = 100;
    fleet_plan();
    /* $4 per million: 1,000 in and 100 out are 4.4 million nd; the upper bounds are 4,000 in and
     * 100 out. */
    EXPECT_INT(fleet_entry(GPT)->expected_cost_nd, 4400000);
    EXPECT_INT(fleet_entry(GPT)->high_cost_nd, 4400000);
    EXPECT_INT(fleet_entry(GPT)->worst_cost_nd, 16400000);
    EXPECT_INT(fleet.plan.expected_output_tokens, 100);
}

static void worst_cost_without_max_tokens_is_the_most_the_target_answers(void)
{
    fleet_init();
    fleet_plan();
    EXPECT_INT(fleet_entry(GPT)->worst_cost_nd, 4 * 1000 * (4000 + 4000));
    fleet.targets[GPT].output_tokens = 0;
    fleet_plan();
    /* What is left of the window when the prompt is as short as it can be. */
    EXPECT_INT(fleet_entry(GPT)->worst_cost_nd, 4LL * 1000 * (4000 + 100000 - 500));
}

static void several_choices_multiply_the_output(void)
{
    fleet_init();
    fleet.input.max_tokens = 100;
    fleet.features.choices = 3;
    fleet_plan();
    EXPECT_INT(fleet_entry(GPT)->expected_cost_nd, 4 * 1000 * (1000 + 300));
    EXPECT_INT(fleet_entry(GPT)->worst_cost_nd, 4 * 1000 * (4000 + 300));
}

static void costs_saturate(void)
{
    fleet_init();
    fleet.features.tokens = (struct token_estimate){1, INT64_MAX, INT64_MAX};
    fleet.targets[OPUS].price.base.input = INT64_MAX / 2;
    fleet.targets[OPUS].context_tokens = 0;
    fleet_plan();
    EXPECT(fleet_entry(OPUS)->worst_cost_nd == INT64_MAX);
}

static void ties_go_by_latency_then_configuration(void)
{
    fleet_init();
    for (size_t i = 0; i < FLEET; i++) {
        fleet.targets[i].price = fleet_price(2);
        fleet.targets[i].tier = TIER_MID;
    }
    fleet.targets[OPUS].latency_ms = 100;
    fleet.targets[GPT].latency_ms = 0;
    fleet.targets[HAIKU].latency_ms = 150;
    fleet_plan();
    expect_order(OPUS, LLAMA, HAIKU, GPT);
}

static void a_tie_goes_to_the_clients_dialect(void)
{
    fleet_init();
    for (size_t i = 0; i < FLEET; i++) {
        fleet.targets[i].price = fleet_price(2);
        fleet.targets[i].latency_ms = 100;
        fleet.targets[i].dialects = 4;
    }
    fleet.targets[GPT].dialects = 1;
    fleet_plan();
    expect_order(GPT, LLAMA, HAIKU, OPUS);
}

static void targets_below_the_derived_tier_come_last(void)
{
    fleet_init();
    fleet.input.classification.task = TASK_GENERATION;
    fleet_plan();
    expect_order(GPT, OPUS, LLAMA, HAIKU);
    EXPECT_INT(fleet.plan.required_tier, TIER_MID);
    EXPECT(!fleet.plan.tier_is_hard);
    EXPECT_INT(fleet_reason(LLAMA), REASON_BELOW_TIER);
    EXPECT_INT(fleet_reason(HAIKU), REASON_BELOW_TIER);
    EXPECT(!fleet.plan.below_tier);
}

static void below_the_tier_the_strongest_comes_first(void)
{
    fleet_init();
    fleet.input.classification.task = TASK_MATH;
    fleet.targets[OPUS].off = true;
    fleet_plan();
    expect_order(GPT, LLAMA, HAIKU, -1);
    EXPECT(fleet.plan.below_tier);
    EXPECT_INT(fleet_reason(GPT), REASON_BELOW_TIER);
}

static void a_declared_tier_is_hard(void)
{
    fleet_init();
    fleet.input.constraints.min_tier = TIER_PREMIUM;
    fleet_plan();
    expect_order(OPUS, -1, -1, -1);
    EXPECT(fleet.plan.tier_is_hard);
    EXPECT_INT(fleet_reason(GPT), REASON_MIN_TIER);
}

static void the_highest_declared_tier_counts(void)
{
    fleet_init();
    fleet_list(false, 0, NULL);
    fleet.task_policy.min_tier = TIER_MID;
    fleet.input.constraints.min_tier = TIER_BUDGET;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 2);
    fleet.route.min_tier = TIER_PREMIUM;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 1);
}

static void an_exclusive_list_is_tried_in_its_order(void)
{
    fleet_init();
    fleet_list(true, 3, (uint16_t[]){GPT, LLAMA, HAIKU});
    fleet_plan();
    expect_order(GPT, LLAMA, HAIKU, -1);
    EXPECT_INT(fleet_reason(GPT), REASON_LISTED);
    EXPECT_INT(fleet_reason(OPUS), REASON_NOT_LISTED);
}

static void an_exclusive_list_overrides_the_derived_tier(void)
{
    fleet_init();
    fleet.input.classification.task = TASK_MATH;
    fleet_list(true, 2, (uint16_t[]){LLAMA, OPUS});
    fleet_plan();
    expect_order(LLAMA, OPUS, -1, -1);
    EXPECT(!fleet.plan.below_tier);
    EXPECT_INT(fleet.plan.required_tier, TIER_BUDGET);
}

static void the_first_feasible_of_a_list_wins(void)
{
    fleet_init();
    fleet_list(true, 2, (uint16_t[]){OPUS, GPT});
    fleet.input.constraints.max_latency_ms = 400;
    fleet_plan();
    expect_order(GPT, -1, -1, -1);
    EXPECT_INT(fleet_reason(OPUS), REASON_LATENCY);
}

static void preferred_targets_come_first_and_the_rest_follows(void)
{
    fleet_init();
    fleet_list(false, 2, (uint16_t[]){OPUS, HAIKU});
    fleet_plan();
    expect_order(OPUS, HAIKU, LLAMA, GPT);
    EXPECT_INT(fleet_reason(OPUS), REASON_PREFERRED);
    EXPECT_INT(fleet_reason(LLAMA), REASON_FALLBACK);
}

static void the_example_of_the_configuration_holds(void)
{
    /* reasoning: { prefer: [gpt, opus, haiku], min_tier: premium } */
    fleet_init();
    fleet.input.classification.task = TASK_REASONING;
    fleet_list(false, 3, (uint16_t[]){GPT, OPUS, HAIKU});
    fleet.task_policy.min_tier = TIER_PREMIUM;
    fleet_plan();
    expect_order(OPUS, -1, -1, -1);
    EXPECT_INT(fleet_reason(HAIKU), REASON_MIN_TIER);
}

static void a_list_may_name_a_target_outside_of_the_route(void)
{
    fleet_init();
    fleet.route.candidate_count = 2;
    fleet_list(false, 1, (uint16_t[]){OPUS});
    fleet_plan();
    expect_order(OPUS, LLAMA, HAIKU, -1);
    EXPECT_INT(fleet.plan.count, 3);
}

static void models_of_the_caller_are_tried_in_order(void)
{
    uint16_t models[] = {OPUS, LLAMA, OPUS};
    fleet_init();
    fleet.input.models = models;
    fleet.input.model_count = ARRAY_LEN(models);
    fleet.input.route = NULL;
    fleet_plan();
    expect_order(OPUS, LLAMA, -1, -1);
    EXPECT_INT(fleet.plan.count, 2);
    EXPECT_INT(fleet_reason(LLAMA), REASON_LISTED);
    EXPECT_INT(fleet.plan.baseline, NO_TARGET);
}

static void sorting_by_latency_keeps_the_tier(void)
{
    fleet_init();
    fleet.input.constraints.sort = SORT_LATENCY;
    fleet.input.classification.task = TASK_GENERATION;
    fleet.targets[OPUS].latency_ms = 100;
    fleet_plan();
    expect_order(OPUS, GPT, LLAMA, HAIKU);
    EXPECT_INT(fleet_reason(OPUS), REASON_FASTEST);
}

static void feed(size_t target, int64_t first_ms, int64_t total_ms, int64_t tokens)
{
    for (int i = 0; i < 32; i++) {
        health_begin(&fleet.health[target]);
        health_record(&fleet.health[target], &(struct health_sample){.outcome = HEALTH_OK,
                                                                     .first_byte_ms = first_ms,
                                                                     .total_ms = total_ms,
                                                                     .output_tokens = tokens});
    }
}

static void sorting_by_throughput_takes_what_was_measured(void)
{
    fleet_init();
    fleet.input.constraints.sort = SORT_THROUGHPUT;
    feed(GPT, 100, 1100, 200);
    feed(HAIKU, 100, 1100, 50);
    fleet_plan();
    expect_order(GPT, HAIKU, LLAMA, OPUS);
}

static void the_callers_order_of_providers_comes_first(void)
{
    struct slice order[] = {SLICE("anthropic"), SLICE("OpenAI")};
    fleet_init();
    fleet.input.constraints.order = order;
    fleet.input.constraints.order_count = ARRAY_LEN(order);
    fleet_plan();
    expect_order(OPUS, GPT, LLAMA, HAIKU);
    EXPECT_INT(fleet_reason(GPT), REASON_PREFERRED);
}

static void without_fallbacks_one_is_kept(void)
{
    fleet_init();
    fleet.input.constraints.allow_fallbacks = false;
    fleet_plan();
    expect_order(LLAMA, -1, -1, -1);
    EXPECT_INT(fleet.plan.count, FLEET);
    EXPECT_INT(fleet_reason(HAIKU), REASON_NOT_ALLOWED);
    EXPECT(!fleet_entry(HAIKU)->taken);
}

static void the_baseline_is_the_dearest_unless_given(void)
{
    fleet_init();
    fleet_plan();
    EXPECT_INT(fleet.plan.baseline, OPUS);
    fleet.route.baseline = GPT;
    fleet_plan();
    EXPECT_INT(fleet.plan.baseline, GPT);
}

static void nearest_takes_the_least_violation(void)
{
    fleet_init();
    fleet.route.on_infeasible = INFEASIBLE_NEAREST;
    fleet.input.constraints.max_latency_ms = 100;
    fleet_plan();
    expect_order(LLAMA, -1, -1, -1);
    EXPECT(fleet.plan.relaxed);
    EXPECT_INT(fleet_reason(LLAMA), REASON_NEAREST);
    EXPECT_INT(fleet_reason(OPUS), REASON_LATENCY);
    /* What the caller pays at most is no more than that; what the route says may give way. */
    fleet.targets[LLAMA].off = true;
    fleet.input.constraints.max_latency_ms = 290;
    fleet.input.constraints.max_cost_nd = fleet_entry(HAIKU)->high_cost_nd / 2;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 0);
    fleet.route.max_cost_nd = fleet.input.constraints.max_cost_nd;
    fleet.input.constraints.max_cost_nd = NO_LIMIT;
    fleet_plan();
    EXPECT_INT(fleet_at(0), HAIKU);
}

static void nearest_never_relaxes_what_is_no_number(void)
{
    fleet_init();
    fleet.route.on_infeasible = INFEASIBLE_NEAREST;
    fleet.input.constraints.min_tier = TIER_PREMIUM;
    fleet.targets[OPUS].off = true;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 0);
    EXPECT(!fleet.plan.relaxed);
    fleet_init();
    fleet.route.on_infeasible = INFEASIBLE_NEAREST;
    fleet.input.constraints.max_cost_nd = 0;
    fleet.targets[LLAMA].off = true;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 0);
}

static void nearest_does_not_take_the_dead(void)
{
    struct health_sample fatal = {.outcome = HEALTH_FATAL, .now_ns = 1};
    fleet_init();
    fleet.route.on_infeasible = INFEASIBLE_NEAREST;
    fleet.input.constraints.max_latency_ms = 100;
    health_begin(&fleet.health[LLAMA]);
    health_record(&fleet.health[LLAMA], &fatal);
    fleet_plan();
    EXPECT_INT(fleet_at(0), HAIKU);
}

static void without_nearest_nothing_is_taken(void)
{
    fleet_init();
    fleet.input.constraints.max_latency_ms = 10;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 0);
    EXPECT_INT(fleet.plan.count, FLEET);
}

static void a_price_by_ceiling_is_ordered_like_any_other(void)
{
    fleet_init();
    fleet.policy.unknown_price = UNKNOWN_PRICE_CEILING;
    fleet.policy.ceiling = fleet_price(3).base;
    fleet.targets[OPUS].price = (struct price){0};
    fleet_plan();
    expect_order(LLAMA, HAIKU, OPUS, GPT);
    EXPECT(fleet_entry(OPUS)->expected_cost_nd > 0);
}

static void an_unknown_price_that_is_allowed_is_not_the_cheapest(void)
{
    fleet_init();
    fleet.policy.unknown_price = UNKNOWN_PRICE_ALLOW;
    fleet.targets[HAIKU].price = (struct price){0};
    fleet_plan();
    expect_order(LLAMA, GPT, OPUS, HAIKU);
}

#define MANY 100
static void more_targets_than_a_plan_holds_keep_the_best(void)
{
    static struct target targets[MANY];
    static uint16_t candidates[MANY];
    fleet_init();
    for (size_t i = 0; i < MANY; i++) {
        targets[i] = fleet.targets[HAIKU];
        targets[i].health = NULL;
        targets[i].price = fleet_price((int64_t)(MANY - i));
        targets[i].off = i % 2 == 0;
        candidates[i] = (uint16_t)i;
    }
    fleet.policy.targets = targets;
    fleet.policy.target_count = MANY;
    fleet.route.candidates = candidates;
    fleet.route.candidate_count = MANY;
    fleet_plan();
    EXPECT_INT(fleet.plan.count, PLAN_TARGETS_MAX);
    EXPECT_INT(fleet.plan.overflow, MANY - PLAN_TARGETS_MAX);
    EXPECT_INT(fleet.plan.taken, MANY / 2);
    EXPECT_INT(fleet_at(0), MANY - 1);
}

/* What was learned reads LLAMA's and HAIKU's answers, so they may come first for any work. */
static void answers_that_are_read_are_asked_of_cheap_targets(void)
{
    static const uint64_t judged[] = {1u << LLAMA | 1u << HAIKU};
    struct escalation escalation = {.judged = judged, .stream = STREAM_BUFFERED};
    fleet_init();
    fleet.input.classification.task = TASK_CODE_ARCHITECTURE;
    fleet.targets[LLAMA].off = true;
    fleet_plan();
    EXPECT_INT(fleet_at(0), OPUS);
    fleet.route.escalation = &escalation;
    fleet.route.max_attempts = 2;
    fleet_plan();
    EXPECT_INT(fleet_at(0), HAIKU);
    EXPECT_INT(fleet_reason(HAIKU), REASON_JUDGED);
    EXPECT(!fleet.plan.below_tier);
    EXPECT_INT(fleet_at(1), OPUS); /* of the tier; GPT's answers nobody knows */
    fleet.input.unchecked = true;  /* vectors: no check reads them */
    fleet_plan();
    EXPECT_INT(fleet_at(0), OPUS);
    fleet.input.unchecked = false;
    fleet.input.streamed = true;
    fleet_plan();
    EXPECT_INT(fleet_at(0), HAIKU);
    escalation.stream = STREAM_EARLY; /* nothing is read of these */
    fleet_plan();
    EXPECT_INT(fleet_at(0), OPUS);
    fleet.input.streamed = false;
    fleet.route.conservative = 1;
    fleet_plan();
    EXPECT_INT(fleet_at(0), OPUS);
    fleet.route.conservative = 0.7;
    fleet.route.min_tier = TIER_PREMIUM;
    fleet_plan();
    EXPECT_INT(fleet_at(0), OPUS);
}

/* Who may ask one target only asks the one that the work wants. */
static void what_cannot_escalate_does_not_begin_below(void)
{
    static const uint64_t judged[] = {1u << HAIKU};
    static const struct escalation escalation = {.judged = judged, .stream = STREAM_BUFFERED};
    fleet_init();
    fleet.input.classification.task = TASK_CODE_ARCHITECTURE;
    fleet.targets[LLAMA].off = true;
    fleet.route.escalation = &escalation;
    fleet.route.max_attempts = 1;
    fleet_plan();
    EXPECT_INT(fleet_at(0), OPUS);
    fleet.route.max_attempts = 2;
    fleet_plan();
    EXPECT_INT(fleet_at(0), HAIKU);
    fleet.input.constraints.allow_fallbacks = false;
    fleet_plan();
    EXPECT_INT(fleet_at(0), OPUS);
}

int main(void)
{
    TEST(orders_by_expected_price, "feasible targets are ordered by their expected price");
    TEST(prices_the_request_and_not_the_list, "the price is that of this request");
    TEST(computes_expected_high_and_worst_cost, "costs come from expected tokens and upper bounds");
    TEST(worst_cost_without_max_tokens_is_the_most_the_target_answers,
         "without max_tokens the worst case is all that the target can answer");
    TEST(several_choices_multiply_the_output, "n choices multiply the output");
    TEST(costs_saturate, "costs saturate instead of wrapping");
    TEST(ties_go_by_latency_then_configuration, "ties go by latency, then by configuration order");
    TEST(a_tie_goes_to_the_clients_dialect, "a last tie goes to a target of the client's dialect");
    TEST(targets_below_the_derived_tier_come_last, "targets below the derived tier come last");
    TEST(below_the_tier_the_strongest_comes_first, "below the tier the strongest comes first");
    TEST(a_declared_tier_is_hard, "a declared tier is hard");
    TEST(the_highest_declared_tier_counts, "of caller, route and task the highest tier counts");
    TEST(an_exclusive_list_is_tried_in_its_order, "an exclusive list is tried in its order");
    TEST(an_exclusive_list_overrides_the_derived_tier, "an exclusive list overrides the tier");
    TEST(the_first_feasible_of_a_list_wins, "the first feasible target of a list wins");
    TEST(preferred_targets_come_first_and_the_rest_follows, "preferred first, the rest follows");
    TEST(the_example_of_the_configuration_holds, "prefer with a minimum tier drops weaker members");
    TEST(a_list_may_name_a_target_outside_of_the_route, "a list may reach outside the candidates");
    TEST(models_of_the_caller_are_tried_in_order, "models of the caller are tried in order, once");
    TEST(sorting_by_latency_keeps_the_tier, "sorting by latency keeps the tier");
    TEST(sorting_by_throughput_takes_what_was_measured, "sorting by throughput uses measurements");
    TEST(the_callers_order_of_providers_comes_first, "the caller's order of providers comes first");
    TEST(without_fallbacks_one_is_kept, "without fallbacks one target is kept");
    TEST(the_baseline_is_the_dearest_unless_given, "the baseline is the dearest unless given");
    TEST(nearest_takes_the_least_violation, "nearest takes the least violation and says so");
    TEST(nearest_never_relaxes_what_is_no_number, "nearest relaxes neither tier nor free-only");
    TEST(nearest_does_not_take_the_dead, "nearest does not take the dead");
    TEST(without_nearest_nothing_is_taken, "otherwise nothing is taken and all reasons are there");
    TEST(a_price_by_ceiling_is_ordered_like_any_other, "a ceiling price is a price");
    TEST(an_unknown_price_that_is_allowed_is_not_the_cheapest, "unknown is not cheap");
    TEST(more_targets_than_a_plan_holds_keep_the_best, "a full plan keeps what matters most");
    TEST(answers_that_are_read_are_asked_of_cheap_targets,
         "answers that are read are asked of cheap targets first");
    TEST(what_cannot_escalate_does_not_begin_below,
         "where no other may be asked none comes first for being read");
    return tap_done();
}
