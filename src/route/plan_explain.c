/* SPDX-License-Identifier: Apache-2.0 */
/* A plan in words: stable names for programs, one sentence per entry for people. */
#include "route/feasible.h"
#include "route/health.h"
#include "route/plan.h"

#include <stdio.h>

static const char *const reason_names[REASON_COUNT] = {
    [REASON_LISTED] = "listed",
    [REASON_PREFERRED] = "preferred",
    [REASON_CHEAPEST] = "cheapest",
    [REASON_FASTEST] = "fastest",
    [REASON_DRAWN] = "drawn",
    [REASON_FIRST] = "first",
    [REASON_BALANCED] = "balanced",
    [REASON_LIST_PRICE] = "list_price",
    [REASON_FALLBACK] = "fallback",
    [REASON_BELOW_TIER] = "below_tier",
    [REASON_SESSION] = "session",
    [REASON_MOVED] = "session_moved",
    [REASON_PROVEN] = "proven",
    [REASON_DOUBTED] = "doubted",
    [REASON_JUDGED] = "judged",
    [REASON_NEAREST] = "nearest",
    [REASON_OFF] = "switched_off",
    [REASON_DEAD] = "dead",
    [REASON_CAPABILITY] = "missing_capability",
    [REASON_CONTEXT] = "context_too_small",
    [REASON_LATENCY] = "over_latency",
    [REASON_COST] = "over_cost",
    [REASON_PRICE_UNKNOWN] = "price_unknown",
    [REASON_NOT_LOCAL] = "not_local",
    [REASON_MIN_TIER] = "under_min_tier",
    [REASON_NOT_ALLOWED] = "not_allowed",
    [REASON_NOT_LISTED] = "not_listed",
    [REASON_DIALECT] = "dialect",
    [REASON_TAG] = "missing_tag",
    [REASON_LIMIT] = "limit_reached",
};

const char *plan_reason_name(enum plan_reason reason)
{
    return (unsigned)reason < REASON_COUNT ? reason_names[reason] : "unknown";
}

/* In databases: a new reason takes a new number. */
static const uint8_t reason_codes[REASON_COUNT] = {
    [REASON_LISTED] = 1,      [REASON_PREFERRED] = 2,      [REASON_CHEAPEST] = 3,
    [REASON_FASTEST] = 4,     [REASON_FALLBACK] = 5,       [REASON_BELOW_TIER] = 6,
    [REASON_NEAREST] = 7,     [REASON_OFF] = 32,           [REASON_DEAD] = 33,
    [REASON_CAPABILITY] = 34, [REASON_CONTEXT] = 35,       [REASON_LATENCY] = 36,
    [REASON_COST] = 37,       [REASON_PRICE_UNKNOWN] = 38, [REASON_NOT_LOCAL] = 39,
    [REASON_MIN_TIER] = 40,   [REASON_NOT_ALLOWED] = 41,   [REASON_NOT_LISTED] = 42,
    [REASON_DIALECT] = 43,    [REASON_TAG] = 44,           [REASON_LIMIT] = 45,
    [REASON_SESSION] = 8,     [REASON_MOVED] = 9,          [REASON_DRAWN] = 10,
    [REASON_FIRST] = 11,      [REASON_BALANCED] = 12,      [REASON_PROVEN] = 16,
    [REASON_DOUBTED] = 17,    [REASON_LIST_PRICE] = 13,    [REASON_JUDGED] = 18,
};

unsigned plan_reason_code(enum plan_reason reason)
{
    return (unsigned)reason < REASON_COUNT ? reason_codes[reason] : 0;
}

enum plan_reason plan_reason_of_code(unsigned code)
{
    for (unsigned reason = 0; code != 0 && reason < REASON_COUNT; reason++) {
        if (reason_codes[reason] == code) {
            return (enum plan_reason)reason;
        }
    }
    return REASON_COUNT;
}

static void put_dollars(struct buf *out, int64_t nd)
{
    buf_append_char(out, '$');
    money_format(out, nd);
}

static void put_rate(struct buf *out, int64_t pd)
{
    put_dollars(out, pd > INT64_MAX / 1000 ? INT64_MAX : pd * 1000);
    buf_append_cstr(out, " per million tokens");
}

static void put_list_of_capabilities(struct buf *out, capability_set set)
{
    const char *separator = "";
    for (int bit = 0; bit < CAPABILITY_COUNT; bit++) {
        if ((set >> bit & 1u) != 0) {
            buf_printf(out, "%s%s", separator, capability_name((enum capability_bit)bit));
            separator = ", ";
        }
    }
}

static const char *latency_words(const struct plan_input *input)
{
    return input->streamed ? "to the first token" : "to completion";
}

/* --- one function per kind of sentence --- */

static void explain_price(const struct plan_input *input, const struct plan_entry *entry,
                          const char *because, struct buf *out)
{
    const struct target *target = &input->policy->targets[entry->target];
    buf_append_cstr(out, because);
    if (!target->price.known && input->policy->unknown_price == UNKNOWN_PRICE_ALLOW) {
        buf_append_cstr(out, "; its price is not known");
        return;
    }
    buf_append_cstr(out, "; expected to cost ");
    put_dollars(out, entry->expected_cost_nd);
    if (entry->expected_latency_ms > 0) {
        buf_printf(out, ", about %lld ms %s", (long long)entry->expected_latency_ms,
                   latency_words(input));
    }
}

static void explain_drawn(const struct plan_input *input, const struct plan_entry *entry,
                          struct buf *out)
{
    char because[64];
    snprintf(because, sizeof(because), "drawn by lot, with a chance of %u.%u %%",
             entry->propensity_permille / 10u, entry->propensity_permille % 10u);
    explain_price(input, entry, because, out);
}

static void explain_below_tier(const struct plan_input *input, const struct plan_entry *entry,
                               struct buf *out)
{
    const struct target *target = &input->policy->targets[entry->target];
    struct plan_facts facts;
    plan_facts_init(input, &facts);
    buf_printf(out, "is %s where %s was wanted: only if nothing better answers",
               tier_name(target->tier), tier_name(facts.wanted_tier));
    explain_price(input, entry, "", out);
}

/* By what is known of it and not by its tier. */
static void explain_success(const struct plan_input *input, const struct plan_entry *entry,
                            struct buf *out)
{
    const struct target *target = &input->policy->targets[entry->target];
    struct plan_facts facts;
    plan_facts_init(input, &facts);
    double permille = (double)facts.success.required * 1000;
    int required = permille < 0 ? 0 : (int)(permille + 0.5);
    buf_printf(out, "is %s where %s was wanted: ", tier_name(target->tier),
               tier_name(facts.wanted_tier));
    buf_printf(out, "%u of 1,000 answers to such requests are believed good enough, ",
               entry->success_permille);
    buf_printf(out, entry->reason == REASON_PROVEN ? "%d are required" : "and %d would be required",
               required);
    explain_price(input, entry, "", out);
}

static void explain_latency(const struct plan_input *input, int64_t actual, int64_t limit,
                            struct buf *out)
{
    buf_printf(out, "takes %lld ms %s (90th percentile), the limit is %lld ms", (long long)actual,
               latency_words(input), (long long)limit);
}

static void explain_cost(int64_t actual, int64_t limit, struct buf *out)
{
    if (limit == 0) {
        buf_append_cstr(out, "is not free: may cost ");
        put_dollars(out, actual);
        buf_append_cstr(out, ", the limit is $0");
        return;
    }
    buf_append_cstr(out, "costs ");
    put_dollars(out, actual);
    buf_append_cstr(out, " at most, the limit is ");
    put_dollars(out, limit);
}

static void explain_nearest(const struct plan_input *input, const struct plan_entry *entry,
                            struct buf *out)
{
    struct plan_facts facts;
    plan_facts_init(input, &facts);
    int64_t latency = entry->high_latency_ms;
    bool slow = facts.max_latency_ms >= 0 && latency > facts.max_latency_ms;
    bool dear = facts.max_cost_nd >= 0 && entry->high_cost_nd > facts.max_cost_nd;
    buf_append_cstr(out, "nothing satisfies the limits and this misses them by least: ");
    if (dear) {
        explain_cost(entry->high_cost_nd, facts.max_cost_nd, out);
    }
    if (slow) {
        buf_append_cstr(out, dear ? "; " : "");
        explain_latency(input, latency, facts.max_latency_ms, out);
    }
}

static void explain_capability(const struct plan_input *input, const struct plan_entry *entry,
                               struct buf *out)
{
    const struct target *target = &input->policy->targets[entry->target];
    buf_append_cstr(out, "lacks ");
    put_list_of_capabilities(out, (capability_set)entry->wanted);
    if (target->health != NULL &&
        (health_lacks(target->health, input->now_ns) & (capability_set)entry->wanted) != 0) {
        buf_append_cstr(out, ": its provider has refused that");
    }
}

static void explain_context(const struct plan_input *input, const struct plan_entry *entry,
                            struct buf *out)
{
    const struct target *target = &input->policy->targets[entry->target];
    buf_printf(out, "has a window of %lld tokens%s, the call needs about %lld",
               (long long)entry->wanted,
               target->context_tokens > 0 ? "" : " (nobody says more: give it context_tokens)",
               (long long)entry->actual);
}

/* Those of the list that no target has. */
static void put_unknown_tags(const struct policy *policy, struct slice names,
                             const char **separator, struct buf *out)
{
    while (names.len > 0) {
        struct slice name = slice_trim(slice_cut(&names, ','));
        size_t at = 0;
        while (at < policy->tag_count && !slice_eq(policy->tags[at], name)) {
            at++;
        }
        if (at == policy->tag_count) {
            buf_printf(out, "%s%.*s (no target is)", *separator,
                       (int)(name.len < 63 ? name.len : 63), name.ptr);
            *separator = ", ";
        }
    }
}

static void explain_tag(const struct plan_input *input, const struct plan_entry *entry,
                        struct buf *out)
{
    const struct policy *policy = input->policy;
    const char *separator = "";
    buf_append_cstr(out, "is not tagged ");
    for (size_t bit = 0; bit < policy->tag_count; bit++) {
        if (((uint64_t)entry->wanted >> bit & 1) != 0) {
            buf_printf(out, "%s%.*s", separator, SLICE_ARG(policy->tags[bit]));
            separator = ", ";
        }
    }
    put_unknown_tags(policy, input->constraints.require, &separator, out);
    if (!policy->targets[entry->target].sorts_itself) {
        put_unknown_tags(policy, input->constraints.promises, &separator, out);
        put_unknown_tags(policy, input->constraints.quantizations, &separator, out);
    }
}

static int64_t asks_per_request(const struct plan_input *input, const struct target *target)
{
    return policy_price(input->policy, target).per_request_nd;
}

static void explain_not_allowed(const struct plan_input *input, const struct plan_entry *entry,
                                struct buf *out)
{
    const struct target *target = &input->policy->targets[entry->target];
    const struct constraints *c = &input->constraints;
    if (c->only != NULL && provider_position(target, c->only, c->only_count) == c->only_count) {
        buf_printf(out, "provider %.*s is not among those the caller allows",
                   SLICE_ARG(target->provider_name));
    } else if (provider_position(target, c->ignore, c->ignore_count) < c->ignore_count) {
        buf_printf(out, "the caller excludes provider %.*s", SLICE_ARG(target->provider_name));
    } else if (feasible_out_of_order(c, target)) {
        buf_printf(out, "provider %.*s is not in the caller's order, and it allows no fallbacks",
                   SLICE_ARG(target->provider_name));
    } else if (c->allow.len > 0 && !target_is_named(target, c->allow)) {
        buf_append_cstr(out, "is not among those the caller allows");
    } else if (target_is_named(target, c->deny)) {
        buf_append_cstr(out, "the caller denies it");
    } else if (c->max_request_nd >= 0 && asks_per_request(input, target) > c->max_request_nd) {
        buf_append_cstr(out, "charges more for each request than the caller pays");
    } else if (entry->wanted != 0 || entry->actual != 0) {
        buf_append_cstr(out, "charges ");
        put_rate(out, entry->actual);
        buf_append_cstr(out, ", the caller pays at most ");
        put_rate(out, entry->wanted);
    } else {
        buf_append_cstr(out, "would do, but the caller allows no fallbacks");
    }
}

static void explain_price_unknown(const struct plan_input *input, struct buf *out)
{
    buf_append_cstr(out, "its price is not known");
    buf_append_cstr(out, input->policy->unknown_price == UNKNOWN_PRICE_DENY
                             ? " and prices.unknown is deny"
                             : ", so no cost limit can be promised");
}

static void explain_refused_by_number(const struct plan_input *input,
                                      const struct plan_entry *entry, struct buf *out)
{
    const struct target *target = &input->policy->targets[entry->target];
    switch ((enum plan_reason)entry->reason) {
    case REASON_DEAD:
        buf_printf(out, "has failed and is tried again in %lld ms", (long long)entry->actual);
        break;
    case REASON_CAPABILITY:
        explain_capability(input, entry, out);
        break;
    case REASON_CONTEXT:
        explain_context(input, entry, out);
        break;
    case REASON_LATENCY:
        explain_latency(input, entry->actual, entry->wanted, out);
        break;
    case REASON_COST:
        explain_cost(entry->actual, entry->wanted, out);
        break;
    case REASON_MIN_TIER:
        buf_printf(out, "is %s, at least %s is required", tier_name(target->tier),
                   tier_name((enum tier)entry->wanted));
        break;
    default:
        buf_append_cstr(out, plan_reason_name((enum plan_reason)entry->reason));
    }
}

static void explain_refused(const struct plan_input *input, const struct plan_entry *entry,
                            struct buf *out)
{
    switch ((enum plan_reason)entry->reason) {
    case REASON_OFF:
        buf_append_cstr(out, "is switched off");
        break;
    case REASON_PRICE_UNKNOWN:
        explain_price_unknown(input, out);
        break;
    case REASON_NOT_LOCAL:
        buf_append_cstr(out, "is not local, the request must stay here");
        break;
    case REASON_NOT_ALLOWED:
        explain_not_allowed(input, entry, out);
        break;
    case REASON_NOT_LISTED:
        buf_printf(out, "is not in the list for %s", task_name(input->classification.task));
        break;
    case REASON_TAG:
        explain_tag(input, entry, out);
        break;
    case REASON_LIMIT:
        buf_append_cstr(out, "a limit of this key for it has no room for the call");
        break;
    case REASON_DIALECT:
        buf_append_cstr(out, "speaks no dialect that has a word for what is asked");
        break;
    default:
        explain_refused_by_number(input, entry, out);
    }
}

size_t plan_entry_further(const struct plan_input *input, const struct plan_entry *entry,
                          struct plan_entry further[PLAN_FURTHER_MAX])
{
    struct plan_facts facts;
    if (entry->taken || entry->reason == REASON_NOT_LISTED) {
        return 0;
    }
    plan_facts_init(input, &facts);
    return feasible_further(&facts, entry, further);
}

static void explain_refusals(const struct plan_input *input, const struct plan_entry *entry,
                             struct buf *out)
{
    struct plan_entry further[PLAN_FURTHER_MAX];
    size_t count = plan_entry_further(input, entry, further);
    explain_refused(input, entry, out);
    for (size_t i = 0; i < count; i++) {
        buf_append_cstr(out, "; and ");
        explain_refused(input, &further[i], out);
    }
}

void plan_entry_explain(const struct plan_input *input, const struct plan_entry *entry,
                        struct buf *out)
{
    switch ((enum plan_reason)entry->reason) {
    case REASON_LISTED:
        explain_price(input, entry,
                      input->model_count > 0 ? "named by the caller" : "listed for the task", out);
        break;
    case REASON_PREFERRED:
        explain_price(input, entry, "preferred", out);
        break;
    case REASON_CHEAPEST:
        explain_price(input, entry, "cheapest that satisfies the request", out);
        break;
    case REASON_FASTEST:
        explain_price(input, entry, "fastest that satisfies the request", out);
        break;
    case REASON_DRAWN:
        explain_drawn(input, entry, out);
        break;
    case REASON_FIRST:
        explain_price(input, entry, "first in the route's order that satisfies the request", out);
        break;
    case REASON_LIST_PRICE:
        explain_price(input, entry, "least dollars per token that satisfies the request", out);
        break;
    case REASON_BALANCED:
        explain_price(input, entry, "most success for its price", out);
        break;
    case REASON_FALLBACK:
        explain_price(input, entry, "satisfies the request", out);
        break;
    case REASON_BELOW_TIER:
        explain_below_tier(input, entry, out);
        break;
    case REASON_SESSION:
        explain_price(input, entry,
                      input->session != NULL && input->session->in_tool_loop
                          ? "made the tool call that this answers, or has its conversation"
                          : "has the conversation, which stays",
                      out);
        break;
    case REASON_MOVED:
        explain_price(input, entry, "the conversation moves here", out);
        break;
    case REASON_JUDGED:
        explain_price(input, entry, "its answer is read before it counts, and it costs least", out);
        break;
    case REASON_PROVEN:
    case REASON_DOUBTED:
        explain_success(input, entry, out);
        break;
    case REASON_NEAREST:
        explain_nearest(input, entry, out);
        break;
    default:
        explain_refusals(input, entry, out);
    }
}
