/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The budget against a model that only has a list: every hold with its time, open or settled. The
 * model adds up the list after each step; the budget must never let a hard cap be passed, and must
 * agree on whether the next hold fits. A crash makes a new budget of the list, as the ledger would:
 * open holds count as spent.
 */
#include "tests/unit/store/budget_testing.h"

#include "base/random.h"
#include "tests/tap.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define PAYERS 4 /* keys, two to a team, all of one organisation */
#define RULES 7
#define ENTRIES 600
#define UNDER_WAY 12
#define WINDOW_S 3600

struct entry {
    unsigned payer;
    int64_t wall_s;
    int64_t periods[CAP_PERIODS];
    int64_t held_ns; /* monotonic */
    bool open;
    int64_t amount_nd; /* held, then the cost */
};

struct under_way {
    bool used;
    bool held;
    size_t entry;
    struct budget_claim claim;
    struct budget_hold hold;
};

struct model {
    struct random random;
    struct budget *budget;
    struct entry entries[ENTRIES];
    size_t count;
    struct under_way calls[UNDER_WAY];
    struct scope_rule rules[RULES];
    bool exact; /* no crash yet: what was seeded is rounded up */
};

static uint64_t below(struct model *model, uint64_t bound)
{
    return random_next(&model->random) % bound;
}

static void make_rules(struct model *model)
{
    const struct scope_rule rules[RULES] = {
        cap_rule(SCOPE_KEY, 1, CAP_TOTAL, 400000),
        cap_rule(SCOPE_KEY, 2, CAP_DAY, 3000),
        cap_rule(SCOPE_KEY, 3, CAP_ROLLING, 2000),
        cap_rule(SCOPE_KEY, 4, CAP_WEEK, 9000),
        cap_rule(SCOPE_TEAM, 1, CAP_DAY, 5000),
        cap_rule(SCOPE_TEAM, 2, CAP_ROLLING, 4000),
        cap_rule(SCOPE_ORGANISATION, 1, CAP_MONTH, 90000),
    };
    memcpy(model->rules, rules, sizeof(rules));
    model->rules[2].limits.caps[0].window_s = WINDOW_S;
    model->rules[5].limits.caps[0].window_s = WINDOW_S;
}

static bool is_paid_by(const struct scope_rule *rule, unsigned payer)
{
    switch (rule->kind) {
    case SCOPE_KEY:
        return rule->scope_id == payer + 1;
    case SCOPE_TEAM:
        return rule->scope_id == payer / 2 + 1;
    default:
        return true;
    }
}

static struct budget_payer payer_at(struct model *model, unsigned payer)
{
    struct budget_payer made = {.generation = 1};
    made.scopes[SCOPE_KEY] = payer + 1;
    made.scopes[SCOPE_TEAM] = payer / 2 + 1;
    made.scopes[SCOPE_ORGANISATION] = 1;
    for (size_t i = 0; i < RULES; i++) {
        if (is_paid_by(&model->rules[i], payer)) {
            made.rules[model->rules[i].kind] = &model->rules[i];
            made.rule_counts[model->rules[i].kind] = 1;
        }
    }
    return made;
}

/* All of UTC: a month of the test is November or December 2026. */
static int64_t period_of(enum cap_period period, int64_t wall_s)
{
    switch (period) {
    case CAP_DAY:
        return wall_s / 86400;
    case CAP_WEEK:
        return (wall_s / 86400 + 3) / 7; /* 1970 began on a Thursday */
    case CAP_MONTH: {
        time_t time = (time_t)wall_s;
        struct tm parts;
        gmtime_r(&time, &parts);
        return parts.tm_year * 12 + parts.tm_mon;
    }
    default:
        return 0;
    }
}

/* What the list says of a cap; `slack`: of a rolling one, with what its buckets may still keep. */
static int64_t used_of(const struct model *model, const struct scope_rule *rule, bool slack)
{
    const struct spend_cap *cap = &rule->limits.caps[0];
    int64_t period = period_of(cap->period, turned.wall_ns / NS_PER_S);
    int64_t span_ns = (WINDOW_S + (slack ? 120 : 0)) * NS_PER_S;
    int64_t sum = 0;
    for (size_t i = 0; i < model->count; i++) {
        const struct entry *entry = &model->entries[i];
        bool rolling = cap->period == CAP_ROLLING;
        bool counts = rolling ? entry->open || turned.monotonic_ns - entry->held_ns <= span_ns
                              : entry->periods[cap->period] == period;
        sum += counts && is_paid_by(rule, entry->payer) ? entry->amount_nd : 0;
    }
    return sum;
}

static void check_caps(const struct model *model)
{
    for (size_t i = 0; i < RULES; i++) {
        EXPECT(used_of(model, &model->rules[i], false) <= model->rules[i].limits.caps[0].amount_nd);
    }
}

static void begin_call(struct model *model, struct under_way *call)
{
    struct budget_refusal refusal;
    unsigned payer = (unsigned)below(model, PAYERS);
    struct budget_payer pays = payer_at(model, payer);
    memset(call, 0, sizeof(*call));
    call->used = budget_enter(model->budget, &pays, &call->claim, &refusal);
    EXPECT(call->used);
    call->entry = payer; /* until it holds */
}

static void hold(struct model *model, struct under_way *call, unsigned payer)
{
    struct budget_refusal refusal;
    int64_t amount = (int64_t)below(model, 900) + 1;
    bool must = true;
    bool may = true;
    for (size_t i = 0; i < RULES; i++) {
        const struct scope_rule *rule = &model->rules[i];
        if (is_paid_by(rule, payer)) {
            may &= used_of(model, rule, false) + amount <= rule->limits.caps[0].amount_nd;
            must &= used_of(model, rule, true) + amount <= rule->limits.caps[0].amount_nd;
        }
    }
    call->held = budget_hold(model->budget, &call->claim,
                             &(struct budget_want){.amount_nd = amount}, &call->hold, &refusal);
    EXPECT(!call->held || may);
    EXPECT(call->held || !must || !model->exact);
    if (call->held) {
        call->entry = model->count++;
        model->entries[call->entry] = (struct entry){
            .payer = payer,
            .wall_s = turned.wall_ns / NS_PER_S,
            .held_ns = turned.monotonic_ns,
            .open = true,
            .amount_nd = amount,
        };
        for (unsigned i = 0; i < CAP_PERIODS; i++) {
            model->entries[call->entry].periods[i] =
                period_of((enum cap_period)i, turned.wall_ns / NS_PER_S);
        }
    }
}

static void settle(struct model *model, struct under_way *call)
{
    struct entry *entry = &model->entries[call->entry];
    int64_t cost = (int64_t)below(model, (uint64_t)entry->amount_nd + 1);
    budget_settle(model->budget, &call->claim, &call->hold, cost);
    entry->amount_nd = cost;
    entry->open = false;
    call->held = false;
    call->entry = entry->payer;
}

static void crash(struct model *model)
{
    for (size_t i = 0; i < UNDER_WAY; i++) {
        struct under_way *call = &model->calls[i];
        if (call->held) {
            model->entries[call->entry].open = false;
        }
        memset(call, 0, sizeof(*call));
    }
    budget_free(model->budget);
    model->budget = budget_new(&turned.clock);
    model->exact = false;
    for (size_t i = 0; i < RULES; i++) {
        EXPECT(budget_introduce(model->budget, 1, &model->rules[i]));
    }
    for (size_t i = 0; i < model->count; i++) {
        const struct entry *entry = &model->entries[i];
        int64_t bucket_s = entry->wall_s / BUDGET_BUCKET_S * BUDGET_BUCKET_S;
        const uint64_t ids[] = {entry->payer + 1, entry->payer / 2 + 1, 1};
        const enum scope_kind kinds[] = {SCOPE_KEY, SCOPE_TEAM, SCOPE_ORGANISATION};
        for (size_t k = 0; k < ARRAY_LEN(ids); k++) {
            EXPECT(budget_seed(model->budget, kinds[k], ids[k], SLICE_EMPTY, bucket_s,
                               entry->amount_nd));
        }
    }
}

static void step(struct model *model)
{
    struct under_way *call = &model->calls[below(model, UNDER_WAY)];
    uint64_t dice = below(model, 1000);
    if (dice < 2) {
        crash(model);
    } else if (dice < 60) {
        clock_manual_advance(&turned, (int64_t)below(model, 3000) * NS_PER_S);
    } else if (!call->used) {
        begin_call(model, call);
    } else if (call->held) {
        settle(model, call);
    } else if (dice < 800) {
        hold(model, call, (unsigned)call->entry);
    } else {
        budget_leave(model->budget, &call->claim, 0);
        call->used = false;
    }
}

static void run(uint64_t seed)
{
    struct model *model = calloc(1, sizeof(*model));
    CHECK(model != NULL);
    random_seed(&model->random, seed);
    model->budget = budget_at_noon();
    model->exact = true;
    make_rules(model);
    for (int i = 0; i < 12000 && model->count < ENTRIES && !tap_point_failed; i++) {
        step(model);
        check_caps(model);
    }
    if (tap_point_failed) {
        printf("# seed %llu\n", (unsigned long long)seed);
    }
    budget_free(model->budget);
    free(model);
}

static void agrees_with_a_list(void)
{
    for (uint64_t seed = 1; seed <= 8 && !tap_point_failed; seed++) {
        run(seed);
    }
}

/* --- threads ---------------------------------------------------------------------------------- */

#define THREADS 4
#define ROUNDS 5000
#define SHARED_CAP 1000

struct crowd {
    struct budget *budget;
    struct scope_rule rules[2];
    _Atomic int64_t settled; /* the sum of all costs */
    _Atomic int64_t held;    /* more than was settled, never less */
    _Atomic int64_t over;
    _Atomic int64_t taken;
    _Atomic uint64_t seeds;
};

static void one_call(struct crowd *crowd, const struct budget_payer *payer, struct random *random)
{
    struct budget_claim claim = {0};
    struct budget_hold hold;
    struct budget_refusal refusal;
    int64_t amount = (int64_t)(random_next(random) % 40) + 1;
    if (!budget_enter(crowd->budget, payer, &claim, &refusal)) {
        return;
    }
    if (budget_hold(crowd->budget, &claim, &(struct budget_want){.amount_nd = amount}, &hold,
                    &refusal)) {
        int64_t cost = amount == 1 ? 1 : 0;
        int64_t all = atomic_fetch_add(&crowd->held, amount) + amount;
        if (all > SHARED_CAP) {
            atomic_fetch_add(&crowd->over, 1);
        }
        atomic_fetch_add(&crowd->taken, 1);
        atomic_fetch_add(&crowd->settled, cost);
        atomic_fetch_sub(&crowd->held, amount - cost); /* before it is free for others */
        budget_settle(crowd->budget, &claim, &hold, cost);
    }
    budget_leave(crowd->budget, &claim, amount);
}

static void *work(void *user)
{
    struct crowd *crowd = user;
    struct random random;
    random_seed(&random, atomic_fetch_add(&crowd->seeds, 1) + 1);
    struct budget_payer payer = {.generation = 1};
    payer.scopes[SCOPE_KEY] = random_next(&random) % 2 + 1;
    payer.scopes[SCOPE_ORGANISATION] = 1;
    payer.rules[SCOPE_ORGANISATION] = crowd->rules;
    payer.rule_counts[SCOPE_ORGANISATION] = 1;
    for (int i = 0; i < ROUNDS; i++) {
        one_call(crowd, &payer, &random);
        payer.generation += i % 100 == 0;
    }
    return NULL;
}

static void holds_against_all_threads_at_once(void)
{
    pthread_t threads[THREADS];
    struct crowd crowd = {.budget = budget_new(&clock_system)};
    CHECK(crowd.budget != NULL);
    crowd.rules[0] = cap_rule(SCOPE_ORGANISATION, 1, CAP_TOTAL, SHARED_CAP);
    crowd.rules[0].limits.parallel = THREADS;
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, work, &crowd) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    struct budget_balance balance;
    EXPECT(budget_balance_read(crowd.budget, SCOPE_ORGANISATION, 1, SLICE_EMPTY, &balance));
    EXPECT_INT(crowd.over, 0);
    EXPECT_INT(balance.spent_nd[CAP_TOTAL], crowd.settled);
    EXPECT_INT(balance.held_nd, 0);
    EXPECT_INT(balance.parallel, 0);
    EXPECT(crowd.taken > ROUNDS);
    budget_free(crowd.budget);
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    TEST(agrees_with_a_list, "agrees with a list of all holds, over days and crashes");
    TEST(holds_against_all_threads_at_once, "no cap is passed by four threads at once");
    return tap_done();
}
