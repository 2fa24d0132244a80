/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small fleet to plan with: prices in dollars per million tokens, equal in and out where nothing
 * else is said, so that a test can reckon costs in its head. 1,000 tokens at $1 per million are
 * 1,000,000 nd.
 */
#ifndef TESTS_ROUTE_FLEET_H
#define TESTS_ROUTE_FLEET_H

#include "route/health.h"
#include "route/plan.h"

enum { LLAMA, HAIKU, GPT, OPUS, FLEET };

struct fleet {
    struct target_health health[FLEET];
    struct target targets[FLEET];
    uint16_t candidates[FLEET];
    struct route route;
    struct policy policy;
    struct features features;
    struct plan_input input;
    struct plan plan;
    struct task_policy task_policy;
    uint16_t list[FLEET];
};

static struct fleet fleet;

static inline struct price fleet_price(int64_t usd_per_mtok)
{
    int64_t pd = usd_per_mtok * PRICE_PD_PER_USD_PER_MTOK;
    return (struct price){.known = true, .base = {pd, pd, -1, -1, -1, -1, -1, -1, -1, -1}};
}

static inline void fleet_target(size_t i, struct slice name, struct slice provider, int64_t usd,
                                enum tier tier, int64_t latency_ms)
{
    health_init(&fleet.health[i]);
    fleet.targets[i] = (struct target){
        .name = name,
        .model = name,
        .provider_name = provider,
        .provider = (uint16_t)i,
        .dialects = 1,
        .price = fleet_price(usd),
        .context_tokens = 100000,
        .output_tokens = 4000,
        .capabilities = CAPABILITY_STREAMING | CAPABILITY_TOOLS,
        .tier = tier,
        .latency_ms = latency_ms,
        .health = &fleet.health[i],
    };
    fleet.candidates[i] = (uint16_t)i;
}

/* Four targets, a route without limits, a request of 1,000 tokens, task qa_open, whose derived tier
 * is budget. */
static inline void fleet_init(void)
{
    memset(&fleet, 0, sizeof(fleet));
    fleet_target(LLAMA, SLICE("llama"), SLICE("local"), 0, TIER_BUDGET, 150);
    fleet_target(HAIKU, SLICE("haiku"), SLICE("openrouter"), 1, TIER_BUDGET, 250);
    fleet_target(GPT, SLICE("gpt"), SLICE("openai"), 4, TIER_MID, 300);
    fleet_target(OPUS, SLICE("opus"), SLICE("anthropic"), 20, TIER_PREMIUM, 800);
    fleet.targets[LLAMA].local = true;
    fleet.route = (struct route){
        .name = SLICE("auto"),
        .candidates = fleet.candidates,
        .candidate_count = FLEET,
        .baseline = NO_TARGET,
        .max_latency_ms = NO_LIMIT,
        .max_cost_nd = NO_LIMIT,
        .min_tier = -1,
        .conservative = 0.7,
        .max_attempts = 3,
    };
    for (int task = 0; task < TASK_COUNT; task++) {
        fleet.route.task_tier[task] = task_default_tier((enum task)task);
    }
    fleet.policy = (struct policy){
        .targets = fleet.targets,
        .target_count = FLEET,
        .routes = &fleet.route,
        .route_count = 1,
        .unknown_price = UNKNOWN_PRICE_DENY,
    };
    fleet.features.tokens = (struct token_estimate){500, 1000, 4000};
    fleet.features.choices = 1;
    fleet.input = (struct plan_input){
        .policy = &fleet.policy,
        .route = &fleet.route,
        .features = &fleet.features,
        .classification = {.task = TASK_QA_OPEN, .confidence = 1, .reason = "given", .given = true},
        .streamed = true,
        .now_ns = 1000000000,
    };
    constraints_init(&fleet.input.constraints);
}

static inline void fleet_plan(void)
{
    plan_make(&fleet.input, &fleet.plan);
}

/* Gives the request's task a list in the route. */
static inline void fleet_list(bool exclusive, size_t count, const uint16_t *targets)
{
    for (size_t i = 0; i < count; i++) {
        fleet.list[i] = targets[i];
    }
    fleet.task_policy = (struct task_policy){
        .targets = fleet.list, .count = count, .exclusive = exclusive, .min_tier = -1};
    fleet.route.task_policy[fleet.input.classification.task] = &fleet.task_policy;
}

static inline const struct plan_entry *fleet_entry(uint16_t target)
{
    for (size_t i = 0; i < fleet.plan.count; i++) {
        if (fleet.plan.entries[i].target == target) {
            return &fleet.plan.entries[i];
        }
    }
    return NULL;
}

static inline int fleet_reason(uint16_t target)
{
    const struct plan_entry *entry = fleet_entry(target);
    return entry == NULL ? -1 : entry->reason;
}

/* The target tried at a place of the plan, or -1. */
static inline int fleet_at(size_t place)
{
    return place < fleet.plan.taken ? fleet.plan.entries[place].target : -1;
}

#endif
