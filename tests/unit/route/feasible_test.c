/* SPDX-License-Identifier: Apache-2.0 */
/* Every refusal, its number and its sentence. */
#include "route/plan.h"

#include "tests/tap.h"
#include "tests/unit/route/fleet.h"

static char sentence[512];

static const char *explain(uint16_t target)
{
    struct buf out = BUF_INIT(sizeof(sentence) - 1);
    plan_entry_explain(&fleet.input, fleet_entry(target), &out);
    memcpy(sentence, out.ptr, out.len);
    sentence[out.len] = 0;
    buf_release(&out);
    return sentence;
}

#define EXPECT_SAYS(target, text)                                                                  \
    do {                                                                                           \
        const char *said = explain(target);                                                        \
        if (strcmp(said, (text)) != 0) {                                                           \
            tap_point_failed = true;                                                               \
            printf("# %s:%d: said \"%s\", wanted \"%s\"\n", __FILE__, __LINE__, said, (text));     \
        }                                                                                          \
    } while (0)

static void refuses_what_is_switched_off(void)
{
    fleet_init();
    fleet.targets[HAIKU].off = true;
    atomic_store(&fleet.health[GPT].switched_off, true);
    fleet_plan();
    EXPECT_INT(fleet_reason(HAIKU), REASON_OFF);
    EXPECT_INT(fleet_reason(GPT), REASON_OFF);
    EXPECT_SAYS(GPT, "is switched off");
}

static void refuses_the_dead(void)
{
    fleet_init();
    for (int i = 0; i < HEALTH_FAILURES_TO_OPEN; i++) {
        health_begin(&fleet.health[LLAMA]);
        health_record(&fleet.health[LLAMA], &(struct health_sample){.outcome = HEALTH_FAILED,
                                                                    .now_ns = fleet.input.now_ns,
                                                                    .first_byte_ms = -1,
                                                                    .total_ms = -1});
    }
    fleet_plan();
    EXPECT_INT(fleet_reason(LLAMA), REASON_DEAD);
    EXPECT_SAYS(LLAMA, "has failed and is tried again in 1000 ms");
    fleet.input.now_ns += 2000000000;
    fleet_plan();
    EXPECT_INT(fleet_reason(LLAMA), REASON_CHEAPEST);
}

static void refuses_without_the_capability(void)
{
    fleet_init();
    fleet.features.needs = CAPABILITY_TOOLS | CAPABILITY_VISION | CAPABILITY_JSON_SCHEMA;
    fleet.targets[OPUS].capabilities = UINT32_MAX;
    fleet_plan();
    EXPECT_INT(fleet_reason(GPT), REASON_CAPABILITY);
    EXPECT_INT(fleet_entry(GPT)->wanted, CAPABILITY_VISION | CAPABILITY_JSON_SCHEMA);
    EXPECT_SAYS(GPT, "lacks vision, json_schema");
    EXPECT_INT(fleet_at(0), OPUS);
}

static void soft_capabilities_count_when_required(void)
{
    fleet_init();
    fleet.features.needs = CAPABILITY_REASONING | CAPABILITY_PARALLEL_TOOLS;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, FLEET);
    fleet.input.constraints.require_parameters = true;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 0);
}

static void refuses_a_window_that_is_too_small(void)
{
    fleet_init();
    fleet.targets[GPT].context_tokens = 4096;
    fleet.targets[HAIKU].context_tokens = 0;
    fleet.features.tokens.expected = 3000;
    fleet.input.max_tokens = 2000;
    fleet_plan();
    EXPECT_INT(fleet_reason(GPT), REASON_CONTEXT);
    EXPECT_SAYS(GPT, "has a window of 4096 tokens, the call needs about 5000");
    EXPECT(fleet_entry(HAIKU)->taken);
    fleet.features.tokens.expected = 2096;
    fleet_plan();
    EXPECT(fleet_entry(GPT)->taken);
}

static void refuses_what_is_too_slow(void)
{
    fleet_init();
    fleet.input.constraints.max_latency_ms = 299;
    fleet_plan();
    EXPECT_INT(fleet_reason(GPT), REASON_LATENCY);
    EXPECT_SAYS(GPT, "takes 300 ms to the first token (90th percentile), the limit is 299 ms");
    fleet.targets[GPT].latency_ms = 0;
    fleet_plan();
    EXPECT(fleet_entry(GPT)->taken);
}

static void measured_latency_replaces_the_configured_one(void)
{
    fleet_init();
    fleet.input.constraints.max_latency_ms = 500;
    for (int i = 0; i < 40; i++) {
        health_begin(&fleet.health[LLAMA]);
        health_record(&fleet.health[LLAMA],
                      &(struct health_sample){.outcome = HEALTH_OK,
                                              .first_byte_ms = i < 30 ? 100 : 2000,
                                              .total_ms = 4000});
    }
    fleet_plan();
    EXPECT_INT(fleet_reason(LLAMA), REASON_LATENCY);
    fleet.input.constraints.max_latency_ms = 2500;
    fleet_plan();
    EXPECT(fleet_entry(LLAMA)->taken);
    fleet.input.streamed = false;
    fleet_plan();
    EXPECT_INT(fleet_reason(LLAMA), REASON_LATENCY);
    EXPECT(strstr(explain(LLAMA), "to completion") != NULL);
}

static void refuses_what_costs_too_much(void)
{
    fleet_init();
    fleet.input.max_tokens = 1000;
    /* 1,000 in and 600 out (the high of qa_open) at $4 per million */
    fleet.input.constraints.max_cost_nd = 6399999;
    fleet_plan();
    EXPECT_INT(fleet_reason(GPT), REASON_COST);
    EXPECT_INT(fleet_entry(GPT)->actual, 6400000);
    EXPECT_SAYS(GPT, "costs $0.0064 at most, the limit is $0.006399999");
    fleet.input.constraints.max_cost_nd = 6400000;
    fleet_plan();
    EXPECT(fleet_entry(GPT)->taken);
}

static void a_cost_limit_of_zero_means_free_only(void)
{
    fleet_init();
    fleet.input.constraints.max_cost_nd = 0;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 1);
    EXPECT_INT(fleet_at(0), LLAMA);
    EXPECT(strstr(explain(HAIKU), "is not free") != NULL);
    EXPECT_INT(fleet.plan.max_cost_nd, 0);
}

static void the_tighter_of_caller_and_route_holds(void)
{
    fleet_init();
    fleet.route.max_cost_nd = 10;
    fleet.input.constraints.max_cost_nd = 20;
    fleet.route.max_latency_ms = 500;
    fleet.input.constraints.max_latency_ms = 100;
    fleet_plan();
    EXPECT_INT(fleet.plan.max_cost_nd, 10);
    EXPECT_INT(fleet.plan.max_latency_ms, 100);
    fleet.input.constraints.max_cost_nd = NO_LIMIT;
    fleet.route.max_latency_ms = NO_LIMIT;
    fleet_plan();
    EXPECT_INT(fleet.plan.max_cost_nd, 10);
    EXPECT_INT(fleet.plan.max_latency_ms, 100);
    fleet.input.constraints.max_cost_nd = 0;
    fleet_plan();
    EXPECT_INT(fleet.plan.max_cost_nd, 0);
}

static void an_unknown_price_is_refused_or_explicit(void)
{
    fleet_init();
    fleet.targets[GPT].price.known = false;
    fleet_plan();
    EXPECT_INT(fleet_reason(GPT), REASON_PRICE_UNKNOWN);
    EXPECT_SAYS(GPT, "its price is not known and prices.unknown is deny");
    fleet.policy.unknown_price = UNKNOWN_PRICE_ALLOW;
    fleet_plan();
    EXPECT(fleet_entry(GPT)->taken);
    EXPECT(strstr(explain(GPT), "price is not known") != NULL);
    fleet.input.constraints.max_cost_nd = MONEY_ND_PER_USD;
    fleet_plan();
    EXPECT_INT(fleet_reason(GPT), REASON_PRICE_UNKNOWN);
    EXPECT_SAYS(GPT, "its price is not known, so no cost limit can be promised");
    fleet.policy.unknown_price = UNKNOWN_PRICE_CEILING;
    fleet.policy.ceiling = fleet_price(60).base;
    fleet_plan();
    EXPECT(fleet_entry(GPT)->taken);
}

static void local_only_leaves_the_local_ones(void)
{
    fleet_init();
    fleet.input.constraints.local_only = true;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 1);
    EXPECT_SAYS(OPUS, "is not local, the request must stay here");
    fleet_init();
    fleet.route.local_only = true;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 1);
}

static void says_which_tier_is_required(void)
{
    fleet_init();
    fleet.input.constraints.min_tier = TIER_MID;
    fleet_plan();
    EXPECT_SAYS(HAIKU, "is budget, at least mid is required");
}

static void only_and_ignore_name_providers(void)
{
    struct slice openai = SLICE("OPENAI");
    fleet_init();
    fleet.input.constraints.only = &openai;
    fleet.input.constraints.only_count = 1;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 1);
    EXPECT_INT(fleet_at(0), GPT);
    EXPECT_SAYS(OPUS, "provider anthropic is not among those the caller allows");
    fleet.input.constraints.only = NULL;
    fleet.input.constraints.ignore = &openai;
    fleet.input.constraints.ignore_count = 1;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 3);
    EXPECT_SAYS(GPT, "the caller excludes provider openai");
}

static void an_empty_only_allows_nothing(void)
{
    struct slice none = SLICE("");
    fleet_init();
    fleet.input.constraints.only = &none;
    fleet.input.constraints.only_count = 0;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 0);
}

static void max_price_is_per_token(void)
{
    fleet_init();
    fleet.input.constraints.max_output_pd = 3 * PRICE_PD_PER_USD_PER_MTOK;
    fleet_plan();
    EXPECT_INT(fleet_reason(GPT), REASON_NOT_ALLOWED);
    EXPECT_SAYS(
        GPT, "charges $4.00 per million tokens, the caller pays at most $3.00 per million tokens");
    EXPECT(fleet_entry(HAIKU)->taken);
    fleet.input.constraints.max_input_pd = 0;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 1);
}

static void an_operation_may_need_a_dialect(void)
{
    fleet_init();
    fleet.input.required_dialects = 2;
    fleet.targets[GPT].dialects = 3;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 1);
    EXPECT_INT(fleet_reason(HAIKU), REASON_DIALECT);
    EXPECT_SAYS(HAIKU, "speaks no dialect that has a word for what is asked");
}

static void says_that_a_list_leaves_it_out(void)
{
    fleet_init();
    fleet_list(true, 1, (uint16_t[]){GPT});
    fleet_plan();
    EXPECT_SAYS(OPUS, "is not in the list for qa_open");
    EXPECT(strstr(explain(GPT), "listed for the task; expected to cost $0.0048") != NULL);
}

static void says_why_it_was_taken(void)
{
    fleet_init();
    fleet.input.classification.task = TASK_GENERATION;
    fleet.input.max_tokens = 100;
    fleet_plan();
    EXPECT_SAYS(GPT, "cheapest that satisfies the request; expected to cost $0.0044, about 300 ms "
                     "to the first token");
    EXPECT_SAYS(OPUS,
                "satisfies the request; expected to cost $0.022, about 800 ms to the first token");
    EXPECT(strstr(explain(HAIKU), "is budget where mid was wanted") != NULL);
}

static void says_what_nearest_relaxed(void)
{
    fleet_init();
    fleet.route.on_infeasible = INFEASIBLE_NEAREST;
    fleet.input.constraints.max_latency_ms = 100;
    fleet_plan();
    EXPECT(strstr(explain(LLAMA), "misses them by least: takes 150 ms") != NULL);
}

static void says_that_fallbacks_are_not_allowed(void)
{
    fleet_init();
    fleet.input.constraints.allow_fallbacks = false;
    fleet_plan();
    EXPECT_SAYS(HAIKU, "would do, but the caller allows no fallbacks");
}

static void reasons_have_stable_names(void)
{
    for (int i = 0; i < REASON_COUNT; i++) {
        EXPECT(plan_reason_name((enum plan_reason)i) != NULL);
        for (int j = 0; j < i; j++) {
            EXPECT(strcmp(plan_reason_name((enum plan_reason)i),
                          plan_reason_name((enum plan_reason)j)) != 0);
        }
    }
    EXPECT(strcmp(plan_reason_name(REASON_COST), "over_cost") == 0);
    /* In databases: what is taken is below 32, and 0 is none. */
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        unsigned code = plan_reason_code((enum plan_reason)i);
        EXPECT(code > 0 && code < 64 && (code < 32) == (i <= REASON_TAKEN_LAST));
        EXPECT_INT(plan_reason_of_code(code), i);
    }
    EXPECT_INT(plan_reason_code(REASON_CHEAPEST), 3);
    EXPECT_INT(plan_reason_code(REASON_DIALECT), 43);
    EXPECT_INT(plan_reason_of_code(0), REASON_COUNT);
    EXPECT_INT(plan_reason_of_code(31), REASON_COUNT);
    EXPECT(strcmp(plan_reason_name(REASON_LATENCY), "over_latency") == 0);
}

static void constraints_work_together(void)
{
    fleet_init();
    fleet.input.constraints.max_latency_ms = 500;
    fleet.input.constraints.max_cost_nd = 50000000;
    fleet.input.constraints.min_tier = TIER_MID;
    fleet.features.needs = CAPABILITY_TOOLS;
    fleet.targets[GPT].capabilities = CAPABILITY_STREAMING;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 0);
    EXPECT_INT(fleet_reason(LLAMA), REASON_MIN_TIER);
    EXPECT_INT(fleet_reason(HAIKU), REASON_MIN_TIER);
    EXPECT_INT(fleet_reason(GPT), REASON_CAPABILITY);
    EXPECT_INT(fleet_reason(OPUS), REASON_LATENCY);
}

int main(void)
{
    TEST(refuses_what_is_switched_off, "a target that is switched off is refused");
    TEST(refuses_the_dead, "a dead target is refused until it is due again");
    TEST(refuses_without_the_capability, "a missing capability is named");
    TEST(soft_capabilities_count_when_required, "soft capabilities count only when required");
    TEST(refuses_a_window_that_is_too_small, "the window must hold the prompt and the answer");
    TEST(refuses_what_is_too_slow, "the configured latency is held against the limit");
    TEST(measured_latency_replaces_the_configured_one, "measured latency replaces the configured");
    TEST(refuses_what_costs_too_much, "the cost at the high output is held against the limit");
    TEST(a_cost_limit_of_zero_means_free_only, "a cost limit of 0 means free targets only");
    TEST(the_tighter_of_caller_and_route_holds, "the tighter of caller and route holds");
    TEST(an_unknown_price_is_refused_or_explicit, "an unknown price is never 0 by accident");
    TEST(local_only_leaves_the_local_ones, "local-only leaves the local ones");
    TEST(says_which_tier_is_required, "the tier that is required is said");
    TEST(only_and_ignore_name_providers, "only and ignore name providers");
    TEST(an_empty_only_allows_nothing, "an empty `only` allows nothing");
    TEST(max_price_is_per_token, "max_price is held against the rates");
    TEST(an_operation_may_need_a_dialect, "an operation may need a dialect");
    TEST(says_that_a_list_leaves_it_out, "a list that leaves a target out is named");
    TEST(says_why_it_was_taken, "a taken target is explained with dollars and milliseconds");
    TEST(says_what_nearest_relaxed, "nearest says what it relaxed");
    TEST(says_that_fallbacks_are_not_allowed, "refused fallbacks are explained");
    TEST(reasons_have_stable_names, "every reason has its own name");
    TEST(constraints_work_together, "several constraints refuse each its own");
    return tap_done();
}
