/* SPDX-License-Identifier: Apache-2.0 */
#include "route/contradiction.h"

#include "route/feasible.h"

/* What nobody asked for is nobody's contradiction. */
#define NOT_ASKED_FOR (1u << CONSTRAINT_OFF | 1u << CONSTRAINT_ALIVE)

struct violations {
    uint32_t of[PLAN_TARGETS_MAX]; /* by entry */
    size_t count;
};

static void put_nd(struct buf *out, int64_t nd)
{
    buf_append_char(out, '$');
    money_format(out, nd);
}

static void put_tags(const struct plan_facts *facts, struct buf *out)
{
    const struct policy *policy = facts->input->policy;
    if (facts->required_tags == 0 && !facts->unknown_tag) {
        buf_append_cstr(out, "what `provider` asks for about data and quantization");
        return;
    }
    buf_append_cstr(out, "the required tags");
    if (facts->unknown_tag) {
        struct slice names = facts->input->constraints.require;
        buf_printf(out, " %.*s", (int)(names.len < 200 ? names.len : 200), names.ptr);
        return;
    }
    const char *separator = " ";
    for (size_t bit = 0; bit < policy->tag_count; bit++) {
        if ((facts->required_tags >> bit & 1) != 0) {
            buf_printf(out, "%s%.*s", separator, SLICE_ARG(policy->tags[bit]));
            separator = ", ";
        }
    }
}

/* The constraint as its author wrote it. */
static void put_constraint(const struct plan_facts *facts, unsigned constraint, struct buf *out)
{
    switch ((enum plan_constraint)constraint) {
    case CONSTRAINT_ALLOWED:
        buf_append_cstr(out, "the list of who may answer");
        break;
    case CONSTRAINT_DIALECT:
    case CONSTRAINT_CAPABILITY:
        buf_append_cstr(out, "what the request needs");
        break;
    case CONSTRAINT_CONTEXT:
        buf_append_cstr(out, "the length of the request");
        break;
    case CONSTRAINT_LOCAL:
        buf_append_cstr(out, "local_only");
        break;
    case CONSTRAINT_TAGS:
        put_tags(facts, out);
        break;
    case CONSTRAINT_TIER:
        buf_printf(out, "min_tier %s", tier_name((enum tier)facts->declared_tier));
        break;
    case CONSTRAINT_PRICE_KNOWN:
        buf_append_cstr(out, "the need of a known price");
        break;
    case CONSTRAINT_RATE:
        buf_append_cstr(out, "max_price");
        break;
    case CONSTRAINT_COST:
        buf_append_cstr(out, "max_cost_usd ");
        put_nd(out, facts->max_cost_nd);
        break;
    case CONSTRAINT_LATENCY:
        buf_printf(out, "max_latency_ms %lld", (long long)facts->max_latency_ms);
        break;
    case CONSTRAINT_OFF:
    case CONSTRAINT_ALIVE:
    case CONSTRAINT_COUNT:
        break;
    }
}

static bool all_violate(const struct violations *violations, uint32_t any_of)
{
    for (size_t i = 0; i < violations->count; i++) {
        if ((violations->of[i] & any_of) == 0) {
            return false;
        }
    }
    return violations->count > 0;
}

static bool explain_one(const struct plan_facts *facts, const struct violations *violations,
                        struct buf *out)
{
    for (unsigned c = 0; c < CONSTRAINT_COUNT; c++) {
        if (all_violate(violations, 1u << c)) {
            if (c == CONSTRAINT_CAPABILITY || c == CONSTRAINT_DIALECT) {
                return true; /* each target's own reason says what it lacks */
            }
            buf_append_cstr(out, "No target satisfies ");
            put_constraint(facts, c, out);
            buf_append_char(out, '.');
            return true;
        }
    }
    return false;
}

static bool explain_pair(const struct plan_facts *facts, const struct violations *violations,
                         struct buf *out)
{
    for (unsigned a = 0; a < CONSTRAINT_COUNT; a++) {
        for (unsigned b = a + 1; b < CONSTRAINT_COUNT; b++) {
            if (all_violate(violations, 1u << a | 1u << b)) {
                put_constraint(facts, a, out);
                buf_append_cstr(out, " and ");
                put_constraint(facts, b, out);
                buf_append_cstr(out, " contradict each other here: no target satisfies both.");
                return true;
            }
        }
    }
    return false;
}

void contradiction_explain(const struct plan_input *input, const struct plan *plan, struct buf *out)
{
    struct plan_facts facts;
    struct violations violations = {.count = 0};
    plan_facts_init(input, &facts);
    for (size_t i = 0; i < plan->count && plan->taken == 0; i++) {
        const struct plan_entry *entry = &plan->entries[i];
        if (entry->reason != REASON_NOT_LISTED) {
            violations.of[violations.count++] =
                feasible_violations(&facts, entry) & ~(uint32_t)NOT_ASKED_FOR;
        }
    }
    if (!explain_one(&facts, &violations, out)) {
        explain_pair(&facts, &violations, out);
    }
}
