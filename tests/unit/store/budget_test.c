/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store/budget_testing.h"

#include "base/memory.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <time.h>

/* One attempt of one call from beginning to end; false: refused. */
static bool spend(struct budget *budget, const struct budget_payer *payer, int64_t worst_nd,
                  int64_t cost_nd, struct budget_refusal *refusal)
{
    struct budget_claim claim = {0};
    struct budget_hold hold;
    if (!budget_enter(budget, payer, &claim, refusal)) {
        return false;
    }
    bool taken =
        budget_hold(budget, &claim, &(struct budget_want){.amount_nd = worst_nd}, &hold, refusal);
    if (taken) {
        budget_settle(budget, &claim, &hold, cost_nd);
    }
    budget_leave(budget, &claim, 0);
    return taken;
}

static void holds_what_a_cap_has_room_for(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule rule = cap_rule(SCOPE_KEY, 7, CAP_TOTAL, 100);
    struct budget_payer payer = payer_of(&rule);
    struct budget_refusal refusal;
    struct budget_claim claims[3] = {{.count = 0}};
    struct budget_hold holds[3];
    for (int i = 0; i < 3; i++) {
        EXPECT(budget_enter(budget, &payer, &claims[i], &refusal));
        EXPECT(budget_hold(budget, &claims[i], &(struct budget_want){.amount_nd = 40}, &holds[i],
                           &refusal) == (i < 2));
    }
    EXPECT_INT(refusal.limit, BUDGET_CAP);
    EXPECT_INT(refusal.allowed, 100);
    EXPECT_INT(refusal.used, 80);
    EXPECT_INT(refusal.wanted, 40);
    EXPECT_INT(refusal.reset_ms, 1000); /* the others' holds are in the way */
    budget_settle(budget, &claims[0], &holds[0], 5);
    EXPECT(budget_hold(budget, &claims[2], &(struct budget_want){.amount_nd = 55}, &holds[2],
                       &refusal));
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 7, CAP_TOTAL), 5);
    EXPECT_INT(held_of(budget, SCOPE_KEY, 7), 95);
    for (int i = 0; i < 3; i++) {
        budget_settle(budget, &claims[i], &holds[i], 5);
        budget_settle(budget, &claims[i], &holds[i], 50); /* is settled already */
        budget_leave(budget, &claims[i], 0);
    }
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 7, CAP_TOTAL), 15);
    EXPECT_INT(held_of(budget, SCOPE_KEY, 7), 0);
    EXPECT(spend(budget, &payer, 85, 85, &refusal));
    EXPECT(!spend(budget, &payer, 1, 1, &refusal));
    EXPECT_INT(refusal.reset_ms, -1);
    EXPECT(spend(budget, &payer, 0, 0, &refusal)); /* what is free fits */
    budget_free(budget);
}

static void takes_from_every_scope_or_from_none(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule key = cap_rule(SCOPE_KEY, 1, CAP_TOTAL, 100);
    struct scope_rule team = cap_rule(SCOPE_TEAM, 1, CAP_DAY, 50);
    struct budget_payer payer = payer_of(&key);
    struct budget_refusal refusal;
    payer.scopes[SCOPE_TEAM] = 1;
    payer.rules[SCOPE_TEAM] = &team;
    payer.rule_counts[SCOPE_TEAM] = 1;
    payer.scopes[SCOPE_ORGANISATION] = 9;
    EXPECT(spend(budget, &payer, 50, 30, &refusal));
    EXPECT(!spend(budget, &payer, 21, 21, &refusal));
    EXPECT_INT(refusal.kind, SCOPE_TEAM);
    EXPECT_INT(refusal.reset_ms, 12 * 3600 * 1000); /* midnight */
    EXPECT_INT(held_of(budget, SCOPE_KEY, 1), 0);
    EXPECT_INT(held_of(budget, SCOPE_TEAM, 1), 0);
    EXPECT_INT(spent_of(budget, SCOPE_ORGANISATION, 9, CAP_MONTH), 30); /* without any limit */
    budget_free(budget);
}

static void limits_one_model_alone(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule rules[2] = {cap_rule(SCOPE_KEY, 1, CAP_TOTAL, 100),
                                  cap_rule(SCOPE_KEY, 1, CAP_TOTAL, 10)};
    struct budget_payer payer = payer_of(rules);
    struct budget_refusal refusal;
    payer.rule_counts[SCOPE_KEY] = 2;
    snprintf(rules[1].model, sizeof(rules[1].model), "dear");
    for (int i = 0; i < 2; i++) {
        struct budget_claim claim = {0};
        struct budget_hold hold;
        EXPECT(budget_enter(budget, &payer, &claim, &refusal));
        EXPECT(budget_enter_model(budget, &payer, i == 0 ? SLICE("cheap") : SLICE("dear"), &claim,
                                  &refusal));
        EXPECT(budget_hold(budget, &claim, &(struct budget_want){.amount_nd = 11}, &hold,
                           &refusal) == (i == 0));
        budget_settle(budget, &claim, &hold, 11);
        budget_leave(budget, &claim, 0);
    }
    EXPECT(refusal.model != NULL);
    EXPECT_INT(refusal.allowed, 10);
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_TOTAL), 11);
    budget_free(budget);
}

static void bounds_the_cost_of_one_call(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule rule = rule_for(SCOPE_USER, 3);
    rule.limits.max_request_nd = 100;
    struct budget_payer payer = payer_of(&rule);
    struct budget_refusal refusal;
    struct budget_claim claim = {0};
    struct budget_hold hold;
    EXPECT(budget_enter(budget, &payer, &claim, &refusal));
    EXPECT(!budget_hold(budget, &claim, &(struct budget_want){.amount_nd = 101}, &hold, &refusal));
    EXPECT_INT(refusal.limit, BUDGET_CALL_COST);
    EXPECT_INT(refusal.reset_ms, -1);
    EXPECT(budget_hold(budget, &claim, &(struct budget_want){.amount_nd = 60}, &hold, &refusal));
    budget_settle(budget, &claim, &hold, 50); /* failed, charged */
    EXPECT(!budget_hold(budget, &claim, &(struct budget_want){.amount_nd = 60}, &hold, &refusal));
    EXPECT(budget_hold(budget, &claim, &(struct budget_want){.amount_nd = 50}, &hold, &refusal));
    EXPECT(!budget_extend(budget, &claim, 1, &hold, &refusal));
    budget_settle(budget, &claim, &hold, 50);
    budget_leave(budget, &claim, 0);
    EXPECT(!budget_hold(budget, &(struct budget_claim){.count = 1},
                        &(struct budget_want){.amount_nd = INT64_MAX}, &hold, &refusal));
    budget_free(budget);
}

static void counts_requests_of_any_minute(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule rule = rule_for(SCOPE_KEY, 1);
    rule.limits.requests_per_minute = 10;
    struct budget_payer payer = payer_of(&rule);
    struct budget_refusal refusal;
    struct budget_rate requests;
    struct budget_rate tokens;
    int64_t times[100];
    int taken = 0;
    for (int i = 0; i < 600; i++) { /* one each second */
        struct budget_claim claim = {0};
        clock_manual_advance(&turned, NS_PER_S);
        if (budget_enter(budget, &payer, &claim, &refusal)) {
            budget_rates(budget, &claim, &requests, &tokens);
            EXPECT_INT(requests.limit, 10);
            EXPECT_INT(tokens.limit, LIMIT_NONE);
            times[taken++ % 100] = turned.monotonic_ns;
            budget_leave(budget, &claim, 0);
            EXPECT(taken <= 10 || times[taken - 1] - times[taken - 11] >= 60 * NS_PER_S);
        } else {
            EXPECT_INT(refusal.limit, BUDGET_REQUESTS);
            EXPECT(refusal.reset_ms > 0 && refusal.reset_ms <= 65000);
        }
    }
    EXPECT(taken >= 90); /* of 100, because the buckets have five seconds */
    clock_manual_advance(&turned, 65 * NS_PER_S);
    struct budget_claim claim = {0};
    EXPECT(budget_enter(budget, &payer, &claim, &refusal));
    budget_rates(budget, &claim, &requests, &tokens);
    EXPECT_INT(requests.remaining, 9);
    EXPECT(requests.reset_ms > 60000 - 1 && requests.reset_ms <= 65000);
    budget_leave(budget, &claim, 0);
    budget_free(budget);
}

static void tells_when_a_rate_lets_the_next_in(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule rule = rule_for(SCOPE_KEY, 1);
    rule.limits.requests_per_minute = 1;
    struct budget_payer payer = payer_of(&rule);
    struct budget_refusal refusal;
    for (int i = 0; i < 4; i++) {
        struct budget_claim claim = {0};
        EXPECT(budget_enter(budget, &payer, &claim, &refusal));
        budget_leave(budget, &claim, 0);
        EXPECT(!budget_enter(budget, &payer, &claim, &refusal));
        clock_manual_advance(&turned, (refusal.reset_ms - 1001) * NS_PER_MS);
        EXPECT(!budget_enter(budget, &payer, &claim, &refusal));
        clock_manual_advance(&turned, 1001 * NS_PER_MS);
    }
    budget_free(budget);
}

static bool take_tokens(struct budget *budget, struct budget_claim *claim, int64_t tokens,
                        struct budget_hold *hold, struct budget_refusal *refusal)
{
    const struct budget_want want = {.tokens = tokens};
    return budget_hold(budget, claim, &want, hold, refusal);
}

static void counts_tokens_as_held_and_then_as_taken(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule rule = rule_for(SCOPE_KEY, 1);
    rule.limits.tokens_per_minute = 1000;
    struct budget_payer payer = payer_of(&rule);
    struct budget_refusal refusal;
    struct budget_claim first = {0};
    struct budget_claim second = {0};
    EXPECT(budget_enter(budget, &payer, &first, &refusal));
    EXPECT(budget_enter(budget, &payer, &second, &refusal));
    struct budget_hold holds[3];
    EXPECT(take_tokens(budget, &first, 600, &holds[0], &refusal));
    EXPECT(!take_tokens(budget, &second, 600, &holds[1], &refusal));
    EXPECT_INT(refusal.limit, BUDGET_TOKENS);
    EXPECT(!refusal.of_target);
    EXPECT_INT(refusal.reset_ms, 1000);
    budget_settle(budget, &first, &holds[0], 0);
    budget_leave(budget, &first, 200);
    EXPECT(take_tokens(budget, &second, 600, &holds[1], &refusal));
    budget_settle(budget, &second, &holds[1], 0);
    budget_leave(budget, &second, 900); /* more than its bound */
    struct budget_claim third = {0};
    EXPECT(budget_enter(budget, &payer, &third, &refusal));
    EXPECT(!take_tokens(budget, &third, 1, &holds[2], &refusal));
    EXPECT(refusal.reset_ms > 1000);
    clock_manual_advance(&turned, 65 * NS_PER_S);
    EXPECT(take_tokens(budget, &third, 1000, &holds[2], &refusal));
    budget_settle(budget, &third, &holds[2], 0);
    budget_leave(budget, &third, 0);
    budget_free(budget);
}

static void lets_a_call_that_is_larger_than_the_limit_in_alone(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule rule = rule_for(SCOPE_KEY, 1);
    rule.limits.tokens_per_minute = 1000;
    struct budget_payer payer = payer_of(&rule);
    struct budget_refusal refusal;
    struct budget_claim claims[10] = {0};
    struct budget_hold holds[10];
    for (size_t i = 0; i < 10; i++) {
        EXPECT(budget_enter(budget, &payer, &claims[i], &refusal));
        EXPECT(take_tokens(budget, &claims[i], 32768, &holds[i], &refusal) == (i == 0));
    }
    EXPECT_INT(refusal.limit, BUDGET_TOKENS);
    budget_settle(budget, &claims[0], &holds[0], 0); /* a second attempt of the same call */
    EXPECT(take_tokens(budget, &claims[0], 32768, &holds[0], &refusal));
    EXPECT(!take_tokens(budget, &claims[1], 1, &holds[1], &refusal));
    budget_settle(budget, &claims[0], &holds[0], 0);
    budget_leave(budget, &claims[0], 20);
    EXPECT(take_tokens(budget, &claims[1], 980, &holds[1], &refusal)); /* the rest came back */
    EXPECT(!take_tokens(budget, &claims[2], 1, &holds[2], &refusal));
    holds[1].tokens_used = 400;
    budget_settle(budget, &claims[1], &holds[1], 0);
    /* what an attempt took counts towards what the next one of its call may take */
    EXPECT(!take_tokens(budget, &claims[1], 700, &holds[1], &refusal));
    EXPECT(take_tokens(budget, &claims[1], 580, &holds[1], &refusal));
    budget_settle(budget, &claims[1], &holds[1], 0);
    for (size_t i = 1; i < 10; i++) {
        budget_leave(budget, &claims[i], 0);
    }
    rule.limits.tokens_per_minute = 0;
    payer.generation++;
    struct budget_claim last = {0};
    EXPECT(budget_enter(budget, &payer, &last, &refusal));
    EXPECT(!take_tokens(budget, &last, 1, &holds[0], &refusal)); /* 0 leaves nothing */
    budget_leave(budget, &last, 0);
    budget_free(budget);
}

static void holds_two_at_once(struct budget *budget, struct budget_claim *claim,
                              struct budget_want *want)
{
    struct budget_refusal refusal;
    struct budget_hold holds[3];
    want->amount_nd = 40;
    want->tokens = 20;
    EXPECT(budget_hold(budget, claim, want, &holds[0], &refusal));
    EXPECT(budget_hold(budget, claim, want, &holds[1], &refusal));
    EXPECT(!budget_hold(budget, claim, want, &holds[2], &refusal));
    EXPECT_INT(refusal.limit, BUDGET_PARALLEL);
    char names[BUDGET_NAMES_SIZE];
    EXPECT_SLICE(slice_of(names, budget_hold_names(claim, &holds[0], names)), "small");
    struct budget_balance balance;
    EXPECT(budget_balance_read(budget, SCOPE_KEY, 1, SLICE("small"), &balance));
    EXPECT_INT(balance.held_nd, 80);
    EXPECT_INT(balance.parallel, 2);
    EXPECT(!budget_extend(budget, claim, 21, &holds[0], &refusal));
    EXPECT(budget_extend(budget, claim, 20, &holds[0], &refusal));
    holds[0].tokens_used = 15;
    budget_settle(budget, claim, &holds[0], 10);
    want->tokens = 16;
    EXPECT(!budget_hold(budget, claim, want, &holds[0], &refusal)); /* 15 and 20 of 50 */
    EXPECT_INT(refusal.limit, BUDGET_TOKENS);
    want->tokens = 15;
    EXPECT(budget_hold(budget, claim, want, &holds[0], &refusal));
    budget_settle(budget, claim, &holds[0], 0);
    budget_settle(budget, claim, &holds[1], 0);
    want->tokens = 0;
    EXPECT(budget_hold(budget, claim, want, &holds[0], &refusal));
    budget_settle(budget, claim, &holds[0], 0);
    EXPECT(!budget_hold(budget, claim, want, &holds[0], &refusal)); /* four of a minute */
    EXPECT_INT(refusal.limit, BUDGET_REQUESTS);
    budget_leave(budget, claim, 0);
    EXPECT(budget_balance_read(budget, SCOPE_KEY, 1, SLICE("small"), &balance));
    EXPECT_INT(balance.held_nd, 0);
    EXPECT_INT(balance.parallel, 0);
    EXPECT_INT(balance.spent_nd[CAP_TOTAL], 10);
}

/* What one target may take: everything is held and given back beside the call's own limits. */
static void holds_an_attempt_against_the_limits_of_its_target(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule rules[2] = {rule_for(SCOPE_KEY, 1), rule_for(SCOPE_KEY, 1)};
    slice_to_cstr(SLICE("small"), rules[1].model, sizeof(rules[1].model));
    rules[1].limits.caps[0] = (struct spend_cap){.period = CAP_TOTAL, .amount_nd = 100};
    rules[1].limits.cap_count = 1;
    rules[1].limits.parallel = 2;
    rules[1].limits.tokens_per_minute = 50;
    rules[1].limits.requests_per_minute = 4;
    struct budget_payer payer = payer_of(&rules[0]);
    payer.rule_counts[SCOPE_KEY] = 2;
    struct budget_refusal refusal;
    struct budget_hold holds[3];
    struct budget_claim claim = {0};
    struct budget_want want = {.payer = &payer, .target = {SLICE("small"), SLICE("p/m-1")}};
    struct budget_want other = {.payer = &payer, .target = {SLICE("big"), SLICE("p/m-2")}};
    EXPECT(budget_payer_names(&payer));
    EXPECT(budget_enter(budget, &payer, &claim, &refusal));
    want.amount_nd = 101;
    EXPECT(!budget_hold(budget, &claim, &want, &holds[0], &refusal));
    EXPECT_INT(refusal.limit, BUDGET_CAP);
    EXPECT(refusal.of_target && refusal.model != NULL && strcmp(refusal.model, "small") == 0);
    other.amount_nd = 101;
    EXPECT(budget_hold(budget, &claim, &other, &holds[0], &refusal)); /* it is not its limit */
    budget_settle(budget, &claim, &holds[0], 101);
    holds_two_at_once(budget, &claim, &want);
    struct budget_balance balance;
    EXPECT(budget_balance_read(budget, SCOPE_KEY, 1, SLICE_EMPTY, &balance));
    EXPECT_INT(balance.spent_nd[CAP_TOTAL], 111);
    budget_free(budget);
}

static void counts_a_limit_once_where_route_and_target_share_a_name(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule rules[2] = {rule_for(SCOPE_KEY, 1), rule_for(SCOPE_KEY, 1)};
    slice_to_cstr(SLICE("same"), rules[1].model, sizeof(rules[1].model));
    rules[1].limits.parallel = 1;
    struct budget_payer payer = payer_of(&rules[0]);
    payer.rule_counts[SCOPE_KEY] = 2;
    struct budget_refusal refusal;
    struct budget_hold hold;
    struct budget_claim claim = {0};
    const struct budget_want want = {
        .amount_nd = 5, .payer = &payer, .target = {SLICE("same"), SLICE("p/same")}};
    EXPECT(budget_enter(budget, &payer, &claim, &refusal));
    EXPECT(budget_enter_model(budget, &payer, SLICE("same"), &claim, &refusal));
    EXPECT(budget_hold(budget, &claim, &want, &hold, &refusal));
    struct budget_balance balance;
    EXPECT(budget_balance_read(budget, SCOPE_KEY, 1, SLICE("same"), &balance));
    EXPECT_INT(balance.held_nd, 5);
    EXPECT_INT(balance.parallel, 1);
    budget_settle(budget, &claim, &hold, 5);
    budget_leave(budget, &claim, 0);
    budget_free(budget);
}

static void counts_calls_at_the_same_time(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule rule = rule_for(SCOPE_TEAM, 1);
    rule.limits.parallel = 2;
    struct budget_payer payer = payer_of(&rule);
    struct budget_refusal refusal;
    struct budget_claim claims[3] = {{.count = 0}};
    EXPECT(budget_enter(budget, &payer, &claims[0], &refusal));
    EXPECT(budget_enter(budget, &payer, &claims[1], &refusal));
    EXPECT(!budget_enter(budget, &payer, &claims[2], &refusal));
    EXPECT_INT(refusal.limit, BUDGET_PARALLEL);
    budget_leave(budget, &claims[2], 0); /* never entered */
    budget_leave(budget, &claims[0], 0);
    budget_leave(budget, &claims[0], 0);
    EXPECT(budget_enter(budget, &payer, &claims[2], &refusal));
    EXPECT(!budget_enter(budget, &payer, &claims[0], &refusal));
    budget_leave(budget, &claims[1], 0);
    budget_leave(budget, &claims[2], 0);
    budget_free(budget);
}

static void zero_is_a_limit(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule none = cap_rule(SCOPE_KEY, 1, CAP_MONTH, 0);
    struct budget_payer payer = payer_of(&none);
    struct budget_refusal refusal;
    EXPECT(!spend(budget, &payer, 1, 0, &refusal));
    EXPECT_INT(refusal.reset_ms, -1);
    struct scope_rule silent = rule_for(SCOPE_KEY, 2);
    silent.limits.requests_per_minute = 0;
    payer = payer_of(&silent);
    EXPECT(!spend(budget, &payer, 0, 0, &refusal));
    EXPECT_INT(refusal.reset_ms, -1);
    budget_free(budget);
}

static void takes_new_rules_and_no_old_ones(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule narrow = cap_rule(SCOPE_KEY, 1, CAP_TOTAL, 10);
    struct scope_rule wide = cap_rule(SCOPE_KEY, 1, CAP_TOTAL, 100);
    struct budget_payer old = payer_of(&narrow);
    struct budget_payer new = payer_of(&wide);
    struct budget_payer none = {.generation = 3, .scopes = {[SCOPE_KEY] = 1}};
    struct budget_refusal refusal;
    new.generation = 2;
    EXPECT(!spend(budget, &old, 20, 20, &refusal));
    EXPECT(spend(budget, &new, 20, 20, &refusal));
    EXPECT(spend(budget, &old, 20, 20, &refusal)); /* a worker that has not seen the new ones */
    EXPECT(!spend(budget, &new, 61, 61, &refusal));
    EXPECT(spend(budget, &none, 61, 61, &refusal));
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_TOTAL), 101);
    budget_free(budget);
}

static void soft_caps_only_tell(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule rule = cap_rule(SCOPE_KEY, 5, CAP_DAY, 1000);
    struct budget_payer payer = payer_of(&rule);
    struct budget_refusal refusal;
    struct budget_alert alert;
    unsigned told[8] = {0};
    size_t count = 0;
    rule.limits.caps[0].soft = true;
    for (int i = 0; i < 12; i++) {
        EXPECT(spend(budget, &payer, 100, 100, &refusal));
        while (budget_next_alert(budget, &alert) && count < 8) {
            EXPECT_INT(alert.scope, 5);
            EXPECT_INT(alert.cap.amount_nd, 1000);
            EXPECT_INT(alert.spent_nd, (i + 1) * 100);
            told[count++] = alert.percent;
        }
    }
    EXPECT_INT(count, 3);
    EXPECT(told[0] == 50 && told[1] == 80 && told[2] == 100);
    clock_manual_advance(&turned, DAY_NS);
    EXPECT(spend(budget, &payer, 900, 900, &refusal));
    EXPECT(budget_next_alert(budget, &alert));
    EXPECT_INT(alert.percent, 80);
    EXPECT(!budget_next_alert(budget, &alert));
    budget_free(budget);
}

static void tells_once_that_a_cap_refused(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule rule = cap_rule(SCOPE_KEY, 5, CAP_DAY, 1000);
    struct budget_payer payer = payer_of(&rule);
    struct budget_refusal refusal;
    struct budget_alert alert;
    for (int i = 0; i < 3; i++) {
        EXPECT(!spend(budget, &payer, 1001, 0, &refusal));
    }
    EXPECT(budget_next_alert(budget, &alert));
    EXPECT(alert.refused);
    EXPECT(!budget_next_alert(budget, &alert));
    budget_free(budget);
}

/* --- time ------------------------------------------------------------------------------------- */

static void begins_days_weeks_and_months_anew(void)
{
    static const struct {
        enum cap_period period;
        int64_t reset_s;
    } cases[] = {
        {CAP_DAY, 12 * 3600},              /* Sunday noon */
        {CAP_WEEK, 12 * 3600},             /* Monday */
        {CAP_MONTH, (8 * 24 + 12) * 3600}, /* December */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct budget *budget = budget_at_noon();
        struct scope_rule rule = cap_rule(SCOPE_KEY, 1, cases[i].period, 100);
        struct budget_payer payer = payer_of(&rule);
        struct budget_refusal refusal;
        EXPECT(spend(budget, &payer, 100, 100, &refusal));
        EXPECT(!spend(budget, &payer, 1, 1, &refusal));
        EXPECT_INT(refusal.reset_ms, cases[i].reset_s * 1000);
        clock_manual_advance(&turned, (cases[i].reset_s - 1) * NS_PER_S);
        EXPECT(!spend(budget, &payer, 1, 1, &refusal));
        clock_manual_advance(&turned, NS_PER_S);
        EXPECT(spend(budget, &payer, 100, 100, &refusal));
        EXPECT(!spend(budget, &payer, 1, 1, &refusal));
        budget_free(budget);
    }
}

static void an_attempt_counts_for_the_day_it_was_held_in(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule rule = cap_rule(SCOPE_KEY, 1, CAP_DAY, 100);
    struct budget_payer payer = payer_of(&rule);
    struct budget_refusal refusal;
    struct budget_claim claim = {0};
    struct budget_hold hold;
    EXPECT(budget_enter(budget, &payer, &claim, &refusal));
    EXPECT(budget_hold(budget, &claim, &(struct budget_want){.amount_nd = 100}, &hold, &refusal));
    clock_manual_advance(&turned, 13 * 3600 * NS_PER_S);
    EXPECT(spend(budget, &payer, 100, 40, &refusal));
    budget_settle(budget, &claim, &hold, 90);
    budget_leave(budget, &claim, 0);
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_DAY), 40);
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_TOTAL), 130);
    EXPECT_INT(held_of(budget, SCOPE_KEY, 1), 0);
    EXPECT(spend(budget, &payer, 60, 60, &refusal));
    budget_free(budget);
}

static void a_clock_that_jumps_resets_nothing_twice(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule rule = cap_rule(SCOPE_KEY, 1, CAP_DAY, 100);
    struct budget_payer payer = payer_of(&rule);
    struct budget_refusal refusal;
    EXPECT(spend(budget, &payer, 100, 100, &refusal));
    turned.wall_ns += DAY_NS; /* there: tomorrow begins */
    EXPECT(spend(budget, &payer, 100, 100, &refusal));
    turned.wall_ns -= DAY_NS; /* and back: still tomorrow */
    EXPECT(!spend(budget, &payer, 1, 1, &refusal));
    clock_manual_advance(&turned, DAY_NS / 2 + NS_PER_S); /* the true midnight */
    EXPECT(!spend(budget, &payer, 1, 1, &refusal));
    clock_manual_advance(&turned, DAY_NS); /* the day after tomorrow */
    EXPECT(spend(budget, &payer, 100, 100, &refusal));
    turned.wall_ns -= 400 * DAY_NS; /* set right after a year too late: a whole day must pass */
    EXPECT(!spend(budget, &payer, 1, 1, &refusal));
    clock_manual_advance(&turned, DAY_NS - NS_PER_S);
    EXPECT(!spend(budget, &payer, 1, 1, &refusal));
    clock_manual_advance(&turned, NS_PER_S);
    EXPECT(spend(budget, &payer, 100, 100, &refusal));
    budget_free(budget);
}

static void a_rolling_cap_forgets_what_is_too_old(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule rule = cap_rule(SCOPE_KEY, 1, CAP_ROLLING, 100);
    rule.limits.caps[0].window_s = 3600;
    struct budget_payer payer = payer_of(&rule);
    struct budget_refusal refusal;
    EXPECT(spend(budget, &payer, 60, 60, &refusal));
    clock_manual_advance(&turned, 1800 * NS_PER_S);
    EXPECT(spend(budget, &payer, 40, 40, &refusal));
    EXPECT(!spend(budget, &payer, 50, 50, &refusal));
    EXPECT(refusal.reset_ms >= 1800 * 1000 && refusal.reset_ms <= 1861 * 1000);
    turned.wall_ns += 10 * DAY_NS; /* it does not look at the wall */
    EXPECT(!spend(budget, &payer, 50, 50, &refusal));
    clock_manual_advance(&turned, refusal.reset_ms * NS_PER_MS);
    EXPECT(spend(budget, &payer, 50, 50, &refusal));
    EXPECT(!spend(budget, &payer, 11, 11, &refusal));
    budget_free(budget);
}

static void days_are_those_of_the_time_zone(void)
{
    setenv("TZ", "America/New_York", 1);
    tzset();
    struct budget *budget = budget_at_noon(); /* 07:00 there */
    struct scope_rule rule = cap_rule(SCOPE_KEY, 1, CAP_DAY, 100);
    struct budget_payer payer = payer_of(&rule);
    struct budget_refusal refusal;
    EXPECT(!spend(budget, &payer, 101, 1, &refusal));
    EXPECT(spend(budget, &payer, 100, 100, &refusal));
    EXPECT(!spend(budget, &payer, 1, 1, &refusal));
    EXPECT_INT(refusal.reset_ms, 17 * 3600 * 1000);
    budget_free(budget);
    /* 2026-03-08 has 23 hours there: 01:30 is 22 h 30 min before its end, less one */
    clock_manual_init(&turned, 0, INT64_C(1772951400) * NS_PER_S);
    budget = budget_new(&turned.clock);
    EXPECT(spend(budget, &payer, 100, 100, &refusal));
    EXPECT(!spend(budget, &payer, 1, 1, &refusal));
    EXPECT_INT(refusal.reset_ms, (21 * 3600 + 1800) * 1000);
    budget_free(budget);
    setenv("TZ", "UTC", 1);
    tzset();
}

static void begins_where_the_ledger_ended(void)
{
    struct budget *budget = budget_at_noon();
    struct scope_rule rule = cap_rule(SCOPE_KEY, 1, CAP_DAY, 100);
    struct scope_rule rolling = cap_rule(SCOPE_KEY, 2, CAP_ROLLING, 100);
    struct budget_payer payer = payer_of(&rule);
    struct budget_refusal refusal;
    struct budget_alert alert;
    rolling.limits.caps[0].window_s = 7200;
    EXPECT(budget_introduce(budget, 1, &rule));
    EXPECT(budget_introduce(budget, 1, &rolling));
    for (uint64_t key = 1; key <= 2; key++) {
        EXPECT(budget_seed(budget, SCOPE_KEY, key, SLICE_EMPTY, NOON_S - 900, 10));
        EXPECT(budget_seed(budget, SCOPE_KEY, key, SLICE_EMPTY, NOON_S - 43200, 20)); /* midnight */
        EXPECT(budget_seed(budget, SCOPE_KEY, key, SLICE_EMPTY, NOON_S - 44100, 40)); /* before */
        EXPECT(budget_seed(budget, SCOPE_KEY, key, SLICE_EMPTY, NOON_S + 9000, 50));
    }
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_DAY), 80);
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_TOTAL), 120);
    EXPECT(!budget_next_alert(budget, &alert)); /* it was told before */
    EXPECT(!spend(budget, &payer, 21, 21, &refusal));
    EXPECT(spend(budget, &payer, 20, 20, &refusal));
    payer = payer_of(&rolling);
    EXPECT(!spend(budget, &payer, 41, 41, &refusal));
    EXPECT(spend(budget, &payer, 40, 40, &refusal));
    budget_free(budget);
}

static void slows_down_near_a_cap(void)
{
    struct budget *budget = budget_at_noon(); /* half of the day is over */
    struct scope_rule rule = cap_rule(SCOPE_KEY, 1, CAP_DAY, 100000);
    struct budget_payer payer = payer_of(&rule);
    struct budget_refusal refusal;
    static const int64_t wanted[] = {0, 0, 0, 0, 0, 1, 1, 2, 2};
    rule.limits.pace = true;
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        struct budget_claim claim = {0};
        EXPECT(spend(budget, &payer, 10000, 10000, &refusal));
        EXPECT(budget_enter(budget, &payer, &claim, &refusal));
        EXPECT_INT(budget_pressure(budget, &claim, false), wanted[i]);
        EXPECT_INT(budget_pressure_of(budget, &payer, SLICE("m"), false), wanted[i]);
        budget_leave(budget, &claim, 0);
    }
    budget_free(budget);
}

#ifdef SLUICE_FAULTS
/* Whatever cannot be allocated, a call is refused or held in full, and nothing of it stays behind.
 */
static void survives_a_want_of_memory(void)
{
    bool happened = true;
    for (int64_t nth = 0; happened && nth < 50; nth++) {
        struct scope_rule rules[2] = {cap_rule(SCOPE_KEY, 1, CAP_ROLLING, 100),
                                      cap_rule(SCOPE_KEY, 1, CAP_ROLLING, 100)};
        struct budget_payer payer = payer_of(rules);
        struct budget_refusal refusal;
        struct budget_claim claim = {0};
        struct budget_hold hold = {.open = false};
        rules[0].limits.caps[0].window_s = rules[1].limits.caps[0].window_s = 60;
        snprintf(rules[1].model, sizeof(rules[1].model), "m");
        payer.rule_counts[SCOPE_KEY] = 2;
        payer.scopes[SCOPE_TEAM] = 3;
        struct budget *budget = budget_at_noon();
        memory_fail_nth(nth);
        if (budget_enter(budget, &payer, &claim, &refusal)) {
            (void)!budget_enter_model(budget, &payer, SLICE("m"), &claim, &refusal);
            EXPECT(budget_hold(budget, &claim, &(struct budget_want){.amount_nd = 100}, &hold,
                               &refusal));
            EXPECT_INT(held_of(budget, SCOPE_KEY, 1), 100);
        }
        happened = memory_fault_happened();
        memory_fail_nth(-1);
        budget_settle(budget, &claim, &hold, 10);
        budget_leave(budget, &claim, 0);
        EXPECT(held_of(budget, SCOPE_KEY, 1) <= 0);
        EXPECT(spend(budget, &payer, 90, 90, &refusal));
        EXPECT(!spend(budget, &payer, 90, 90, &refusal));
        budget_free(budget);
    }
    EXPECT(!happened);
}
#endif

int main(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    TEST(holds_what_a_cap_has_room_for, "holds what a cap has room for, and settles it once");
    TEST(takes_from_every_scope_or_from_none, "takes from every scope or from none");
    TEST(limits_one_model_alone, "limits one model alone");
    TEST(bounds_the_cost_of_one_call, "bounds the cost of one call with all its attempts");
    TEST(counts_requests_of_any_minute, "lets no minute have more requests than the limit");
    TEST(tells_when_a_rate_lets_the_next_in, "tells when a rate lets the next one in");
    TEST(counts_tokens_as_held_and_then_as_taken, "counts tokens as held, then as taken");
    TEST(lets_a_call_that_is_larger_than_the_limit_in_alone,
         "holds a whole limit of tokens for a call that is larger");
    TEST(holds_an_attempt_against_the_limits_of_its_target,
         "holds an attempt against the limits of its target");
    TEST(counts_a_limit_once_where_route_and_target_share_a_name,
         "counts a limit once where route and target share a name");
    TEST(counts_calls_at_the_same_time, "counts calls at the same time");
    TEST(zero_is_a_limit, "zero is a limit that nothing fits");
    TEST(takes_new_rules_and_no_old_ones, "takes new rules, and no old ones after them");
    TEST(soft_caps_only_tell, "soft caps tell at 50, 80 and 100 percent, once a period");
    TEST(tells_once_that_a_cap_refused, "tells once that a cap refused");
    TEST(begins_days_weeks_and_months_anew, "begins days, weeks and months anew");
    TEST(an_attempt_counts_for_the_day_it_was_held_in, "an attempt counts for the day of its hold");
    TEST(a_clock_that_jumps_resets_nothing_twice, "a clock that jumps resets nothing twice");
    TEST(a_rolling_cap_forgets_what_is_too_old, "a rolling cap forgets what is too old");
    TEST(days_are_those_of_the_time_zone, "days are those of the time zone, also of 23 hours");
    TEST(begins_where_the_ledger_ended, "begins where the ledger ended");
    TEST(slows_down_near_a_cap, "slows down near a cap, where spending is ahead of time");
#ifdef SLUICE_FAULTS
    TEST(survives_a_want_of_memory, "survives a want of memory wherever it comes");
#endif
    return tap_done();
}
