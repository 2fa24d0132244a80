/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds. The one hard idea: each account has the sums of every calendar period at once, each with
 * the serial of the period that it is of. A hold remembers the serials under which it was taken; a
 * sum that has begun anew since knows nothing of it and is left alone.
 */
#include "store/budget_internal.h"

#include "model/price.h"

#define SHORTLY_MS 1000 /* what is held by others will be settled */

int64_t account_used(const struct budget *budget, struct budget_account *account, size_t cap,
                     const struct instant *now, int64_t *ret_spent_nd)
{
    enum cap_period period = account->enforced->limits.caps[cap].period;
    if (period == CAP_ROLLING) {
        *ret_spent_nd = window_sum(&account->enforced->caps[cap].window, now->monotonic_ns);
        return money_add(*ret_spent_nd, account->counters[CAP_TOTAL].held_nd);
    }
    const struct counter *counter = account_counter(budget, account, period);
    *ret_spent_nd = counter->spent_nd;
    return money_add(counter->spent_nd, counter->held_nd);
}

static int64_t reset_ms(const struct budget *budget, const struct budget_account *account,
                        size_t index, const struct budget_refusal *refusal, int64_t spent_nd,
                        const struct instant *now)
{
    const struct spend_cap *cap = &account->enforced->limits.caps[index];
    if (refusal->wanted > cap->amount_nd) {
        return -1;
    }
    int64_t needed = money_add(spent_nd, refusal->wanted) - cap->amount_nd;
    if (needed <= 0) {
        return SHORTLY_MS;
    }
    if (cap->period == CAP_TOTAL) {
        return -1;
    }
    if (cap->period == CAP_ROLLING) {
        int64_t ns =
            window_free_ns(&account->enforced->caps[index].window, now->monotonic_ns, needed);
        return ns < 0 ? -1 : ns / NS_PER_MS + 1;
    }
    int64_t ms = budget->periods[cap->period].end_s * 1000 - now->wall_ns / NS_PER_MS;
    return ms < SHORTLY_MS ? SHORTLY_MS : ms;
}

static bool cap_refuses(struct budget *budget, struct budget_account *account, size_t index,
                        int64_t amount_nd, const struct instant *now,
                        struct budget_refusal *refusal)
{
    const struct spend_cap *cap = &account->enforced->limits.caps[index];
    int64_t spent_nd = 0;
    if (cap->soft) {
        return false;
    }
    int64_t used = account_used(budget, account, index, now, &spent_nd);
    if (amount_nd == 0 || (used <= cap->amount_nd && amount_nd <= cap->amount_nd - used)) {
        return false; /* what costs nothing fits into what is used up */
    }
    *refusal = (struct budget_refusal){.limit = BUDGET_CAP,
                                       .period = cap->period,
                                       .window_s = cap->window_s,
                                       .allowed = cap->amount_nd,
                                       .used = used,
                                       .wanted = amount_nd};
    refusal->reset_ms = reset_ms(budget, account, index, refusal, spent_nd, now);
    budget_tell_refusal(budget, account, index, now);
    return true;
}

static bool account_refuses(struct budget *budget, struct budget_account *account,
                            const struct budget_claim *claim, int64_t amount_nd,
                            const struct instant *now, struct budget_refusal *refusal)
{
    const struct scope_limits *limits = &account->enforced->limits;
    int64_t of_call = money_add(claim->spent_nd, claim->held_nd);
    if (limits->max_request_nd != LIMIT_NONE &&
        money_add(of_call, amount_nd) > limits->max_request_nd) {
        *refusal = (struct budget_refusal){.limit = BUDGET_CALL_COST,
                                           .allowed = limits->max_request_nd,
                                           .used = of_call,
                                           .wanted = amount_nd,
                                           .reset_ms = -1};
        return true;
    }
    for (size_t i = 0; i < limits->cap_count; i++) {
        if (cap_refuses(budget, account, i, amount_nd, now, refusal)) {
            return true;
        }
    }
    return false;
}

static bool any_refuses(struct budget *budget, const struct budget_claim *claim, int64_t amount_nd,
                        const struct instant *now, struct budget_refusal *refusal)
{
    for (unsigned i = 0; i < claim->count; i++) {
        struct budget_account *account = claim->accounts[i];
        if (account->enforced != NULL &&
            account_refuses(budget, account, claim, amount_nd, now, refusal)) {
            budget_name_refusal(budget, account, refusal);
            return true;
        }
    }
    return budget->leases != NULL && leases_refuse_hold(budget, claim, amount_nd, now, refusal);
}

/* Sums of the periods in which the hold was taken; `spent_nd` comes in the place of what is no
 * longer held. */
static void move(const struct budget *budget, struct budget_claim *claim,
                 const struct budget_hold *hold, int64_t held_nd, int64_t spent_nd)
{
    for (unsigned i = 0; i < claim->count; i++) {
        for (unsigned period = 0; period < CAP_ROLLING; period++) {
            struct counter *counter =
                account_counter(budget, claim->accounts[i], (enum cap_period)period);
            if (counter->serial == hold->serials[period]) {
                counter->held_nd += held_nd;
                counter->spent_nd = money_add(counter->spent_nd, spent_nd);
                CHECK(counter->held_nd >= 0);
            }
        }
    }
    claim->held_nd += held_nd;
    claim->spent_nd = money_add(claim->spent_nd, spent_nd);
}

/* No sum of holds comes near an overflow. */
#define HOLD_MAX_ND ((int64_t)1 << 48)

static bool is_sane(int64_t amount_nd, const struct budget_claim *claim,
                    struct budget_refusal *refusal)
{
    if (amount_nd <= HOLD_MAX_ND) {
        return true;
    }
    *refusal = (struct budget_refusal){.limit = BUDGET_CALL_COST,
                                       .allowed = HOLD_MAX_ND,
                                       .used = claim->held_nd,
                                       .wanted = amount_nd,
                                       .reset_ms = -1};
    return false;
}

#define TOKENS_MAX INT32_MAX /* of one attempt */

/* The accounts of the hold's target as a claim of their own: what the call has spent and held
 * counts against a limit of one call there, too. */
static struct budget_claim claim_of(const struct budget_hold *hold,
                                    const struct budget_claim *claim)
{
    struct budget_claim own = {.count = hold->count,
                               .patient = claim->patient,
                               .since_ns = claim->since_ns,
                               .spent_nd = claim->spent_nd,
                               .held_nd = claim->held_nd};
    _Static_assert(sizeof(own.accounts) >= sizeof(hold->accounts), "a claim has room for them");
    memcpy(own.accounts, hold->accounts, hold->count * sizeof(own.accounts[0]));
    memcpy(own.token_holds, hold->token_holds, hold->count * sizeof(own.token_holds[0]));
    return own;
}

static bool either_refuses(struct budget *budget, const struct budget_claim *claim,
                           const struct budget_claim *own, int64_t amount_nd,
                           const struct instant *now, struct budget_refusal *refusal)
{
    if (any_refuses(budget, claim, amount_nd, now, refusal)) {
        return true;
    }
    bool refused = own->count > 0 && any_refuses(budget, own, amount_nd, now, refusal);
    refusal->of_target = refused;
    return refused;
}

/* Both are sound. `lacking`: of the claim's accounts, then of those of the target. */
static bool may_hold(struct budget *budget, const struct budget_want *want,
                     const struct budget_claim *claim, struct budget_claim *own,
                     int64_t lacking[2][BUDGET_ACCOUNTS_MAX], const struct instant *now,
                     struct budget_refusal *refusal)
{
    int64_t tokens = want->tokens;
    int64_t of_call = claim->tokens_used + claim->tokens_open + tokens;
    if (want->payer != NULL && !budget_target_enter(budget, want, now, claim, own, refusal)) {
        refusal->of_target = true;
        return false;
    }
    if (tokens > 0 && budget_tokens_refuse(budget, claim, of_call, want->expected_tokens,
                                           lacking[0], now, refusal)) {
        return false;
    }
    if (tokens > 0 && own->count > 0 &&
        budget_tokens_refuse(budget, own, tokens, want->expected_tokens, lacking[1], now,
                             refusal)) {
        refusal->of_target = true;
        return false;
    }
    return !either_refuses(budget, claim, own, want->amount_nd, now, refusal);
}

static void hold_both(struct budget *budget, struct budget_claim *claim, struct budget_claim *own,
                      int64_t lacking[2][BUDGET_ACCOUNTS_MAX], struct budget_hold *hold,
                      const struct instant *now)
{
    for (unsigned period = 0; period < CAP_ROLLING; period++) {
        hold->serials[period] = budget->periods[period].serial;
    }
    hold->open = true;
    hold->held_ns = now->monotonic_ns;
    move(budget, claim, hold, hold->amount_nd, 0);
    if (budget->leases != NULL) {
        leases_held(budget, claim, hold->amount_nd, now);
    }
    claim->tokens_open += hold->tokens;
    budget_tokens_take(budget, claim, lacking[0], now);
    if (own->count == 0) {
        return;
    }
    budget_target_entered(budget, own, now);
    move(budget, own, hold, hold->amount_nd, 0);
    if (budget->leases != NULL) {
        leases_held(budget, own, hold->amount_nd, now);
    }
    budget_tokens_take(budget, own, lacking[1], now);
    hold->count = own->count;
    memcpy(hold->accounts, own->accounts, own->count * sizeof(own->accounts[0]));
    memcpy(hold->token_holds, own->token_holds, own->count * sizeof(own->token_holds[0]));
}

bool budget_hold(struct budget *budget, struct budget_claim *claim, const struct budget_want *want,
                 struct budget_hold *ret_hold, struct budget_refusal *ret_refusal)
{
    struct budget_want sound = *want;
    int64_t lacking[2][BUDGET_ACCOUNTS_MAX] = {{0}};
    sound.amount_nd = want->amount_nd < 0 ? 0 : want->amount_nd;
    sound.tokens = want->tokens < 0 ? 0 : want->tokens > TOKENS_MAX ? TOKENS_MAX : want->tokens;
    *ret_hold = (struct budget_hold){.amount_nd = sound.amount_nd, .tokens = sound.tokens};
    if (claim->count == 0) {
        return true;
    }
    ret_refusal->of_target = false;
    if (!is_sane(sound.amount_nd, claim, ret_refusal)) {
        return false;
    }
    struct budget_claim own = claim_of(ret_hold, claim);
    struct instant now = budget_lock(budget);
    bool taken = may_hold(budget, &sound, claim, &own, lacking, &now, ret_refusal);
    if (taken) {
        hold_both(budget, claim, &own, lacking, ret_hold, &now);
    }
    budget_unlock(budget);
    return taken;
}

size_t budget_hold_names(const struct budget_claim *claim, const struct budget_hold *hold,
                         char out[BUDGET_NAMES_SIZE])
{
    const char *names[1 + BUDGET_TARGET_NAMES];
    size_t count = 0;
    size_t len = 0;
    for (unsigned i = 0; i < claim->count + hold->count; i++) {
        const struct budget_account *account =
            i < claim->count ? claim->accounts[i] : hold->accounts[i - claim->count];
        bool new = account->model != NULL &&count < ARRAY_LEN(names);
        for (size_t n = 0; new &&n < count; n++) {
            new = strcmp(names[n], account->model) != 0;
        }
        if (new) {
            size_t more = strlen(account->model);
            if (count > 0) {
                out[len++] = '\n';
            }
            memcpy(out + len, account->model, more);
            len += more;
            names[count++] = account->model;
        }
    }
    return len;
}

bool budget_extend(struct budget *budget, struct budget_claim *claim, int64_t more_nd,
                   struct budget_hold *hold, struct budget_refusal *ret_refusal)
{
    if (!hold->open) {
        return true;
    }
    more_nd = more_nd < 0 ? 0 : more_nd;
    if (!is_sane(money_add(hold->amount_nd, more_nd), claim, ret_refusal)) {
        return false;
    }
    struct budget_claim own = claim_of(hold, claim);
    struct instant now = budget_lock(budget);
    bool taken = !either_refuses(budget, claim, &own, more_nd, &now, ret_refusal);
    if (taken) {
        hold->amount_nd += more_nd;
        move(budget, claim, hold, more_nd, 0);
        move(budget, &own, hold, more_nd, 0);
        if (budget->leases != NULL) {
            leases_held(budget, claim, more_nd, &now);
            leases_held(budget, &own, more_nd, &now);
        }
    }
    budget_unlock(budget);
    return taken;
}

/* In the windows of rolling caps, and what people are told of it. */
static void spent(struct budget *budget, const struct budget_claim *claim,
                  const struct budget_hold *hold, int64_t cost_nd, const struct instant *now)
{
    for (unsigned i = 0; i < claim->count; i++) {
        struct budget_account *account = claim->accounts[i];
        struct enforced *enforced = account->enforced;
        for (size_t cap = 0; enforced != NULL && cap < enforced->limits.cap_count; cap++) {
            if (enforced->caps[cap].buckets != NULL) {
                window_add(&enforced->caps[cap].window, now->monotonic_ns, hold->held_ns, cost_nd);
            }
        }
        if (enforced != NULL && cost_nd > 0) {
            budget_watch(budget, account, now, false);
        }
    }
    if (budget->leases != NULL) {
        leases_settled(budget, claim, now);
    }
}

void budget_settle(struct budget *budget, struct budget_claim *claim, struct budget_hold *hold,
                   int64_t cost_nd)
{
    if (!hold->open) {
        return;
    }
    hold->open = false;
    cost_nd = cost_nd < 0 ? 0 : cost_nd;
    struct instant now = budget_lock(budget);
    struct budget_claim own = claim_of(hold, claim);
    move(budget, claim, hold, -hold->amount_nd, cost_nd);
    spent(budget, claim, hold, cost_nd, &now);
    claim->tokens_open -= hold->tokens;
    claim->tokens_used += hold->tokens_used;
    if (own.count > 0) {
        move(budget, &own, hold, -hold->amount_nd, cost_nd);
        spent(budget, &own, hold, cost_nd, &now);
        budget_accounts_leave(budget, &own, hold->tokens_used, &now);
        hold->count = 0;
    }
    budget_unlock(budget);
}

/* --- pace -------------------------------------------------------------------------------------
 */

/* How much of the cap's time has passed, in thousandths; what has no end never passes. */
static int64_t time_permille(const struct budget *budget, const struct spend_cap *cap,
                             const struct instant *now)
{
    if (cap->period == CAP_TOTAL || cap->period == CAP_ROLLING) {
        return 0;
    }
    const struct period *period = &budget->periods[cap->period];
    int64_t passed = now->wall_ns / NS_PER_S - period->start_s;
    int64_t length = period->end_s - period->start_s;
    return passed <= 0 ? 0 : passed >= length ? 1000 : passed * 1000 / length;
}

/* From half of the cap on, where spending is ahead of the time: one tier; from four fifths on, two.
 * A cap without an end has only its last fifth and its last twentieth to slow down in. */
static unsigned cap_pressure(const struct budget *budget, struct budget_account *account,
                             size_t index, const struct instant *now)
{
    const struct spend_cap *cap = &account->enforced->limits.caps[index];
    int64_t spent_nd = 0;
    int64_t used = account_used(budget, account, index, now, &spent_nd);
    used = money_add(used, lease_elsewhere(account->enforced->caps[index].lease));
    int64_t share = cap->amount_nd < 1000 ? 1000 : used / (cap->amount_nd / 1000);
    bool endless = cap->period == CAP_TOTAL || cap->period == CAP_ROLLING;
    if (share <= time_permille(budget, cap, now)) {
        return 0;
    }
    return share >= (endless ? 950 : 800) ? 2 : share >= (endless ? 800 : 500) ? 1 : 0;
}

unsigned budget_pressure_now(struct budget *budget, const struct budget_claim *claim, bool all,
                             const struct instant *now)
{
    unsigned most = 0;
    for (unsigned i = 0; i < claim->count; i++) {
        struct budget_account *account = claim->accounts[i];
        bool paced = account->enforced != NULL && (all || account->enforced->limits.pace);
        for (size_t cap = 0; paced && cap < account->enforced->limits.cap_count; cap++) {
            unsigned pressure = cap_pressure(budget, account, cap, now);
            most = pressure > most ? pressure : most;
        }
    }
    return most;
}

unsigned budget_pressure(struct budget *budget, const struct budget_claim *claim, bool all)
{
    if (!claim->paced && !all) {
        return 0;
    }
    struct instant now = budget_lock(budget);
    unsigned pressure = budget_pressure_now(budget, claim, all, &now);
    budget_unlock(budget);
    return pressure;
}
