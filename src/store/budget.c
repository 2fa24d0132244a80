/* SPDX-License-Identifier: Apache-2.0 */
#include "store/budget_internal.h"

#include "base/hash.h"
#include "base/memory.h"

#define BUCKETS_MIN 256

struct instant budget_now(const struct budget *budget)
{
    return (struct instant){clock_wall(budget->clock), clock_monotonic(budget->clock)};
}

struct instant budget_lock(struct budget *budget)
{
    struct instant now = budget_now(budget);
    pthread_mutex_lock(&budget->lock);
    budget_tick(budget, &now);
    return now;
}

void budget_unlock(struct budget *budget)
{
    bool wake = budget->wake_wanted && budget->wake != NULL;
    budget->wake_wanted = false;
    unsigned wanted = budget->leases == NULL ? 0 : leases_take_wanted(budget->leases);
    pthread_mutex_unlock(&budget->lock);
    if (wake) {
        budget->wake(budget->wake_user);
    }
    if (wanted != 0) {
        leases_wake(budget, wanted);
    }
}

struct budget *budget_new(const struct clock *clock)
{
    struct budget *budget = memory_array(1, sizeof(*budget));
    if (budget == NULL) {
        return NULL;
    }
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
    /* what it guards takes less time than going to sleep */
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
#endif
    pthread_mutex_init(&budget->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    budget->clock = clock;
    budget->periods[CAP_TOTAL].serial = 1;
    return budget;
}

static void forget_limits(struct budget_account *account)
{
    struct enforced *enforced = account->enforced;
    for (size_t i = 0; enforced != NULL && i < SCOPE_CAPS_MAX; i++) {
        memory_free(enforced->caps[i].buckets);
    }
    memory_free(enforced);
    account->enforced = NULL;
}

void budget_free(struct budget *budget)
{
    if (budget == NULL) {
        return;
    }
    for (size_t i = 0; i < budget->bucket_count; i++) {
        struct budget_account *account = budget->buckets[i];
        while (account != NULL) {
            struct budget_account *next = account->next;
            forget_limits(account);
            account_forget_later(account);
            memory_free(account->model);
            memory_free(account);
            account = next;
        }
    }
    leases_free(budget);
    memory_free(budget->buckets);
    pthread_mutex_destroy(&budget->lock);
    memory_free(budget);
}

/* --- accounts ---------------------------------------------------------------------------------
 */

/* Numbers of scopes are the database's, nobody chooses them to collide; models are asked for. */
static uint64_t hash_of(enum scope_kind kind, uint64_t scope, struct slice model)
{
    uint64_t mixed = (scope << 2 ^ (uint64_t)kind) * 0x9E3779B97F4A7C15u;
    mixed ^= mixed >> 32;
    return model.len == 0 ? mixed : mixed ^ hash_keyed(model);
}

static bool is_account(const struct budget_account *account, uint64_t hash, enum scope_kind kind,
                       uint64_t scope, struct slice model)
{
    return account->hash == hash && account->kind == kind && account->scope == scope &&
           slice_eq(slice_from_cstr(account->model), model);
}

struct budget_account *budget_account_find(const struct budget *budget, enum scope_kind kind,
                                           uint64_t scope, struct slice model)
{
    uint64_t hash = hash_of(kind, scope, model);
    if (budget->bucket_count == 0) {
        return NULL;
    }
    struct budget_account *account = budget->buckets[hash & (budget->bucket_count - 1)];
    while (account != NULL && !is_account(account, hash, kind, scope, model)) {
        account = account->next;
    }
    return account;
}

static bool grow(struct budget *budget)
{
    size_t wanted = budget->bucket_count == 0 ? BUCKETS_MIN : budget->bucket_count * 2;
    struct budget_account **buckets = memory_array(wanted, sizeof(struct budget_account *));
    if (buckets == NULL) {
        return false;
    }
    for (size_t i = 0; i < budget->bucket_count; i++) {
        struct budget_account *account = budget->buckets[i];
        while (account != NULL) {
            struct budget_account *next = account->next;
            struct budget_account **at = &buckets[account->hash & (wanted - 1)];
            account->next = *at;
            *at = account;
            account = next;
        }
    }
    memory_free(budget->buckets);
    budget->buckets = buckets;
    budget->bucket_count = wanted;
    return true;
}

static struct budget_account *account_new(enum scope_kind kind, uint64_t scope, struct slice model)
{
    struct budget_account *account = memory_array(1, sizeof(*account));
    char *text = model.len == 0 ? NULL : memory_alloc(model.len + 1);
    if (account == NULL || (model.len > 0 && text == NULL)) {
        memory_free(account);
        memory_free(text);
        return NULL;
    }
    if (text != NULL) {
        slice_to_cstr(model, text, model.len + 1);
    }
    account->kind = kind;
    account->scope = scope;
    account->model = text;
    account->hash = hash_of(kind, scope, model);
    return account;
}

struct budget_account *budget_account_at(struct budget *budget, enum scope_kind kind,
                                         uint64_t scope, struct slice model)
{
    struct budget_account *account = budget_account_find(budget, kind, scope, model);
    if (account != NULL) {
        return account;
    }
    if (budget->account_count >= budget->bucket_count && !grow(budget)) {
        return NULL;
    }
    account = account_new(kind, scope, model);
    if (account != NULL) {
        struct budget_account **at = &budget->buckets[account->hash & (budget->bucket_count - 1)];
        account->next = *at;
        *at = account;
        budget->account_count++;
    }
    return account;
}

struct counter *account_counter(const struct budget *budget, struct budget_account *account,
                                enum cap_period period)
{
    struct counter *counter = &account->counters[period];
    uint32_t serial = budget->periods[period].serial;
    if (counter->serial != serial) {
        *counter = (struct counter){.serial = serial};
        if (UNLIKELY(account->later != NULL)) {
            counter->spent_nd = account_spent_before(account, budget->periods[period].start_s);
        }
    }
    return counter;
}

/* --- limits ------------------------------------------------------------------------------------
 */

static bool same_cap(const struct spend_cap *a, const struct spend_cap *b)
{
    return a->period == b->period && a->amount_nd == b->amount_nd && a->window_s == b->window_s &&
           a->soft == b->soft;
}

static bool make_window(struct enforced_cap *made, int64_t window_s)
{
    int64_t span_s = window_s < 1 ? 1 : window_s;
    int64_t width_ns = span_s * (NS_PER_S / (ROLLING_BUCKETS - 1)) + 1;
    made->buckets = memory_array(ROLLING_BUCKETS, sizeof(int64_t));
    if (made->buckets != NULL) {
        window_init(&made->window, made->buckets, ROLLING_BUCKETS, width_ns, 0);
        made->fresh = true;
    }
    return made->buckets != NULL;
}

/* What the cap goes on with: what was told of it, and of a rolling one its window, whatever its
 * place was. False: out of memory. */
static bool carry_over(struct enforced *enforced, const struct spend_cap *cap,
                       struct enforced_cap *made)
{
    *made = (struct enforced_cap){.buckets = NULL};
    for (size_t i = 0; i < enforced->limits.cap_count; i++) {
        const struct spend_cap *old = &enforced->limits.caps[i];
        struct enforced_cap *mine = &enforced->caps[i];
        if (old->period != cap->period || old->window_s != cap->window_s) {
            continue;
        }
        if (same_cap(old, cap)) {
            *made = *mine;
        } else {
            made->window = mine->window;
            made->buckets = mine->buckets;
            made->seeded_nd = mine->seeded_nd;
            made->fresh = mine->fresh;
        }
        mine->buckets = NULL;
        return true;
    }
    return cap->period != CAP_ROLLING || make_window(made, cap->window_s);
}

static bool set_caps(struct enforced *enforced, const struct scope_limits *limits)
{
    struct enforced_cap caps[SCOPE_CAPS_MAX] = {{.buckets = NULL}};
    bool done = true;
    for (size_t i = 0; i < limits->cap_count; i++) {
        done &= carry_over(enforced, &limits->caps[i], &caps[i]);
    }
    for (size_t i = 0; i < SCOPE_CAPS_MAX; i++) {
        memory_free(enforced->caps[i].buckets);
    }
    memcpy(enforced->caps, caps, sizeof(caps));
    return done;
}

static struct enforced *enforced_of(struct budget_account *account)
{
    if (account->enforced == NULL) {
        struct enforced *enforced = memory_array(1, sizeof(*enforced));
        if (enforced == NULL) {
            return NULL;
        }
        window_init(&enforced->requests, enforced->request_buckets, MINUTE_BUCKETS, MINUTE_WIDTH_NS,
                    0);
        window_init(&enforced->tokens, enforced->token_buckets, MINUTE_BUCKETS, MINUTE_WIDTH_NS, 0);
        enforced->limits = limits_none();
        account->enforced = enforced;
    }
    return account->enforced;
}

bool account_enforce(struct budget *budget, struct budget_account *account, uint64_t generation,
                     const struct scope_rule *rule)
{
    const struct scope_limits none = limits_none();
    const struct scope_limits *limits = rule == NULL ? &none : &rule->limits;
    if (account->enforced == NULL ? rule == NULL : account->enforced->generation >= generation) {
        return true;
    }
    struct enforced *enforced = enforced_of(account);
    if (enforced == NULL) {
        return false;
    }
    CHECK(limits->cap_count <= SCOPE_CAPS_MAX);
    if (!set_caps(enforced, limits)) {
        enforced->limits.cap_count = 0; /* the next call tries again */
        return false;
    }
    enforced->limits = *limits;
    enforced->generation = generation;
    if (budget->leases != NULL) {
        leases_attach(budget, account);
    }
    return true;
}

/* --- entering ----------------------------------------------------------------------------------
 */

static bool rate_refuses(struct budget_account *account, const struct instant *now,
                         struct budget_refusal *refusal)
{
    struct enforced *enforced = account->enforced;
    int64_t limit = enforced->limits.requests_per_minute;
    if (limit != LIMIT_NONE) {
        int64_t used = window_sum(&enforced->requests, now->monotonic_ns);
        if (used >= limit) {
            int64_t free_ns =
                window_free_ns(&enforced->requests, now->monotonic_ns, used - limit + 1);
            *refusal =
                (struct budget_refusal){.limit = BUDGET_REQUESTS,
                                        .allowed = limit,
                                        .used = used,
                                        .wanted = 1,
                                        .reset_ms = free_ns < 0 ? -1 : free_ns / NS_PER_MS + 1};
            return true;
        }
    }
    limit = enforced->limits.parallel;
    if (limit != LIMIT_NONE && account->parallel >= limit) {
        *refusal = (struct budget_refusal){.limit = BUDGET_PARALLEL,
                                           .allowed = limit,
                                           .used = account->parallel,
                                           .wanted = 1,
                                           .reset_ms = limit == 0 ? -1 : 1000};
        return true;
    }
    return false;
}

void budget_name_refusal(struct budget *budget, const struct budget_account *account,
                         struct budget_refusal *refusal)
{
    refusal->kind = account->kind;
    refusal->scope = account->scope;
    refusal->model = account->model;
    budget->refused[refusal->limit]++;
}

static const struct scope_rule *rule_of(const struct budget_payer *payer, unsigned kind,
                                        struct slice model)
{
    for (size_t i = 0; i < payer->rule_counts[kind]; i++) {
        const struct scope_rule *rule = &payer->rules[kind][i];
        if (slice_eq(slice_from_cstr(rule->model), model)) {
            return rule;
        }
    }
    return NULL;
}

static bool has_hard_cap(const struct scope_limits *limits)
{
    for (size_t i = 0; i < limits->cap_count; i++) {
        if (!limits->caps[i].soft) {
            return true;
        }
    }
    return limits->max_request_nd != LIMIT_NONE;
}

static void note_limits(struct budget_claim *claim, const struct budget_account *account)
{
    if (account->enforced != NULL) {
        claim->capped |= has_hard_cap(&account->enforced->limits);
        claim->paced |= account->enforced->limits.pace;
        claim->metered |= account->enforced->limits.tokens_per_minute != LIMIT_NONE;
        claim->rated |=
            claim->metered || account->enforced->limits.requests_per_minute != LIMIT_NONE;
        int64_t limit_nd = account->enforced->limits.max_request_nd;
        if (limit_nd > 0 && (claim->call_limit_nd == 0 || limit_nd < claim->call_limit_nd)) {
            claim->call_limit_nd = limit_nd;
        }
    }
}

/* The accounts of the payer, as a whole or for the model, behind those of the claim. False: out of
 * memory. */
static bool find_accounts(struct budget *budget, const struct budget_payer *payer,
                          struct slice model, struct budget_claim *claim)
{
    for (unsigned kind = 0; kind < SCOPE_KINDS; kind++) {
        if (payer->scopes[kind] == 0) {
            continue;
        }
        const struct scope_rule *rule = rule_of(payer, kind, model);
        if (rule == NULL && model.len > 0) {
            continue;
        }
        struct budget_account *account =
            budget_account_at(budget, (enum scope_kind)kind, payer->scopes[kind], model);
        if (account == NULL || !account_enforce(budget, account, payer->generation, rule)) {
            return false;
        }
        claim->token_holds[claim->count] = 0;
        claim->accounts[claim->count++] = account;
    }
    return true;
}

/* May the call enter the accounts of the claim from `first` on? */
static bool enter_refused(struct budget *budget, const struct budget_payer *payer,
                          const struct budget_claim *claim, unsigned first,
                          const struct instant *now, struct budget_refusal *refusal)
{
    for (unsigned i = first; i < claim->count; i++) {
        struct budget_account *account = claim->accounts[i];
        bool blocked = payer->generation < account->blocked_until;
        if (blocked) {
            *refusal = (struct budget_refusal){.limit = BUDGET_BLOCKED, .reset_ms = -1};
        }
        if (blocked || (account->enforced != NULL && rate_refuses(account, now, refusal))) {
            budget_name_refusal(budget, account, refusal);
            return true;
        }
    }
    return budget->leases != NULL && leases_refuse_enter(budget, claim, first, now, refusal);
}

static void entered(struct budget *budget, struct budget_claim *claim, unsigned first,
                    const struct instant *now)
{
    for (unsigned i = first; i < claim->count; i++) {
        struct budget_account *account = claim->accounts[i];
        struct enforced *enforced = account->enforced;
        account->parallel++;
        note_limits(claim, account);
        if (enforced != NULL && enforced->limits.requests_per_minute != LIMIT_NONE) {
            window_add(&enforced->requests, now->monotonic_ns, now->monotonic_ns, 1);
        }
    }
    if (budget->leases != NULL) {
        leases_entered(budget, claim, first, now);
    }
}

static bool enter(struct budget *budget, const struct budget_payer *payer, struct slice model,
                  const struct instant *now, struct budget_claim *claim,
                  struct budget_refusal *refusal)
{
    unsigned first = claim->count;
    bool found = find_accounts(budget, payer, model, claim);
    if (!found) {
        *refusal = (struct budget_refusal){.limit = BUDGET_PARALLEL, .reset_ms = 1000};
    }
    if (!found || enter_refused(budget, payer, claim, first, now, refusal)) {
        claim->count = first;
        return false;
    }
    entered(budget, claim, first, now);
    return true;
}

bool budget_enter(struct budget *budget, const struct budget_payer *payer,
                  struct budget_claim *claim, struct budget_refusal *ret_refusal)
{
    CHECK(!claim->entered);
    struct instant now = budget_lock(budget);
    claim->entered = enter(budget, payer, SLICE_EMPTY, &now, claim, ret_refusal);
    budget_unlock(budget);
    return claim->entered;
}

bool budget_enter_model(struct budget *budget, const struct budget_payer *payer, struct slice model,
                        struct budget_claim *claim, struct budget_refusal *ret_refusal)
{
    CHECK(claim->entered && claim->count <= SCOPE_KINDS);
    if (model.len == 0) {
        return true;
    }
    struct instant now = budget_lock(budget);
    bool entered = enter(budget, payer, model, &now, claim, ret_refusal);
    budget_unlock(budget);
    return entered;
}

/* --- targets -----------------------------------------------------------------------------------
 */

static bool has_account(const struct budget_claim *claim, const struct budget_account *account)
{
    for (unsigned i = 0; i < claim->count; i++) {
        if (claim->accounts[i] == account) {
            return true;
        }
    }
    return false;
}

/* The limits of the target, but for those of a route of the same name, under which the call is. */
static bool find_target(struct budget *budget, const struct budget_want *want,
                        const struct budget_claim *claim, struct budget_claim *own)
{
    struct budget_claim found = {.count = 0};
    for (size_t i = 0; i < BUDGET_TARGET_NAMES; i++) {
        if (want->target[i].len > 0 &&
            !find_accounts(budget, want->payer, want->target[i], &found)) {
            return false;
        }
    }
    for (unsigned i = 0; i < found.count; i++) {
        if (!has_account(claim, found.accounts[i]) && !has_account(own, found.accounts[i])) {
            own->accounts[own->count++] = found.accounts[i];
        }
    }
    return true;
}

bool budget_target_enter(struct budget *budget, const struct budget_want *want,
                         const struct instant *now, const struct budget_claim *claim,
                         struct budget_claim *own, struct budget_refusal *refusal)
{
    bool found = find_target(budget, want, claim, own);
    if (!found) {
        *refusal = (struct budget_refusal){.limit = BUDGET_PARALLEL, .reset_ms = 1000};
    }
    return found && !enter_refused(budget, want->payer, own, 0, now, refusal);
}

void budget_target_entered(struct budget *budget, struct budget_claim *own,
                           const struct instant *now)
{
    entered(budget, own, 0, now);
}

void budget_target_limits(const struct budget_payer *payer,
                          const struct slice names[BUDGET_TARGET_NAMES],
                          struct budget_target_limits *ret_limits)
{
    *ret_limits = (struct budget_target_limits){.capped = false};
    for (unsigned kind = 0; kind < SCOPE_KINDS; kind++) {
        for (size_t i = 0; i < BUDGET_TARGET_NAMES; i++) {
            const struct scope_rule *rule =
                names[i].len == 0 ? NULL : rule_of(payer, kind, names[i]);
            if (rule != NULL) {
                ret_limits->capped |= has_hard_cap(&rule->limits);
                ret_limits->metered |= rule->limits.tokens_per_minute != LIMIT_NONE;
            }
        }
    }
}

bool budget_payer_names(const struct budget_payer *payer)
{
    for (unsigned kind = 0; kind < SCOPE_KINDS; kind++) {
        size_t count = payer->rule_counts[kind];
        if (count > 0 && payer->rules[kind][count - 1].model[0] != '\0') {
            return true; /* the one without a name comes first */
        }
    }
    return false;
}

unsigned budget_pressure_of(struct budget *budget, const struct budget_payer *payer,
                            struct slice route, bool all)
{
    struct budget_claim claim = {.count = 0};
    struct instant now = budget_lock(budget);
    bool found = find_accounts(budget, payer, SLICE_EMPTY, &claim) &&
                 (route.len == 0 || find_accounts(budget, payer, route, &claim));
    unsigned pressure = found ? budget_pressure_now(budget, &claim, all, &now) : 0;
    budget_unlock(budget);
    return pressure;
}

void budget_block(struct budget *budget, uint64_t key, uint64_t until)
{
    budget_lock(budget);
    struct budget_account *account = budget_account_at(budget, SCOPE_KEY, key, SLICE_EMPTY);
    if (account != NULL) {
        account->blocked_until = until;
    }
    budget_unlock(budget);
}

/* --- tokens ------------------------------------------------------------------------------------
 */

/* `more`: of what is wanted, what is not held yet. */
static bool tokens_refuse(struct enforced *enforced, int64_t more, const struct instant *now,
                          struct budget_refusal *refusal)
{
    int64_t limit = enforced->limits.tokens_per_minute;
    int64_t sum = window_sum(&enforced->tokens, now->monotonic_ns);
    int64_t used = sum + enforced->tokens_held;
    if (more == 0 || (more <= limit && used <= limit - more)) {
        return false;
    }
    int64_t reset_ms = -1;
    if (more <= limit) {
        int64_t free_ns = window_free_ns(&enforced->tokens, now->monotonic_ns, used - limit + more);
        reset_ms = free_ns < 0 ? 1000 : free_ns / NS_PER_MS + 1; /* what is held will be settled */
    }
    *refusal = (struct budget_refusal){.limit = BUDGET_TOKENS,
                                       .allowed = limit,
                                       .used = used,
                                       .wanted = more,
                                       .reset_ms = reset_ms};
    return true;
}

/* What the account has to hold besides, so that it holds `tokens`, or its whole limit; a limit of 0
 * has room for nothing. */
static int64_t tokens_lacking(const struct budget_account *account, int64_t tokens, int64_t held)
{
    int64_t limit =
        account->enforced == NULL ? LIMIT_NONE : account->enforced->limits.tokens_per_minute;
    if (limit == LIMIT_NONE) {
        return 0;
    }
    int64_t wanted = tokens < limit || limit == 0 ? tokens : limit;
    return wanted > held ? wanted - held : 0;
}

/* Does that never fit? */
static bool tokens_exceed(const struct enforced *enforced, int64_t expected,
                          struct budget_refusal *refusal)
{
    int64_t limit = enforced == NULL ? LIMIT_NONE : enforced->limits.tokens_per_minute;
    if (limit == LIMIT_NONE || expected <= limit) {
        return false;
    }
    *refusal = (struct budget_refusal){
        .limit = BUDGET_TOKENS, .allowed = limit, .wanted = expected, .reset_ms = -1};
    return true;
}

bool budget_tokens_refuse(struct budget *budget, const struct budget_claim *claim, int64_t tokens,
                          int64_t expected, int64_t lacking[BUDGET_ACCOUNTS_MAX],
                          const struct instant *now, struct budget_refusal *refusal)
{
    for (unsigned i = 0; i < claim->count; i++) {
        struct budget_account *account = claim->accounts[i];
        if (tokens_exceed(account->enforced, expected, refusal)) {
            budget_name_refusal(budget, account, refusal);
            return true;
        }
        lacking[i] = tokens_lacking(account, tokens, claim->token_holds[i]);
        if (lacking[i] > 0 && tokens_refuse(account->enforced, lacking[i], now, refusal)) {
            budget_name_refusal(budget, account, refusal);
            return true;
        }
    }
    return budget->leases != NULL && leases_refuse_tokens(budget, claim, lacking, now, refusal);
}

void budget_tokens_take(struct budget *budget, struct budget_claim *claim,
                        const int64_t lacking[BUDGET_ACCOUNTS_MAX], const struct instant *now)
{
    for (unsigned i = 0; i < claim->count; i++) {
        if (lacking[i] > 0) {
            claim->accounts[i]->enforced->tokens_held += lacking[i];
            claim->token_holds[i] += lacking[i];
        }
    }
    if (budget->leases != NULL) {
        leases_took_tokens(budget, claim, lacking, now);
    }
}

void budget_accounts_leave(struct budget *budget, struct budget_claim *claim, int64_t tokens,
                           const struct instant *now)
{
    for (unsigned i = 0; i < claim->count; i++) {
        struct budget_account *account = claim->accounts[i];
        struct enforced *enforced = account->enforced;
        account->parallel--;
        CHECK(account->parallel >= 0);
        if (enforced != NULL) {
            enforced->tokens_held -= claim->token_holds[i];
            CHECK(enforced->tokens_held >= 0);
            if (tokens > 0) {
                window_add(&enforced->tokens, now->monotonic_ns, now->monotonic_ns, tokens);
            }
        }
    }
    if (budget->leases != NULL) {
        leases_left(budget, claim, tokens, now);
    }
    claim->count = 0;
}

void budget_leave(struct budget *budget, struct budget_claim *claim, int64_t tokens)
{
    if (!claim->entered) {
        return;
    }
    struct instant now = budget_lock(budget);
    CHECK(claim->held_nd == 0);
    budget_accounts_leave(budget, claim, tokens, &now);
    claim->entered = false;
    budget_unlock(budget);
}

/* --- questions ---------------------------------------------------------------------------------
 */

static void tighter(struct budget_rate *rate, int64_t limit, int64_t used, int64_t free_ns)
{
    int64_t remaining = limit > used ? limit - used : 0;
    if (limit != LIMIT_NONE && (rate->limit == LIMIT_NONE || remaining < rate->remaining)) {
        *rate = (struct budget_rate){limit, remaining, free_ns < 0 ? 0 : free_ns / NS_PER_MS};
    }
}

void budget_rates(struct budget *budget, const struct budget_claim *claim,
                  struct budget_rate *ret_requests, struct budget_rate *ret_tokens)
{
    *ret_requests = *ret_tokens = (struct budget_rate){.limit = LIMIT_NONE};
    if (claim->count == 0) {
        return;
    }
    struct instant now = budget_lock(budget);
    for (unsigned i = 0; i < claim->count; i++) {
        struct enforced *enforced = claim->accounts[i]->enforced;
        if (enforced != NULL) {
            int64_t requests = window_sum(&enforced->requests, now.monotonic_ns);
            int64_t tokens = window_sum(&enforced->tokens, now.monotonic_ns);
            tighter(ret_requests, enforced->limits.requests_per_minute, requests,
                    window_free_ns(&enforced->requests, now.monotonic_ns, requests));
            tighter(ret_tokens, enforced->limits.tokens_per_minute, tokens + enforced->tokens_held,
                    window_free_ns(&enforced->tokens, now.monotonic_ns, tokens));
        }
    }
    budget_unlock(budget);
}

void budget_stats_read(struct budget *budget, struct budget_stats *ret_stats)
{
    budget_lock(budget);
    *ret_stats = (struct budget_stats){.accounts = budget->account_count,
                                       .alerts_lost = budget->alerts_lost};
    memcpy(ret_stats->refused, budget->refused, sizeof(budget->refused));
    for (size_t i = 0; i < budget->bucket_count; i++) {
        for (struct budget_account *a = budget->buckets[i]; a != NULL; a = a->next) {
            if (a->kind == SCOPE_KEY && a->model == NULL) {
                ret_stats->held_nd += a->counters[CAP_TOTAL].held_nd;
            }
        }
    }
    budget_unlock(budget);
}

bool budget_balance_read(struct budget *budget, enum scope_kind kind, uint64_t scope,
                         struct slice model, struct budget_balance *ret_balance)
{
    struct instant now = budget_lock(budget);
    struct budget_account *account = budget_account_find(budget, kind, scope, model);
    *ret_balance = (struct budget_balance){0};
    if (account != NULL) {
        for (unsigned i = 0; i < CAP_ROLLING; i++) {
            ret_balance->spent_nd[i] =
                account_counter(budget, account, (enum cap_period)i)->spent_nd;
            ret_balance->ends_s[i] = budget->periods[i].end_s;
        }
        ret_balance->held_nd = account->counters[CAP_TOTAL].held_nd;
        ret_balance->parallel = account->parallel;
        for (size_t i = 0; account->enforced != NULL && i < SCOPE_CAPS_MAX; i++) {
            if (account->enforced->caps[i].buckets != NULL) {
                ret_balance->rolling_nd[i] =
                    window_sum(&account->enforced->caps[i].window, now.monotonic_ns);
            }
        }
    }
    budget_unlock(budget);
    return account != NULL;
}
