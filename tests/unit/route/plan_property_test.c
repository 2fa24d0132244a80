/* SPDX-License-Identifier: Apache-2.0 */
/* Random policies and requests: what must hold for every plan whatsoever. */
#include "route/feasible.h"
#include "route/plan.h"

#include "base/random.h"
#include "route/health.h"
#include "tests/tap.h"

#define POLICIES 4000
#define TARGETS 20

static struct random dice;
static struct target_health health[TARGETS];
static struct target targets[TARGETS];
static uint16_t candidates[TARGETS];
static uint16_t list[TARGETS];
static struct task_policy task_policy;
static struct route route;
static struct policy policy;
static struct features features;
static struct plan_input input;
static struct plan plan;
static struct slice provider_names[4] = {SLICE_INIT("a"), SLICE_INIT("b"), SLICE_INIT("c"),
                                         SLICE_INIT("d")};

static int64_t roll(uint64_t bound)
{
    return (int64_t)random_below(&dice, bound);
}

static bool chance(int percent)
{
    return roll(100) < percent;
}

static int64_t limit(int percent, int64_t bound)
{
    return chance(percent) ? roll((uint64_t)bound) : NO_LIMIT;
}

static void random_health(struct target_health *h)
{
    health_init(h);
    atomic_store(&h->switched_off, chance(8));
    for (int64_t i = chance(40) ? roll(60) : 0; i > 0; i--) {
        struct health_sample sample = {.outcome = chance(10) ? HEALTH_FAILED : HEALTH_OK,
                                       .now_ns = 5,
                                       .first_byte_ms = roll(900),
                                       .total_ms = 900 + roll(4000)};
        health_begin(h);
        health_record(h, &sample);
    }
}

static void random_target(size_t i)
{
    random_health(&health[i]);
    targets[i] = (struct target){
        .name = SLICE("t"),
        .model = SLICE("m"),
        .provider_name = provider_names[roll(4)],
        .dialects = (unsigned)roll(7) + 1,
        .price = {.known = chance(90),
                  .base = {roll(4) * 1000000, roll(30) * 1000000, -1, -1, -1, -1, -1, -1, -1, -1},
                  .per_request_nd = chance(5) ? roll(1000000) : 0},
        .context_tokens = chance(80) ? 2000 + roll(20000) : 0,
        .output_tokens = chance(70) ? 500 + roll(8000) : 0,
        .capabilities = (capability_set)roll(1 << CAPABILITY_COUNT) | CAPABILITY_STREAMING,
        .tier = (enum tier)roll(TIER_COUNT),
        .latency_ms = chance(80) ? roll(2000) : 0,
        .local = chance(25),
        .off = chance(8),
        .health = chance(80) ? &health[i] : NULL,
    };
}

static void random_route(size_t count)
{
    route = (struct route){
        .candidates = candidates,
        .candidate_count = count,
        .baseline = chance(50) ? NO_TARGET : (uint16_t)roll(count),
        .max_latency_ms = limit(30, 2000),
        .max_cost_nd = chance(5) ? 0 : limit(30, 100000000),
        .min_tier = chance(15) ? (int)roll(TIER_COUNT) : -1,
        .conservative = (double)roll(101) / 100,
        .on_infeasible = chance(30) ? INFEASIBLE_NEAREST : INFEASIBLE_ERROR,
        .local_only = chance(5),
    };
    for (int task = 0; task < TASK_COUNT; task++) {
        route.task_tier[task] = (enum tier)roll(TIER_COUNT);
    }
    if (chance(40)) {
        task_policy = (struct task_policy){.targets = list,
                                           .count = (size_t)roll(6),
                                           .exclusive = chance(50),
                                           .min_tier = chance(20) ? (int)roll(TIER_COUNT) : -1};
        for (size_t i = 0; i < task_policy.count; i++) {
            list[i] = (uint16_t)roll(count);
        }
        route.task_policy[input.classification.task] = &task_policy;
    }
}

static void random_constraints(struct constraints *c)
{
    constraints_init(c);
    c->max_latency_ms = limit(30, 2000);
    c->max_cost_nd = limit(30, 100000000);
    c->min_tier = chance(15) ? (int)roll(TIER_COUNT) : -1;
    c->local_only = chance(5);
    c->allow_fallbacks = chance(90);
    c->sort = (enum plan_sort)(chance(70) ? 0 : roll(3));
    c->max_input_pd = limit(10, 4000000);
    c->max_output_pd = limit(10, 30000000);
    c->require_parameters = chance(30);
    c->only = chance(15) ? provider_names : NULL;
    c->only_count = c->only == NULL ? 0 : (size_t)roll(3);
    c->ignore = provider_names + 2;
    c->ignore_count = chance(15) ? (size_t)roll(3) : 0;
    c->order = provider_names + 1;
    c->order_count = chance(10) ? (size_t)roll(3) : 0;
}

static void random_input(void)
{
    size_t count = 1 + (size_t)roll(TARGETS);
    for (size_t i = 0; i < count; i++) {
        random_target(i);
        candidates[i] = (uint16_t)i;
    }
    memset(&features, 0, sizeof(features));
    features.tokens = (struct token_estimate){roll(500), 500 + roll(9000), 9500 + roll(9000)};
    features.choices = 1 + (chance(10) ? roll(4) : 0);
    features.needs = chance(40) ? (capability_set)roll(16) : 0;
    input = (struct plan_input){.policy = &policy,
                                .features = &features,
                                .max_tokens = chance(50) ? 1 + roll(3000) : 0,
                                .streamed = chance(50),
                                .client_dialect = (unsigned)roll(3),
                                .required_dialects = chance(10) ? (unsigned)roll(8) : 0,
                                .now_ns = 1 + roll(3) * 1000000000};
    input.classification = (struct classification){.task = (enum task)roll(TASK_COUNT),
                                                   .confidence = (double)roll(101) / 100,
                                                   .complexity = (double)roll(101) / 100};
    random_route(count);
    input.route = &route;
    policy = (struct policy){.targets = targets,
                             .target_count = count,
                             .routes = &route,
                             .route_count = 1,
                             .unknown_price = (enum unknown_price)roll(3),
                             .ceiling = {50000000, 50000000, -1, -1, -1, -1, -1, -1, -1, -1}};
    random_constraints(&input.constraints);
}

static bool names_provider(const struct slice *names, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq_nocase(names[i], name)) {
            return true;
        }
    }
    return false;
}

static bool over(int64_t value, int64_t a, int64_t b)
{
    return (a >= 0 && value > a) || (b >= 0 && value > b);
}

static int64_t measured_p90(const struct target *t)
{
    int64_t ms = -1;
    if (t->health != NULL) {
        ms = input.streamed ? health_first_byte_ms(t->health, 90) : health_total_ms(t->health, 90);
    }
    return ms >= 0 ? ms : t->latency_ms;
}

/* The hard constraints, said again in other words than the code's. */
static bool breaks_rule(const struct target *t)
{
    const struct constraints *c = &input.constraints;
    capability_set soft = CAPABILITY_REASONING | CAPABILITY_PARALLEL_TOOLS;
    capability_set needs = c->require_parameters ? features.needs : features.needs & ~soft;
    const struct task_policy *tp = route.task_policy[input.classification.task];
    int tier = (int)t->tier;
    bool switched_off = t->off || (t->health != NULL && atomic_load(&t->health->switched_off));
    bool dead = t->health != NULL && !health_alive(t->health, input.now_ns);
    bool local = (c->local_only || route.local_only) && !t->local;
    bool weak = tier < c->min_tier || tier < route.min_tier || (tp != NULL && tier < tp->min_tier);
    bool unknown = !t->price.known && policy.unknown_price == UNKNOWN_PRICE_DENY;
    bool barred = c->only != NULL && !names_provider(c->only, c->only_count, t->provider_name);
    barred = barred || names_provider(c->ignore, c->ignore_count, t->provider_name);
    bool deaf = input.required_dialects != 0 && (t->dialects & input.required_dialects) == 0;
    return switched_off || dead || local || weak || unknown || barred || deaf ||
           (needs & ~t->capabilities) != 0 ||
           (t->context_tokens > 0 && features.tokens.expected > t->context_tokens);
}

static bool breaks_limit(const struct plan_entry *entry)
{
    const struct target *t = &targets[entry->target];
    return over(entry->high_cost_nd, input.constraints.max_cost_nd, route.max_cost_nd) ||
           over(measured_p90(t), input.constraints.max_latency_ms, route.max_latency_ms);
}

static void check_members(void)
{
    bool seen[TARGETS] = {false};
    for (size_t i = 0; i < plan.count; i++) {
        const struct plan_entry *entry = &plan.entries[i];
        EXPECT(!seen[entry->target]);
        seen[entry->target] = true;
        EXPECT(entry->taken == (i < plan.taken));
        EXPECT(entry->taken == (entry->reason <= REASON_TAKEN_LAST));
        EXPECT(!entry->taken || !breaks_rule(&targets[entry->target]));
        EXPECT(!entry->taken || entry->reason == REASON_NEAREST || !breaks_limit(entry));
        EXPECT(entry->expected_cost_nd <= entry->high_cost_nd || entry->high_cost_nd == 0);
        EXPECT(entry->high_cost_nd <= entry->worst_cost_nd);
    }
    for (size_t i = 0; i < route.candidate_count; i++) {
        EXPECT(seen[candidates[i]]);
    }
}

static void check_order(void)
{
    int64_t before = -1;
    int below_before = 0;
    if (input.constraints.sort > SORT_EXPECTED_PRICE || input.constraints.order_count > 0) {
        return;
    }
    for (size_t i = 0; i < plan.taken; i++) {
        const struct plan_entry *entry = &plan.entries[i];
        const struct target *t = &targets[entry->target];
        bool ruled = entry->reason == REASON_LISTED || entry->reason == REASON_PREFERRED;
        int below = entry->reason == REASON_BELOW_TIER ? (int)plan.required_tier - (int)t->tier : 0;
        if (ruled || !t->price.known) {
            before = -1;
            continue;
        }
        EXPECT(below >= below_before);
        EXPECT(below > below_before || entry->expected_cost_nd >= before);
        before = entry->expected_cost_nd;
        below_before = below;
    }
}

static void check_flags(void)
{
    if (plan.relaxed) {
        EXPECT_INT(plan.taken, 1);
        EXPECT(plan.entries[0].reason == REASON_NEAREST && breaks_limit(&plan.entries[0]));
    }
    const struct constraints *c = &input.constraints;
    if (!c->allow_fallbacks && c->order_count == 0) {
        EXPECT(plan.taken <= 1);
    }
    for (size_t i = 0; i < plan.taken && !c->allow_fallbacks && c->order_count > 0; i++) {
        const struct target *t = &targets[plan.entries[i].target];
        EXPECT(provider_position(t, c->order, c->order_count) < c->order_count);
    }
    for (size_t i = 0; i < plan.taken; i++) {
        EXPECT(c->max_cost_nd < 0 || plan.entries[i].high_cost_nd <= c->max_cost_nd);
    }
    EXPECT(plan.below_tier == (plan.taken > 0 && plan.entries[0].reason == REASON_BELOW_TIER));
    EXPECT(plan.baseline == NO_TARGET || plan.baseline < policy.target_count);
}

static void plans_keep_the_rules(void)
{
    random_seed(&dice, 7);
    size_t taken = 0;
    for (int i = 0; i < POLICIES && !tap_point_failed; i++) {
        random_input();
        plan_make(&input, &plan);
        check_members();
        check_order();
        check_flags();
        taken += plan.taken > 0;
        if (tap_point_failed) {
            printf("# policy %d\n", i);
        }
    }
    /* Otherwise the properties would hold of nothing. */
    EXPECT(taken > POLICIES / 4);
}

static void plans_are_deterministic(void)
{
    static struct plan again;
    random_seed(&dice, 11);
    for (int i = 0; i < 500; i++) {
        random_input();
        plan_make(&input, &plan);
        plan_make(&input, &again);
        EXPECT_INT(plan.count, again.count);
        EXPECT(memcmp(plan.entries, again.entries, plan.count * sizeof(plan.entries[0])) == 0);
    }
}

static void every_entry_is_explained(void)
{
    random_seed(&dice, 13);
    for (int i = 0; i < 500; i++) {
        random_input();
        plan_make(&input, &plan);
        for (size_t j = 0; j < plan.count; j++) {
            struct buf out = BUF_INIT(4096);
            plan_entry_explain(&input, &plan.entries[j], &out);
            EXPECT(out.len > 8 && !out.failed);
            buf_release(&out);
        }
    }
}

int main(void)
{
    TEST(plans_keep_the_rules,
         "nothing taken breaks a constraint, each target appears once, in order");
    TEST(plans_are_deterministic, "the same input gives the same plan");
    TEST(every_entry_is_explained, "every entry is explained");
    return tap_done();
}
