/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan. The one hard idea: every target that is considered gets a rank, and the plan is the
 * sorted list of ranks, kept sorted while it is filled. Refused targets rank behind taken ones, so
 * when more targets are considered than a plan can hold, what falls off the end is always what
 * matters least.
 *
 * Where a target has the conversation, it is put first afterwards, if the conversation stays
 * (session.h).
 *
 * A rank compares, in this order: taken or refused; position in an exclusive list; the caller's
 * order of providers; position among the preferred; how far below the wanted tier (by what is known
 * of it: success.h); price known or not; price (or latency, or throughput, as the caller asked; or
 * what the route's strategy goes by), then the other; whether it speaks the client's dialect; order
 * of the configuration.
 */
#include "route/plan.h"

#include "route/expected_price.h"
#include "route/feasible.h"
#include "route/health.h"
#include "route/recorded.h"

#define NO_CANDIDATE SIZE_MAX

struct rank {
    uint64_t group; /* refused, list, order, preferred: 16 bits each */
    uint64_t tier;  /* tiers under the wanted one, then "no price" */
    int64_t first;  /* price, or latency, or throughput */
    int64_t second;
    uint64_t tie;       /* foreign dialect, then order of the configuration */
    uint16_t order;     /* the caller's, of providers */
    uint16_t preferred; /* position in the list */
    uint16_t below;
};

struct planning {
    struct plan_facts facts;
    struct plan *plan;
    struct rank ranks[PLAN_TARGETS_MAX + 1];
    size_t targets; /* of the policy, as many as there can be */
    uint16_t sequence;
    uint64_t seen[TARGETS_MAX / 64];
};

void constraints_init(struct constraints *constraints)
{
    *constraints = (struct constraints){
        .max_latency_ms = NO_LIMIT,
        .max_cost_nd = NO_LIMIT,
        .min_tier = -1,
        .allow_fallbacks = true,
        .sort = SORT_BY_ROUTE,
        .max_input_pd = NO_LIMIT,
        .max_output_pd = NO_LIMIT,
        .max_request_nd = NO_LIMIT,
    };
}

/* --- ranks --- */

/* The members that tell most come first; each is compared only if all before are equal. */
static inline bool rank_before(const struct rank *a, const struct rank *b)
{
    if (a->group != b->group) {
        return a->group < b->group;
    }
    if (a->tier != b->tier) {
        return a->tier < b->tier;
    }
    if (a->first != b->first) {
        return a->first < b->first;
    }
    return a->second != b->second ? a->second < b->second : a->tie < b->tie;
}

/* An unknown latency is the last of all. */
static int64_t latency_key(const struct plan_entry *entry)
{
    return entry->expected_latency_ms > 0 ? entry->expected_latency_ms : INT64_MAX;
}

static int64_t throughput_key(const struct target *target)
{
    int64_t throughput = target->health == NULL ? -1 : health_throughput_milli(target->health);
    return throughput < 0 ? INT64_MAX : -throughput;
}

/* The blend that price lists are compared by: three tokens of input to one of output. */
static int64_t list_price_key(const struct target *target)
{
    const struct price_rates *rates = &target->price.base;
    return target->price.known ? 3 * rates->input + rates->output : INT64_MAX;
}

static int64_t strategy_key(const struct planning *planning, const struct target *target,
                            const struct plan_entry *entry)
{
    const struct plan_facts *facts = &planning->facts;
    switch (facts->strategy) {
    case STRATEGY_FASTEST:
        return latency_key(entry);
    case STRATEGY_WEIGHTED:
        return strategy_draw(facts->input->lot, target->name,
                             feasible_weight(facts, entry->target));
    case STRATEGY_PRIORITY:
        return planning->sequence;
    case STRATEGY_LIST_PRICE:
        return list_price_key(target);
    case STRATEGY_BALANCED:
        return strategy_balance(entry->success_permille, entry->expected_cost_nd,
                                facts->input->route->lambda);
    default:
        return entry->expected_cost_nd;
    }
}

static inline void rank_sort_keys(const struct planning *planning, const struct target *target,
                                  const struct plan_entry *entry, struct rank *rank)
{
    enum plan_sort sort = planning->facts.input->constraints.sort;
    rank->second = entry->expected_total_nd;
    if (planning->facts.by_price) {
        rank->first = entry->expected_total_nd;
        rank->second = latency_key(entry);
    } else if (sort == SORT_BY_ROUTE) {
        rank->first = strategy_key(planning, target, entry);
    } else {
        rank->first = sort == SORT_LATENCY ? latency_key(entry) : throughput_key(target);
    }
}

/* Where the dial says "always the strongest" no answer is asked of others. */
static bool is_judged(const struct plan_facts *facts, uint16_t target)
{
    return facts->judged != NULL && facts->dial < 1 &&
           (facts->judged[target / 64] >> (target % 64) & 1) != 0;
}

static inline unsigned tiers_below(const struct plan_facts *facts, uint16_t index,
                                   const struct success *success)
{
    const struct plan_input *input = facts->input;
    const struct target *target = &input->policy->targets[index];
    if (UNLIKELY(input->recorded != NULL) && !facts->success.absolute) {
        return recorded_below(input->recorded, index, target->tier, facts->wanted_tier);
    }
    return success_below(&facts->success, target, facts->wanted_tier, success);
}

static inline void rank_make(const struct planning *planning, const struct plan_entry *entry,
                             const struct success *success, size_t list_position, struct rank *rank)
{
    const struct plan_facts *facts = &planning->facts;
    const struct plan_input *input = facts->input;
    const struct target *target = &input->policy->targets[entry->target];
    *rank = (struct rank){.group = (uint64_t)!entry->taken << 48, .tie = planning->sequence};
    if (!entry->taken) {
        return;
    }
    const struct constraints *c = &input->constraints;
    size_t order = c->order_count == 0 ? 0 : provider_position(target, c->order, c->order_count);
    rank->order = (uint16_t)order;
    rank->preferred = facts->exclusive ? 0 : (uint16_t)list_position;
    rank->group |= (uint64_t)(facts->exclusive ? list_position : 0) << 32;
    rank->group |= (uint64_t)rank->order << 16 | rank->preferred;
    if (facts->by_tier) {
        rank->below = (uint16_t)tiers_below(facts, entry->target, success);
    }
    if (rank->below > 0 && is_judged(facts, entry->target)) {
        rank->below = 0;
    }
    bool unknown = !target->price.known && facts->by_tier &&
                   input->policy->unknown_price == UNKNOWN_PRICE_ALLOW;
    bool foreign = (target->dialects >> input->client_dialect & 1u) == 0;
    rank->tier = (uint64_t)rank->below << 1 | unknown;
    rank->tie |= (uint64_t)foreign << 16;
    rank_sort_keys(planning, target, entry, rank);
}

/* Moves the last entry and its rank to `at`, and those between by one place towards the end. */
static void plan_move_last(struct planning *planning, size_t at, size_t last)
{
    struct plan_entry *entries = planning->plan->entries;
    struct plan_entry entry = entries[last];
    struct rank rank = planning->ranks[last];
    memmove(&entries[at + 1], &entries[at], (last - at) * sizeof(entries[0]));
    memmove(&planning->ranks[at + 1], &planning->ranks[at], (last - at) * sizeof(rank));
    entries[at] = entry;
    planning->ranks[at] = rank;
}

static bool is_held(const struct planning *planning, uint16_t target)
{
    const struct session_view *session = planning->facts.input->session;
    return session != NULL && session->target == target;
}

/* Sorts in the entry that was made behind the others; when the plan is full, the last falls off. */
static inline void plan_insert(struct planning *planning)
{
    struct plan *plan = planning->plan;
    size_t last = plan->count;
    size_t at = last;
    while (at > 0 && rank_before(&planning->ranks[last], &planning->ranks[at - 1])) {
        at--;
    }
    if (at < last) {
        plan_move_last(planning, at, last);
    }
    if (last == PLAN_TARGETS_MAX) {
        if (is_held(planning, plan->entries[last].target)) { /* another one falls off */
            plan_move_last(planning, last - 1, last);
        }
        plan->overflow++;
    } else {
        plan->count++;
    }
}

/* --- which targets are considered --- */

static inline bool first_sight(struct planning *planning, uint16_t target)
{
    uint64_t bit = UINT64_C(1) << (target % 64);
    if (target >= planning->targets || (planning->seen[target / 64] & bit) != 0) {
        return false;
    }
    planning->seen[target / 64] |= bit;
    return true;
}

static bool is_withheld(const struct planning *planning, uint16_t target)
{
    const uint64_t *withheld = planning->facts.input->withheld;
    return withheld != NULL && (withheld[target / 64] >> (target % 64) & 1) != 0;
}

/* What was known of it then, and is not any more. */
static void recall(const struct plan_recorded *recorded, struct plan_entry *entry,
                   struct success *success)
{
    const struct recorded_target *known = recorded_find(recorded, entry->target);
    if (known != NULL) {
        entry->expected_cost_nd = known->expected_nd;
        success->mean =
            known->success_permille > 0 ? (float)known->success_permille / 1000 : success->mean;
    }
}

/* `list_position` is the list's length for a target that no list names, `candidate` the position
 * among the candidates or NO_CANDIDATE. */
static void consider(struct planning *planning, uint16_t target, size_t list_position,
                     size_t candidate)
{
    const struct plan_facts *facts = &planning->facts;
    if (is_withheld(planning, target)) {
        return;
    }
    struct plan_entry *entry = &planning->plan->entries[planning->plan->count];
    entry->target = target;
    entry->propensity_permille = 0;
    enum plan_reason refusal = feasible_judge(facts, entry); /* fills in all numbers */
    if (facts->exclusive && list_position == facts->list_count) {
        refusal = REASON_NOT_LISTED;
        entry->wanted = entry->actual = 0;
    }
    struct success success;
    if (candidate < facts->success.asked) {
        success = facts->of_candidates[candidate];
    } else {
        success_of(&facts->success, &facts->input->policy->targets[target], &success);
    }
    if (UNLIKELY(facts->input->recorded != NULL)) {
        recall(facts->input->recorded, entry, &success);
    }
    entry->success_permille = success_permille(&success);
    expected_total(facts, &facts->input->policy->targets[target], entry);
    entry->taken = refusal == REASON_COUNT;
    entry->reason = (uint8_t)refusal;
    rank_make(planning, entry, &success, list_position, &planning->ranks[planning->plan->count]);
    plan_insert(planning);
    planning->sequence++;
}

/* Rules may name other targets by now (more tokens, another hour): the target of a tool call that
 * is under way remains one as long as the route has it at all. */
static bool route_has(const struct route *route, uint16_t target)
{
    bool has = false;
    for (size_t i = 0; i < route->candidate_count; i++) {
        has |= route->candidates[i] == target;
    }
    for (size_t r = 0; r < route->rule_count; r++) {
        for (size_t i = 0; i < route->rules[r].target_count; i++) {
            has |= route->rules[r].targets[i] == target;
        }
    }
    return has;
}

static void consider_held(struct planning *planning)
{
    const struct plan_input *input = planning->facts.input;
    uint16_t held = input->session->target;
    if (input->session->in_tool_loop && input->route != NULL && route_has(input->route, held) &&
        first_sight(planning, held)) {
        consider(planning, held, planning->facts.list_count, NO_CANDIDATE);
    }
}

static void consider_all(struct planning *planning)
{
    const struct plan_facts *facts = &planning->facts;
    for (size_t i = 0; i < facts->list_count && i < TARGETS_MAX; i++) {
        if (first_sight(planning, facts->list[i])) {
            consider(planning, facts->list[i], i, NO_CANDIDATE);
        }
    }
    for (size_t i = 0; i < facts->candidate_count; i++) {
        if (first_sight(planning, facts->candidates[i])) {
            consider(planning, facts->candidates[i], facts->list_count, i);
        }
    }
}

/* --- what the sorted list means --- */

static enum plan_reason reason_first(const struct plan_facts *facts)
{
    static const enum plan_reason by_strategy[STRATEGY_COUNT] = {
        [STRATEGY_CHEAPEST] = REASON_CHEAPEST, [STRATEGY_FASTEST] = REASON_FASTEST,
        [STRATEGY_WEIGHTED] = REASON_DRAWN,    [STRATEGY_PRIORITY] = REASON_FIRST,
        [STRATEGY_BALANCED] = REASON_BALANCED, [STRATEGY_LIST_PRICE] = REASON_LIST_PRICE,
    };
    enum plan_sort sort = facts->input->constraints.sort;
    if (sort == SORT_BY_ROUTE) {
        return by_strategy[facts->strategy];
    }
    return sort == SORT_EXPECTED_PRICE ? REASON_CHEAPEST : REASON_FASTEST;
}

static enum plan_reason reason_taken(const struct planning *planning, size_t i)
{
    const struct plan_facts *facts = &planning->facts;
    const struct rank *rank = &planning->ranks[i];
    const struct constraints *constraints = &facts->input->constraints;
    if (i == 0 && planning->plan->session != SESSION_NONE) {
        return session_moved(planning->plan->session) ? REASON_MOVED : REASON_SESSION;
    }
    if (facts->exclusive) {
        return REASON_LISTED;
    }
    if (rank->preferred < facts->list_count || rank->order < constraints->order_count) {
        return REASON_PREFERRED;
    }
    uint16_t target = planning->plan->entries[i].target;
    bool under = facts->input->policy->targets[target].tier < facts->wanted_tier;
    if (rank->below > 0) {
        return under ? REASON_BELOW_TIER : REASON_DOUBTED;
    }
    if (i > 0) {
        return REASON_FALLBACK;
    }
    if (!under || !facts->by_tier) {
        return reason_first(facts);
    }
    return is_judged(facts, target) ? REASON_JUDGED : REASON_PROVEN;
}

/* The target that has the conversation comes first, if that stays there. */
static void place_session(struct planning *planning)
{
    struct plan *plan = planning->plan;
    size_t at = session_choose(&planning->facts, plan, &plan->session);
    plan->loop_held = at > 0 && planning->facts.input->session->in_tool_loop;
    if (at > 0) {
        plan_move_last(planning, 0, at);
    }
}

static void name_reasons(struct planning *planning)
{
    struct plan *plan = planning->plan;
    while (plan->taken < plan->count && plan->entries[plan->taken].taken) {
        plan->entries[plan->taken].reason = (uint8_t)reason_taken(planning, plan->taken);
        plan->taken++;
    }
    bool session = plan->session != SESSION_NONE && planning->ranks[0].below > 0;
    plan->below_tier = plan->taken > 0 && (plan->entries[0].reason == REASON_BELOW_TIER ||
                                           plan->entries[0].reason == REASON_DOUBTED || session);
}

/* Was the first one drawn by lot from those that rank with it? What stays with a conversation was
 * not. */
static bool was_drawn(const struct planning *planning)
{
    const struct plan_facts *facts = &planning->facts;
    const struct plan *plan = planning->plan;
    return facts->strategy == STRATEGY_WEIGHTED && plan->session != SESSION_KEPT &&
           !plan->relaxed && facts->input->constraints.sort == SORT_BY_ROUTE;
}

/* Of an entry that could have been drawn in place of the first one; 0: it could not. */
static uint64_t weight_of(const struct planning *planning, size_t i)
{
    const struct rank *first = &planning->ranks[0];
    const struct rank *rank = &planning->ranks[i];
    return rank->group == first->group && rank->tier == first->tier
               ? feasible_weight(&planning->facts, planning->plan->entries[i].target)
               : 0;
}

/* The chance that each one had of coming first, before the lot was drawn. What is rounded off one
 * is the next one's: they sum to 1000. */
static void share_chances(struct planning *planning)
{
    struct plan *plan = planning->plan;
    uint64_t sum = 0;
    uint64_t up_to = 0;
    unsigned begin = 0;
    if (plan->taken == 0) {
        return;
    }
    bool drawn = was_drawn(planning);
    for (size_t i = 0; i < plan->taken && drawn; i++) {
        sum += weight_of(planning, i);
    }
    for (size_t i = 0; i < plan->taken && sum > 0; i++) {
        up_to += weight_of(planning, i);
        unsigned end = (unsigned)((up_to * 1000 + sum / 2) / sum);
        plan->entries[i].propensity_permille = (uint16_t)(end - begin);
        begin = end;
    }
    if (sum == 0) {
        plan->entries[0].propensity_permille = 1000; /* nothing was drawn by lot */
    }
}

/* Index of the refused entry that misses by least (then the cheaper, then the earlier one), or
 * count. */
static size_t nearest_entry(const struct planning *planning)
{
    const struct plan *plan = planning->plan;
    size_t best = plan->count;
    int64_t best_overshoot = 0;
    for (size_t i = 0; i < plan->count; i++) {
        int64_t overshoot = feasible_overshoot(&planning->facts, &plan->entries[i]);
        if (overshoot < 0) {
            continue;
        }
        bool better = best == plan->count || overshoot < best_overshoot ||
                      (overshoot == best_overshoot &&
                       plan->entries[i].expected_cost_nd < plan->entries[best].expected_cost_nd);
        if (better) {
            best = i;
            best_overshoot = overshoot;
        }
    }
    return best;
}

static void take_nearest(struct planning *planning)
{
    struct plan *plan = planning->plan;
    size_t nearest = nearest_entry(planning);
    if (nearest == plan->count) {
        return;
    }
    struct plan_entry entry = plan->entries[nearest];
    memmove(&plan->entries[1], &plan->entries[0], nearest * sizeof(plan->entries[0]));
    if (is_held(planning, entry.target)) {
        plan->session = SESSION_KEPT;
    }
    entry.taken = true;
    entry.reason = REASON_NEAREST;
    plan->entries[0] = entry;
    plan->taken = 1;
    plan->relaxed = true;
}

static void drop_fallbacks(struct plan *plan)
{
    for (size_t i = 1; i < plan->taken; i++) {
        plan->entries[i].taken = false;
        plan->entries[i].reason = REASON_NOT_ALLOWED;
    }
    plan->taken = plan->taken > 1 ? 1 : plan->taken;
}

/* What savings are measured against: the route's own, else its dearest candidate by output price.
 */
static uint16_t baseline_of(const struct plan_input *input)
{
    if (input->route == NULL || input->route->baseline != NO_TARGET) {
        return input->route == NULL ? NO_TARGET : input->route->baseline;
    }
    uint16_t dearest = NO_TARGET;
    int64_t dearest_pd = -1;
    for (size_t i = 0; i < input->route->candidate_count; i++) {
        uint16_t candidate = input->route->candidates[i];
        const struct price *price = &input->policy->targets[candidate].price;
        if (price->known && price->base.output > dearest_pd) {
            dearest = candidate;
            dearest_pd = price->base.output;
        }
    }
    return dearest;
}

static void plan_init(struct plan *plan, const struct plan_facts *facts)
{
    plan->count = 0;
    plan->taken = 0;
    plan->overflow = 0;
    plan->required_tier = facts->wanted_tier;
    plan->dial = facts->dial;
    plan->tier_is_hard = facts->declared_tier >= (int)facts->wanted_tier;
    plan->below_tier = false;
    plan->relaxed = false;
    plan->max_cost_nd = facts->max_cost_nd;
    plan->max_latency_ms = facts->max_latency_ms;
    plan->expected_output_tokens = facts->asked.output;
    plan->asked = facts->asked;
    plan->baseline = baseline_of(facts->input);
    plan->session = SESSION_NONE;
    plan->loop_held = false;
    plan->rule = facts->input->rule;
}

static size_t smaller_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

void plan_make(const struct plan_input *input, struct plan *plan)
{
    struct planning planning;
    plan_facts_init(input, &planning.facts);
    planning.plan = plan;
    planning.sequence = 0;
    planning.targets = smaller_size(input->policy->target_count, TARGETS_MAX);
    for (size_t i = 0; i * 64 < planning.targets; i++) {
        planning.seen[i] = 0;
    }
    plan_init(plan, &planning.facts);
    consider_all(&planning);
    if (input->session != NULL) {
        consider_held(&planning);
        place_session(&planning);
    }
    name_reasons(&planning);
    if (plan->taken == 0 && input->route != NULL &&
        input->route->on_infeasible == INFEASIBLE_NEAREST) {
        take_nearest(&planning);
    }
    share_chances(&planning);
    if (!input->constraints.allow_fallbacks && input->constraints.order_count == 0) {
        drop_fallbacks(plan);
    }
    if (plan->taken == 0) {
        plan->session = SESSION_NONE;
    }
    if (plan->taken > 0) {
        plan->expected_output_tokens = plan->entries[0].expected_output;
    }
}
