/* SPDX-License-Identifier: Apache-2.0 */
#include "route/expected_price.h"

#define OUTPUT_UNKNOWN_TOKENS                                                                      \
    32768 /* most that a target answers when nobody says: for the worst case only */
#define TOKENS_SANE_MAX (INT64_C(1) << 40)
#define PD_PER_ND UINT64_C(1000)
#define PERMILLE 1000
#define ALWAYS inline __attribute__((always_inline))

__extension__ typedef __int128 wide;

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t within(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static int64_t times(int64_t tokens, int64_t choices)
{
    return smaller(tokens, TOKENS_SANE_MAX) * choices;
}

void expected_request(const struct plan_input *input, struct experience_request *ret_request)
{
    const struct features *features = input->features;
    enum task task = input->classification.task;
    *ret_request = (struct experience_request){
        .task = task,
        .input = features->tokens.expected,
        .thinks = (features->needs & CAPABILITY_REASONING) != 0,
        .plain = features->images == 0,
    };
    ret_request->output = predict_output_tokens(task, features, 0, &ret_request->output_high);
}

/* Most tokens that one answer of this target can have. */
static int64_t output_limit(const struct plan_facts *facts, const struct target *target)
{
    int64_t wanted = facts->input->max_tokens;
    if (target->output_tokens > 0) {
        return wanted > 0 ? smaller(wanted, target->output_tokens) : target->output_tokens;
    }
    if (wanted > 0) {
        return wanted;
    }
    if (target->context_tokens > 0) {
        return larger(target->context_tokens - facts->input->features->tokens.low, 1);
    }
    return OUTPUT_UNKNOWN_TOKENS;
}

static int64_t cost_of(const struct price *price, int64_t input, int64_t output)
{
    struct usage usage = {.input = input, .output = output};
    return price_cost(price, &usage);
}

/* What cost_of() says, in short: it is asked three times per target. Only for a known price without
 * tiers, and numbers of 31 bits. */
static inline void costs_plain(const struct price *price, int64_t worst_input, int64_t limit,
                               struct plan_entry *entry)
{
    uint64_t input = (uint64_t)price->base.input;
    uint64_t output = (uint64_t)price->base.output;
    uint64_t fixed = (uint64_t)price->per_request_nd * PD_PER_ND + PD_PER_ND - 1; /* rounds up */
    uint64_t prompt = (uint64_t)entry->expected_input * input + fixed;
    uint64_t worst = (uint64_t)worst_input * input + (uint64_t)limit * output + fixed;
    entry->expected_cost_nd =
        (int64_t)((prompt + (uint64_t)entry->expected_output * output) / PD_PER_ND);
    uint64_t high = (uint64_t)entry->high_input * input + fixed;
    entry->high_cost_nd = (int64_t)((high + (uint64_t)entry->high_output * output) / PD_PER_ND);
    entry->worst_cost_nd = (int64_t)(worst / PD_PER_ND);
}

/* As it is estimated, and as this target was seen to count; never outside the bounds. */
static void fill_input(const struct forecast *forecast, const struct token_estimate *tokens,
                       struct plan_entry *entry)
{
    int64_t low = smaller(tokens->low, tokens->expected);
    entry->expected_input = within(forecast->input, low, larger(tokens->high, low));
    entry->high_input = within(forecast->input_high, entry->expected_input,
                               larger(tokens->high, entry->expected_input));
}

static ALWAYS void fill_tokens(const struct plan_facts *facts, const struct target *target,
                               int64_t limit, struct plan_entry *entry)
{
    const struct token_estimate *tokens = &facts->input->features->tokens;
    struct forecast forecast;
    experience_forecast(target->experience, &facts->asked, &forecast);
    if (UNLIKELY(facts->input->counted != 0 && facts->input->counted == target->encoding)) {
        entry->expected_input = facts->input->counted_tokens.expected;
        entry->high_input = facts->input->counted_tokens.high;
    } else {
        fill_input(&forecast, tokens, entry);
    }
    entry->expected_output = smaller(forecast.output, limit);
    entry->high_output = smaller(forecast.output_high, limit);
}

static int64_t worst_tokens(const struct plan_facts *facts, const struct target *target)
{
    bool counted = facts->input->counted != 0 && facts->input->counted == target->encoding;
    return counted ? facts->input->counted_tokens.high : facts->input->features->tokens.high;
}

/* Prices with tiers, unknown ones, and numbers that are out of the ordinary. */
static __attribute__((noinline)) void costs_any(const struct plan_facts *facts,
                                                const struct target *target, int64_t limit,
                                                struct plan_entry *entry)
{
    struct price reckoned = policy_price(facts->input->policy, target);
    entry->expected_cost_nd = cost_of(&reckoned, entry->expected_input, entry->expected_output);
    entry->high_cost_nd = cost_of(&reckoned, entry->high_input, entry->high_output);
    entry->worst_cost_nd = cost_of(&reckoned, worst_tokens(facts, target), limit);
}

static ALWAYS void fill_costs(const struct plan_facts *facts, const struct target *target,
                              int64_t limit, struct plan_entry *entry)
{
    const struct price *price = &target->price;
    int64_t worst_input = worst_tokens(facts, target);
    uint64_t all = (uint64_t)entry->high_input | (uint64_t)entry->expected_input |
                   (uint64_t)worst_input | (uint64_t)limit | (uint64_t)entry->expected_output |
                   (uint64_t)entry->high_output | (uint64_t)price->base.input |
                   (uint64_t)price->base.output | (uint64_t)price->per_request_nd;
    if (LIKELY(all <= INT32_MAX && price->known && price->tier_count == 0)) {
        costs_plain(price, worst_input, limit, entry);
        return;
    }
    costs_any(facts, target, limit, entry);
}

void expected_price(const struct plan_facts *facts, const struct target *target,
                    struct plan_entry *entry)
{
    int64_t limit = times(output_limit(facts, target), facts->choices);
    fill_tokens(facts, target, limit, entry);
    fill_costs(facts, target, limit, entry);
    const struct session_view *session = facts->input->session;
    if (session != NULL) {
        int64_t warm_nd = session_discount_nd(facts, target);
        entry->expected_cost_nd = larger(entry->expected_cost_nd - warm_nd, 0);
    }
}

int64_t expected_with_failures(int64_t cost_nd, int64_t better_nd, unsigned success_permille)
{
    int64_t failures = PERMILLE - smaller(success_permille, PERMILLE);
    return money_add(cost_nd, (int64_t)((wide)better_nd * failures / PERMILLE));
}

/* As it will be in its own entry: a table's word beside learned ones would compare what is not
 * alike. */
static int64_t forecast_price(const struct plan_facts *facts, const struct target *target)
{
    struct plan_entry entry = {.taken = false};
    int64_t limit = times(output_limit(facts, target), facts->choices);
    fill_tokens(facts, target, limit, &entry);
    fill_costs(facts, target, limit, &entry);
    int64_t warm_nd = facts->input->session == NULL ? 0 : session_discount_nd(facts, target);
    return larger(entry.expected_cost_nd - warm_nd, 0);
}

void expected_escalation(const struct plan_facts *facts, int64_t ret_nd[TIER_COUNT])
{
    const struct route *route = facts->input->route;
    int64_t cheapest[TIER_COUNT + 1]; /* from this tier up; the last: none */
    for (size_t i = 0; i < TIER_COUNT; i++) {
        ret_nd[i] = 0;
    }
    if (route == NULL || route->escalation == NULL || facts->input->unchecked) {
        return;
    }
    for (size_t i = 0; i <= TIER_COUNT; i++) {
        cheapest[i] = INT64_MAX;
    }
    for (size_t i = 0; i < route->candidate_count; i++) {
        const struct target *target = &facts->input->policy->targets[route->candidates[i]];
        int64_t nd = target->off ? INT64_MAX : forecast_price(facts, target);
        cheapest[target->tier] = smaller(cheapest[target->tier], nd);
    }
    for (size_t i = TIER_COUNT; i > 0; i--) {
        ret_nd[i - 1] = cheapest[i] == INT64_MAX ? 0 : cheapest[i];
        cheapest[i - 1] = smaller(cheapest[i - 1], cheapest[i]);
    }
}
