/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this target answer this request? One row per constraint, in the order in which a person would
 * want to hear of them: switches first, numbers last. A constraint is a function and a row.
 */
#include "route/feasible.h"

#include "route/recorded.h"

#include "route/expected_price.h"
#include "route/health.h"

#include <stddef.h>
#include <string.h>

/* A request that asks for these still gets its answer from a target without them: one call at a
   time instead of several, the model's own effort instead of the wanted one. The caller may insist
   (`require_parameters`). */
#define CAPABILITIES_SOFT (CAPABILITY_PARALLEL_TOOLS | CAPABILITY_REASONING)
#define TOKENS_SANE_MAX (INT64_C(1) << 40)

__extension__ typedef __int128 wide;

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t tighter(int64_t a, int64_t b)
{
    if (a < 0 || b < 0) {
        return larger(larger(a, b), NO_LIMIT);
    }
    return smaller(a, b);
}

/* --- facts of the request --- */

static int declared_tier(const struct plan_input *input, const struct task_policy *task_policy)
{
    int tier = input->constraints.min_tier;
    if (input->rule != NULL && input->rule->min_tier > tier) {
        tier = input->rule->min_tier;
    }
    if (input->route != NULL && input->route->min_tier > tier) {
        tier = input->route->min_tier;
    }
    return task_policy != NULL && task_policy->min_tier > tier ? task_policy->min_tier : tier;
}

static void facts_list(struct plan_facts *facts, const struct task_policy *task_policy)
{
    const struct plan_input *input = facts->input;
    if (input->model_count > 0) {
        facts->list = input->models;
        facts->list_count = input->model_count;
        facts->exclusive = true;
    } else if (task_policy != NULL && task_policy->count > 0) {
        facts->list = task_policy->targets;
        facts->list_count = task_policy->count;
        facts->exclusive = task_policy->exclusive;
    }
}

/* Is an answer read before it counts, and may another target be asked where it is not good enough?
 */
static bool is_judged_whole(const struct plan_input *input)
{
    const struct route *route = input->route;
    return route->escalation != NULL && !input->unchecked &&
           (route->escalation->stream == STREAM_BUFFERED || !input->streamed) &&
           route->max_attempts > 1 && input->constraints.allow_fallbacks;
}

/* A rule that names its targets sets the lists of tasks aside: it says more than they do. */
static void facts_candidates(struct plan_facts *facts, const struct task_policy *task_policy)
{
    const struct route *route = facts->input->route;
    const struct rule *rule = facts->input->rule;
    bool named = rule != NULL && rule->targets != NULL;
    enum plan_sort sort = facts->input->constraints.sort;
    facts_list(facts, named ? NULL : task_policy);
    facts->by_price = sort == SORT_EXPECTED_PRICE || sort == SORT_BY_ROUTE;
    if (route == NULL || facts->input->model_count > 0) {
        facts->by_tier = true;
        return;
    }
    facts->candidates = named ? rule->targets : route->candidates;
    facts->candidate_count = named ? rule->target_count : route->candidate_count;
    facts->strategy = rule != NULL ? rule->strategy : route->strategy;
    facts->weights = rule != NULL ? rule->weights : route->weights;
    facts->by_tier = strategy_by_tier(facts->strategy) || sort != SORT_BY_ROUTE;
    facts->judged = is_judged_whole(facts->input) ? route->escalation->judged : NULL;
    facts->by_price = sort == SORT_EXPECTED_PRICE ||
                      (sort == SORT_BY_ROUTE && facts->strategy == STRATEGY_CHEAPEST);
}

/* Bits of the tags in a list with commas; *ret_unknown: no target has one of them. */
static uint64_t tags_of(const struct policy *policy, struct slice names, bool *ret_unknown)
{
    uint64_t tags = 0;
    *ret_unknown = false;
    while (names.len > 0) {
        struct slice name = slice_trim(slice_cut(&names, ','));
        size_t at = 0;
        while (at < policy->tag_count && !slice_eq(policy->tags[at], name)) {
            at++;
        }
        *ret_unknown |= at == policy->tag_count;
        tags |= at < policy->tag_count ? UINT64_C(1) << at : 0;
    }
    return tags;
}

static uint64_t required_tags(const struct policy *policy, const struct route *route,
                              const struct constraints *constraints, bool *ret_unknown)
{
    return tags_of(policy, constraints->require, ret_unknown) |
           (route == NULL ? 0 : route->required_tags);
}

static void facts_tags(struct plan_facts *facts)
{
    const struct constraints *constraints = &facts->input->constraints;
    const struct policy *policy = facts->input->policy;
    bool unknown;
    facts->required_tags =
        required_tags(policy, facts->input->route, constraints, &facts->unknown_tag);
    facts->promised_tags = tags_of(policy, constraints->promises, &facts->unknown_promise);
    facts->quantized_tags = tags_of(policy, constraints->quantizations, &unknown);
}

/* Bits of the tags that the target lacks; *ret_lacks: it lacks any, known or not. */
static uint64_t missing_tags(const struct plan_facts *facts, const struct target *target,
                             bool *ret_lacks)
{
    uint64_t missing = facts->required_tags & ~target->tags;
    bool lacks = facts->unknown_tag;
    if (!target->sorts_itself) {
        bool quantized = facts->input->constraints.quantizations.len == 0 ||
                         (facts->quantized_tags & target->tags) != 0;
        missing |= facts->promised_tags & ~target->tags;
        missing |= quantized ? 0 : facts->quantized_tags;
        lacks |= facts->unknown_promise || !quantized;
    }
    *ret_lacks = lacks || missing != 0;
    return missing;
}

bool feasible_tags(const struct policy *policy, const struct route *route,
                   const struct constraints *constraints, const struct target *target)
{
    const struct plan_input input = {.policy = policy, .route = route, .constraints = *constraints};
    struct plan_facts facts = {.input = &input};
    bool lacks;
    facts_tags(&facts);
    (void)missing_tags(&facts, target, &lacks);
    return !lacks;
}

static void facts_limits(struct plan_facts *facts)
{
    const struct constraints *constraints = &facts->input->constraints;
    const struct route *route = facts->input->route;
    int64_t route_latency = route == NULL ? NO_LIMIT : route->max_latency_ms;
    int64_t route_cost = route == NULL ? NO_LIMIT : route->max_cost_nd;
    facts->max_latency_ms = tighter(constraints->max_latency_ms, route_latency);
    facts->max_cost_nd = tighter(constraints->max_cost_nd, route_cost);
    facts_tags(facts);
    facts->local_only = constraints->local_only || (route != NULL && route->local_only);
}

/* A list that names its targets says more than the derived tier does. */
static enum tier wanted_tier(const struct plan_facts *facts)
{
    enum tier tier = TIER_BUDGET;
    if (!facts->exclusive) {
        tier = facts->input->recorded != NULL
                   ? facts->input->recorded->wanted
                   : required_tier_at(facts->dial, facts->input->route,
                                      &facts->input->classification);
        unsigned cheaper = facts->input->cheaper;
        tier = cheaper < (unsigned)tier ? (enum tier)((unsigned)tier - cheaper) : TIER_BUDGET;
    }
    return facts->declared_tier > (int)tier ? (enum tier)facts->declared_tier : tier;
}

static bool has_max_price(const struct constraints *c)
{
    return c->max_input_pd >= 0 || c->max_output_pd >= 0 || c->max_request_nd >= 0;
}

/* Most requests ask for little: the rows that no target can violate are left out for all of them at
 * once. */
static uint32_t constraints_that_apply(const struct plan_facts *facts)
{
    const struct constraints *c = &facts->input->constraints;
    uint32_t always = 1u << CONSTRAINT_OFF | 1u << CONSTRAINT_CONTEXT |
                      1u << CONSTRAINT_PRICE_KNOWN | 1u << CONSTRAINT_ALIVE;
    bool named = c->only != NULL || c->ignore_count > 0 || (c->allow.len | c->deny.len) != 0 ||
                 (c->order_count > 0 && !c->allow_fallbacks);
    bool tagged = facts->required_tags != 0 || facts->unknown_tag || c->promises.len > 0 ||
                  c->quantizations.len > 0;
    bool rated = has_max_price(c);
    return always | (uint32_t)named << CONSTRAINT_ALLOWED | (uint32_t)rated << CONSTRAINT_RATE |
           (uint32_t)(facts->input->required_dialects != 0) << CONSTRAINT_DIALECT |
           (uint32_t)(facts->needs != 0) << CONSTRAINT_CAPABILITY |
           (uint32_t)facts->local_only << CONSTRAINT_LOCAL | (uint32_t)tagged << CONSTRAINT_TAGS |
           (uint32_t)(facts->declared_tier > 0) << CONSTRAINT_TIER |
           (uint32_t)(facts->max_cost_nd >= 0) << CONSTRAINT_COST |
           (uint32_t)(facts->max_latency_ms >= 0) << CONSTRAINT_LATENCY;
}

void plan_facts_init(const struct plan_input *input, struct plan_facts *facts)
{
    const struct features *features = input->features;
    enum task task = input->classification.task;
    const struct task_policy *task_policy =
        input->route == NULL ? NULL : input->route->task_policy[task];
    memset(facts, 0, offsetof(struct plan_facts, of_candidates));
    facts->input = input;
    facts_limits(facts);
    facts_candidates(facts, task_policy);
    facts->declared_tier = declared_tier(input, task_policy);
    facts->dial = success_dial(input);
    facts->wanted_tier = wanted_tier(facts);
    facts->needs = features->needs;
    if (!input->constraints.require_parameters) {
        facts->needs &= ~(capability_set)CAPABILITIES_SOFT;
    }
    facts->choices = features->choices < 1 ? 1 : smaller(features->choices, 1024);
    const struct success_candidates candidates = {facts->candidates, facts->candidate_count,
                                                  facts->of_candidates};
    success_facts_init(input, &candidates, facts->dial, facts->wanted_tier, &facts->success);
    expected_request(input, &facts->asked);
    expected_escalation(facts, facts->escalation_nd);
    facts->constraints = constraints_that_apply(facts);
}

/* --- facts of one target --- */

/* The configured figure stands in for what was not measured yet. */
static inline struct health_latency latency_of(const struct plan_facts *facts,
                                               const struct target *target)
{
    struct health_latency latency = {-1, -1};
    if (target->health != NULL) {
        latency = health_latency(target->health, facts->input->streamed,
                                 facts->input->features->tokens.expected, facts->input->now_ns);
    }
    latency.p50_ms = latency.p50_ms >= 0 ? latency.p50_ms : target->latency_ms;
    latency.p90_ms = latency.p90_ms >= 0 ? latency.p90_ms : target->latency_ms;
    return latency;
}

int64_t feasible_context_tokens(const struct plan_facts *facts, const struct target *target,
                                const struct plan_entry *entry)
{
    int64_t output = facts->input->max_tokens > 0 ? facts->input->max_tokens
                                                  : entry->expected_output / facts->choices;
    if (target->output_tokens > 0) {
        output = smaller(output, target->output_tokens);
    }
    return smaller(entry->expected_input, TOKENS_SANE_MAX) + smaller(output, TOKENS_SANE_MAX);
}

uint32_t feasible_weight(const struct plan_facts *facts, uint16_t target)
{
    for (size_t i = 0; i < facts->candidate_count && facts->weights != NULL; i++) {
        if (facts->candidates[i] == target) {
            return facts->weights[i];
        }
    }
    return 0;
}

size_t provider_position(const struct target *target, const struct slice *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq_nocase(names[i], target->provider_name)) {
            return i;
        }
    }
    return count;
}

/* --- constraints: each says whether the target violates it, and by which number --- */

static bool refused(struct plan_entry *entry, int64_t wanted, int64_t actual)
{
    entry->wanted = wanted;
    entry->actual = actual;
    return true;
}

static inline bool violates_off(const struct plan_facts *facts, const struct target *target,
                                struct plan_entry *entry)
{
    (void)facts;
    (void)entry;
    return target->off ||
           (target->health != NULL &&
            atomic_load_explicit(&target->health->switched_off, memory_order_relaxed));
}

bool target_is_named(const struct target *target, struct slice names)
{
    while (names.len > 0) {
        struct slice name = slice_trim(slice_cut(&names, ','));
        if (slice_eq(name, target->name) || slice_eq_nocase(name, target->provider_name)) {
            return true;
        }
    }
    return false;
}

bool feasible_out_of_order(const struct constraints *c, const struct target *target)
{
    return c->order_count > 0 && !c->allow_fallbacks &&
           provider_position(target, c->order, c->order_count) == c->order_count;
}

bool feasible_named(const struct constraints *c, const struct target *target)
{
    bool out =
        c->only != NULL && provider_position(target, c->only, c->only_count) == c->only_count;
    out = out || feasible_out_of_order(c, target);
    return !out && provider_position(target, c->ignore, c->ignore_count) == c->ignore_count &&
           (c->allow.len == 0 || target_is_named(target, c->allow)) &&
           !target_is_named(target, c->deny);
}

static bool violates_allowed(const struct plan_facts *facts, const struct target *target,
                             struct plan_entry *entry)
{
    (void)entry;
    return !feasible_named(&facts->input->constraints, target);
}

static inline bool violates_dialect(const struct plan_facts *facts, const struct target *target,
                                    struct plan_entry *entry)
{
    (void)entry;
    unsigned required = facts->input->required_dialects;
    return required != 0 && (target->dialects & required) == 0;
}

static inline bool violates_capability(const struct plan_facts *facts, const struct target *target,
                                       struct plan_entry *entry)
{
    capability_set missing = facts->needs & ~target->capabilities;
    if (target->health != NULL) {
        missing |= facts->needs & health_lacks(target->health, facts->input->now_ns);
    }
    if (target->capabilities == CAPABILITY_EMBEDDINGS && missing == 0 &&
        (facts->needs & CAPABILITY_EMBEDDINGS) == 0) {
        return refused(entry, 0, target->capabilities); /* it makes vectors and no answers */
    }
    return missing != 0 && refused(entry, missing, target->capabilities);
}

static inline bool violates_context(const struct plan_facts *facts, const struct target *target,
                                    struct plan_entry *entry)
{
    int64_t tokens = feasible_context_tokens(facts, target, entry);
    int64_t window = target->context_tokens;
    if (window == 0 && target->asks_window && facts->input->route != NULL) {
        window = WINDOW_UNTOLD; /* it would answer to the rest of the prompt, and not say so */
    }
    return window > 0 && tokens > window && refused(entry, window, tokens);
}

static inline bool violates_local(const struct plan_facts *facts, const struct target *target,
                                  struct plan_entry *entry)
{
    (void)entry;
    return facts->local_only && !target->local;
}

static inline bool violates_tags(const struct plan_facts *facts, const struct target *target,
                                 struct plan_entry *entry)
{
    bool lacks;
    uint64_t missing = missing_tags(facts, target, &lacks);
    return lacks && refused(entry, (int64_t)missing, (int64_t)target->tags);
}

static inline bool violates_tier(const struct plan_facts *facts, const struct target *target,
                                 struct plan_entry *entry)
{
    return (int)target->tier < facts->declared_tier &&
           refused(entry, facts->declared_tier, target->tier);
}

/* Allowed without a price is not the same as free: it is no promise that a cost limit could be
 * kept. */
static inline bool violates_price_known(const struct plan_facts *facts, const struct target *target,
                                        struct plan_entry *entry)
{
    const struct constraints *c = &facts->input->constraints;
    (void)entry;
    if (target->price.known) {
        return false;
    }
    switch (facts->input->policy->unknown_price) {
    case UNKNOWN_PRICE_CEILING:
        return false;
    case UNKNOWN_PRICE_ALLOW:
        return facts->max_cost_nd >= 0 || has_max_price(c);
    case UNKNOWN_PRICE_DENY:
        break;
    }
    return true;
}

static bool violates_rate(const struct plan_facts *facts, const struct target *target,
                          struct plan_entry *entry)
{
    const struct constraints *c = &facts->input->constraints;
    if (!has_max_price(c)) {
        return false;
    }
    struct price price = policy_price(facts->input->policy, target);
    if (c->max_request_nd >= 0 && price.per_request_nd > c->max_request_nd) {
        return true;
    }
    const struct price_rates *rates = price_rates_for(&price, entry->expected_input);
    bool input = c->max_input_pd >= 0 && rates->input > c->max_input_pd;
    if (input) {
        return refused(entry, c->max_input_pd, rates->input);
    }
    return c->max_output_pd >= 0 && rates->output > c->max_output_pd &&
           refused(entry, c->max_output_pd, rates->output);
}

static inline bool violates_alive(const struct plan_facts *facts, const struct target *target,
                                  struct plan_entry *entry)
{
    if (target->health == NULL) {
        return false;
    }
    int64_t retry_in = health_retry_in_ms(target->health, facts->input->now_ns);
    return retry_in > 0 && refused(entry, 0, retry_in);
}

static inline bool violates_cost(const struct plan_facts *facts, const struct target *target,
                                 struct plan_entry *entry)
{
    (void)target;
    return facts->max_cost_nd >= 0 && entry->high_cost_nd > facts->max_cost_nd &&
           refused(entry, facts->max_cost_nd, entry->high_cost_nd);
}

static inline bool violates_latency(const struct plan_facts *facts, const struct target *target,
                                    struct plan_entry *entry)
{
    (void)target;
    int64_t latency = entry->high_latency_ms;
    return facts->max_latency_ms >= 0 && latency > facts->max_latency_ms &&
           refused(entry, facts->max_latency_ms, latency);
}

/* In the order of the constraints. The dead come last: who is refused as dead would be taken if it
 * were alive, so a retry later helps. */
#define CONSTRAINT_ROWS(ROW)                                                                       \
    ROW(CONSTRAINT_OFF, REASON_OFF, violates_off)                                                  \
    ROW(CONSTRAINT_ALLOWED, REASON_NOT_ALLOWED, violates_allowed)                                  \
    ROW(CONSTRAINT_DIALECT, REASON_DIALECT, violates_dialect)                                      \
    ROW(CONSTRAINT_CAPABILITY, REASON_CAPABILITY, violates_capability)                             \
    ROW(CONSTRAINT_CONTEXT, REASON_CONTEXT, violates_context)                                      \
    ROW(CONSTRAINT_LOCAL, REASON_NOT_LOCAL, violates_local)                                        \
    ROW(CONSTRAINT_TAGS, REASON_TAG, violates_tags)                                                \
    ROW(CONSTRAINT_TIER, REASON_MIN_TIER, violates_tier)                                           \
    ROW(CONSTRAINT_PRICE_KNOWN, REASON_PRICE_UNKNOWN, violates_price_known)                        \
    ROW(CONSTRAINT_RATE, REASON_NOT_ALLOWED, violates_rate)                                        \
    ROW(CONSTRAINT_COST, REASON_COST, violates_cost)                                               \
    ROW(CONSTRAINT_LATENCY, REASON_LATENCY, violates_latency)                                      \
    ROW(CONSTRAINT_ALIVE, REASON_DEAD, violates_alive)

enum plan_reason feasible_judge(const struct plan_facts *facts, struct plan_entry *entry)
{
    const struct target *target = &facts->input->policy->targets[entry->target];
    uint32_t constraints = facts->constraints;
    expected_price(facts, target, entry);
    struct health_latency latency = latency_of(facts, target);
    entry->expected_latency_ms = latency.p50_ms;
    entry->high_latency_ms = latency.p90_ms;
    entry->wanted = 0;
    entry->actual = 0;
#define REFUSE_IF(constraint, reason, violates)                                                    \
    if ((constraints >> (constraint)&1u) != 0 && violates(facts, target, entry)) {                 \
        return (reason);                                                                           \
    }
    CONSTRAINT_ROWS(REFUSE_IF)
#undef REFUSE_IF
    return REASON_COUNT;
}

uint32_t feasible_violations(const struct plan_facts *facts, const struct plan_entry *entry)
{
    const struct target *target = &facts->input->policy->targets[entry->target];
    struct plan_entry scratch = *entry;
    uint32_t violations = 0;
#define NOTE_IF(constraint, reason, violates)                                                      \
    if ((facts->constraints >> (constraint)&1u) != 0 && violates(facts, target, &scratch)) {       \
        violations |= 1u << (constraint);                                                          \
    }
    CONSTRAINT_ROWS(NOTE_IF)
#undef NOTE_IF
    return violations;
}

static bool has_reason(const struct plan_entry *entries, size_t count, enum plan_reason reason)
{
    for (size_t i = 0; i < count; i++) {
        if (entries[i].reason == (uint8_t)reason) {
            return true;
        }
    }
    return false;
}

size_t feasible_further(const struct plan_facts *facts, const struct plan_entry *entry,
                        struct plan_entry further[])
{
    const struct target *target = &facts->input->policy->targets[entry->target];
    const uint32_t constraints = facts->constraints & ~(1u << CONSTRAINT_ALIVE);
    struct plan_entry scratch = *entry;
    size_t count = 0;
#define ADD_IF(constraint, own, violates)                                                          \
    scratch.wanted = scratch.actual = 0;                                                           \
    if ((constraints >> (constraint)&1u) != 0 && entry->reason != (uint8_t)(own) &&                \
        !has_reason(further, count, own) && violates(facts, target, &scratch)) {                   \
        further[count] = scratch;                                                                  \
        further[count++].reason = (uint8_t)(own);                                                  \
    }
    CONSTRAINT_ROWS(ADD_IF)
#undef ADD_IF
    return count;
}

static int64_t overshoot_milli(int64_t limit, int64_t actual)
{
    if (limit < 0 || actual <= limit) {
        return 0;
    }
    if (limit == 0) {
        return INT64_MAX;
    }
    wide over = ((wide)actual - limit) * 1000 / limit;
    return over > INT64_MAX ? INT64_MAX : (int64_t)over;
}

int64_t feasible_overshoot(const struct plan_facts *facts, const struct plan_entry *entry)
{
    if (entry->reason != REASON_COST && entry->reason != REASON_LATENCY) {
        return -1;
    }
    if (entry->reason == REASON_COST && facts->max_cost_nd == 0) {
        return -1;
    }
    const struct target *target = &facts->input->policy->targets[entry->target];
    if (target->health != NULL && !health_alive(target->health, facts->input->now_ns)) {
        return -1;
    }
    int64_t caller_nd = facts->input->constraints.max_cost_nd;
    if (caller_nd >= 0 && entry->high_cost_nd > caller_nd) {
        return -1; /* whoever says what a call may cost is not charged more */
    }
    return larger(overshoot_milli(facts->max_cost_nd, entry->high_cost_nd),
                  overshoot_milli(facts->max_latency_ms, entry->high_latency_ms));
}
