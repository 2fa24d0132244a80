/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the budget share: a clock that is turned by hand, rules, and who pays. */
#ifndef TESTS_BUDGET_TESTING_H
#define TESTS_BUDGET_TESTING_H

#include "store/budget.h"

#include <stdlib.h>

#define DAY_NS (86400 * NS_PER_S)
/* 2026-11-22 12:00 UTC, a Sunday */
#define NOON_S INT64_C(1795348800)

static struct clock_manual turned;

static inline struct budget *budget_at_noon(void)
{
    clock_manual_init(&turned, 1000 * NS_PER_S, NOON_S * NS_PER_S);
    struct budget *budget = budget_new(&turned.clock);
    CHECK(budget != NULL);
    return budget;
}

static inline struct scope_rule rule_for(enum scope_kind kind, uint64_t id)
{
    return (struct scope_rule){.kind = kind, .scope_id = id, .limits = limits_none()};
}

static inline struct scope_rule cap_rule(enum scope_kind kind, uint64_t id, enum cap_period period,
                                         int64_t amount_nd)
{
    struct scope_rule rule = rule_for(kind, id);
    rule.limits.caps[0] = (struct spend_cap){.period = period, .amount_nd = amount_nd};
    rule.limits.cap_count = 1;
    return rule;
}

/* A payer of one scope with one rule. */
static inline struct budget_payer payer_of(const struct scope_rule *rule)
{
    struct budget_payer payer = {.generation = 1};
    payer.scopes[rule->kind] = rule->scope_id;
    payer.rules[rule->kind] = rule;
    payer.rule_counts[rule->kind] = 1;
    return payer;
}

static inline int64_t spent_of(struct budget *budget, enum scope_kind kind, uint64_t id,
                               enum cap_period period)
{
    struct budget_balance balance;
    return budget_balance_read(budget, kind, id, SLICE_EMPTY, &balance) ? balance.spent_nd[period]
                                                                        : -1;
}

static inline int64_t held_of(struct budget *budget, enum scope_kind kind, uint64_t id)
{
    struct budget_balance balance;
    return budget_balance_read(budget, kind, id, SLICE_EMPTY, &balance) ? balance.held_nd : -1;
}

#endif
