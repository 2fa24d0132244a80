/* SPDX-License-Identifier: Apache-2.0 */
/* Leases on the path of calls: what was granted is enough, or it is asked for. */
#include "store/budget_internal.h"

#include "base/memory.h"
#include "model/price.h"

#define CALM_NS (250 * NS_PER_MS)
#define SHORTLY_MS 1000

/* --- leases of an account ----------------------------------------------------------------------
 */

static struct lease_office *office_of(const struct budget *budget, enum lease_what what)
{
    return &budget->leases->offices[lease_authority_of(what)];
}

struct lease *lease_at(struct budget *budget, struct budget_account *account, enum lease_what what,
                       int64_t window_s)
{
    struct lease_office *office = office_of(budget, what);
    struct lease *lease = account->leases;
    while (lease != NULL && (lease->what != what || lease->window_s != window_s)) {
        lease = lease->of_account;
    }
    if (lease != NULL) {
        return lease;
    }
    lease = memory_array(1, sizeof(*lease));
    if (lease == NULL) {
        office->stats.lost++;
        return NULL;
    }
    lease->account = account;
    lease->what = what;
    lease->window_s = window_s;
    lease->limit = lease->limit_before = LIMIT_NONE;
    lease->of_account = account->leases;
    account->leases = lease;
    lease->of_all = office->all;
    office->all = lease;
    office->stats.meters++;
    return lease;
}

/* A limit on what is in use already: others are granted none of what was spent here before, and of
 * a lower one what was granted and is not held is given up. budget_lease_asserted() is when that
 * was told. */
static void tell_of_earlier(struct budget *budget, struct lease *lease, int64_t before)
{
    int64_t held = 0;
    int64_t spent = lease_used(budget, lease, &held);
    bool lower = before != LIMIT_NONE && lease->limit < before;
    if (lower && lease->granted > spent + held) {
        lease->granted = spent + held;
    } else if (before == lease->limit || (spent == lease->told_spent && held == 0)) {
        return;
    }
    const struct instant now = budget_now(budget);
    lease_assert(budget, lease, &now);
}

static struct lease *attach(struct budget *budget, struct budget_account *account,
                            enum lease_what what, int64_t window_s, int64_t limit)
{
    if (limit == LIMIT_NONE || !office_of(budget, what)->enabled) {
        return NULL;
    }
    struct lease *lease = lease_at(budget, account, what, window_s);
    if (lease != NULL) {
        lease->limit = limit;
        lease->generation = account->enforced->generation;
        tell_of_earlier(budget, lease, lease->limit_before);
    }
    return lease;
}

void leases_attach(struct budget *budget, struct budget_account *account)
{
    struct enforced *enforced = account->enforced;
    for (struct lease *lease = account->leases; lease != NULL; lease = lease->of_account) {
        lease->limit_before = lease->limit;
        lease->limit = LIMIT_NONE;
    }
    for (size_t i = 0; i < enforced->limits.cap_count; i++) {
        const struct spend_cap *cap = &enforced->limits.caps[i];
        enforced->caps[i].lease = attach(budget, account, (enum lease_what)cap->period,
                                         cap->window_s, cap->soft ? LIMIT_NONE : cap->amount_nd);
    }
    enforced->requests_lease =
        attach(budget, account, LEASE_REQUESTS, 0, enforced->limits.requests_per_minute);
    enforced->tokens_lease =
        attach(budget, account, LEASE_TOKENS, 0, enforced->limits.tokens_per_minute);
    enforced->parallel_lease =
        attach(budget, account, LEASE_PARALLEL, 0, enforced->limits.parallel);
}

void leases_free(struct budget *budget)
{
    for (unsigned i = 0; budget->leases != NULL && i < LEASE_AUTHORITIES; i++) {
        struct lease *lease = budget->leases->offices[i].all;
        while (lease != NULL) {
            struct lease *next = lease->of_all;
            memory_free(lease);
            lease = next;
        }
    }
    memory_free(budget->leases);
}

/* --- queues ------------------------------------------------------------------------------------
 */

static struct lease_queue *queue_at(struct leases *leases, const struct lease *lease)
{
    struct lease_office *office = &leases->offices[lease_authority_of(lease->what)];
    return lease->place == LEASE_CALM     ? &office->calm
           : lease->place == LEASE_URGENT ? &office->urgent
                                          : NULL;
}

void lease_queue_remove(struct leases *leases, struct lease *lease)
{
    struct lease_queue *queue = queue_at(leases, lease);
    if (queue == NULL) {
        return;
    }
    *(lease->previous == NULL ? &queue->first : &lease->previous->next) = lease->next;
    *(lease->next == NULL ? &queue->last : &lease->next->previous) = lease->previous;
    queue->count--;
    lease->next = lease->previous = NULL;
    lease->place = LEASE_RESTS;
}

void lease_queue_add(struct leases *leases, struct lease *lease, enum lease_place place,
                     const struct instant *now)
{
    lease_queue_remove(leases, lease);
    lease->place = place;
    struct lease_queue *queue = queue_at(leases, lease);
    if (queue == NULL) {
        return;
    }
    /* whoever is to collect sleeps while there is nothing: the first one wakes it */
    struct lease_office *office = &leases->offices[lease_authority_of(lease->what)];
    office->wanted |= place == LEASE_URGENT || queue->count == 0;
    lease->due_ns = now->monotonic_ns + CALM_NS;
    lease->previous = queue->last;
    *(queue->last == NULL ? &queue->first : &queue->last->next) = lease;
    queue->last = lease;
    queue->count++;
}

void lease_queue_put_first(struct leases *leases, struct lease *lease, const struct instant *now)
{
    lease_queue_remove(leases, lease);
    lease->place = LEASE_CALM;
    struct lease_queue *queue = queue_at(leases, lease);
    lease->due_ns = now->monotonic_ns;
    lease->next = queue->first;
    *(queue->first == NULL ? &queue->last : &queue->first->previous) = lease;
    queue->first = lease;
    queue->count++;
    leases->offices[lease_authority_of(lease->what)].wanted = true;
}

static void hurry(struct budget *budget, struct lease *lease, const struct instant *now)
{
    if (lease->place == LEASE_RESTS || lease->place == LEASE_CALM) {
        lease_queue_add(budget->leases, lease, LEASE_URGENT, now);
    } else if (lease->place == LEASE_URGENT) {
        office_of(budget, lease->what)->wanted = true;
    }
}

unsigned leases_take_wanted(struct leases *leases)
{
    unsigned wanted = 0;
    for (unsigned i = 0; i < LEASE_AUTHORITIES; i++) {
        wanted |= leases->offices[i].wanted ? 1u << i : 0;
        leases->offices[i].wanted = false;
    }
    return wanted;
}

void leases_wake(struct budget *budget, unsigned wanted)
{
    for (unsigned i = 0; i < LEASE_AUTHORITIES; i++) {
        const struct lease_options *options = &budget->leases->offices[i].options;
        if ((wanted & 1u << i) != 0 && options->wanted != NULL) {
            options->wanted(options->user, (enum lease_authority)i);
        }
    }
}

/* --- what is used ------------------------------------------------------------------------------
 */

/* Nothing that was granted for an epoch is good in another. */
static void begin_epoch(struct lease *lease, int64_t epoch_s)
{
    lease->epoch_s = epoch_s;
    lease->base = 0;
    lease->granted = 0;
    lease->elsewhere = 0;
    lease->elsewhere_spent = 0;
    lease->told_spent = 0;
    lease->retry_ns = 0;
    lease->exhausted_until_ns = 0;
    lease->wished_ns = 0;
}

int64_t lease_used(const struct budget *budget, struct lease *lease, int64_t *ret_held)
{
    struct budget_account *account = lease->account;
    switch (lease->what) {
    case LEASE_REQUESTS:
        *ret_held = 0;
        return lease->base + lease->counted;
    case LEASE_TOKENS:
        *ret_held = account->enforced == NULL ? 0 : account->enforced->tokens_held;
        return lease->base + lease->counted;
    case LEASE_PARALLEL:
        *ret_held = account->parallel;
        return lease->base;
    default:
        break;
    }
    bool calendar = lease->what != LEASE_TOTAL && lease->what != LEASE_ROLLING;
    enum cap_period period = calendar ? (enum cap_period)lease->what : CAP_TOTAL;
    if (calendar && lease->epoch_s != budget->periods[period].start_s) {
        begin_epoch(lease, budget->periods[period].start_s);
    }
    const struct counter *counter = account_counter(budget, account, period);
    *ret_held = counter->held_nd;
    return money_add(lease->base, counter->spent_nd);
}

static int64_t lease_free(const struct budget *budget, struct lease *lease)
{
    int64_t held = 0;
    int64_t used = lease_used(budget, lease, &held);
    return lease->granted - used - held;
}

/* --- asking ------------------------------------------------------------------------------------
 */

/* One question to all leases of a step: the answers of all are needed, so that what is wanted is
 * wanted from all at once. */
struct lease_question {
    struct budget *budget;
    const struct instant *now;
    struct budget_refusal *refusal;
    const struct budget_claim *claim;
    bool refused;
};

static enum budget_limit limit_of(enum lease_what what)
{
    return what == LEASE_REQUESTS   ? BUDGET_REQUESTS
           : what == LEASE_TOKENS   ? BUDGET_TOKENS
           : what == LEASE_PARALLEL ? BUDGET_PARALLEL
                                    : BUDGET_CAP;
}

static size_t cap_of(const struct lease *lease)
{
    const struct scope_limits *limits = &lease->account->enforced->limits;
    for (size_t i = 0; i < limits->cap_count; i++) {
        if (lease->account->enforced->caps[i].lease == lease) {
            return i;
        }
    }
    return limits->cap_count;
}

static int64_t reset_ms(const struct budget *budget, const struct lease *lease, int64_t spent,
                        int64_t amount, const struct instant *now)
{
    bool others_hold = money_add(money_add(spent, lease->elsewhere_spent), amount) <= lease->limit;
    if (others_hold || lease->what == LEASE_PARALLEL) {
        return SHORTLY_MS;
    }
    if (lease->what == LEASE_TOTAL || amount > lease->limit) {
        return -1;
    }
    if (lease->what == LEASE_ROLLING) {
        return lease->window_s / 60 * 1000 + SHORTLY_MS; /* the oldest bucket's, at most */
    }
    if (lease->what >= LEASE_REQUESTS) {
        return SHORTLY_MS;
    }
    int64_t ms =
        budget->periods[(enum cap_period)lease->what].end_s * 1000 - now->wall_ns / NS_PER_MS;
    return ms < SHORTLY_MS ? SHORTLY_MS : ms;
}

/* The node alone, while nobody can be asked. */
static bool fits_share(const struct lease *lease, const struct lease_office *office, int64_t amount,
                       const struct instant *now)
{
    struct enforced *enforced = lease->account->enforced;
    int64_t share = lease->limit / (office->nodes == 0 ? 1 : office->nodes);
    share = share < 1 && lease->limit > 0 ? 1 : share;
    int64_t used = lease->what == LEASE_REQUESTS
                       ? window_sum(&enforced->requests, now->monotonic_ns)
                   : lease->what == LEASE_TOKENS
                       ? window_sum(&enforced->tokens, now->monotonic_ns) + enforced->tokens_held
                       : lease->account->parallel;
    return amount <= share && used <= share - amount;
}

static bool goes_without(struct lease_office *office, const struct lease *lease, int64_t amount,
                         const struct instant *now)
{
    bool goes = office->mode == LEASE_ALLOWS ||
                (office->mode == LEASE_SHARES && lease->what >= LEASE_REQUESTS &&
                 fits_share(lease, office, amount, now));
    office->stats.unleased += goes ? 1 : 0;
    return goes;
}

static void need(struct budget *budget, struct lease *lease, int64_t amount,
                 const struct instant *now)
{
    if (lease->need_until_ns <= now->monotonic_ns) {
        lease->need_least = 0;
        lease->need_all = 0;
    }
    if (lease->need_least == 0 || amount < lease->need_least) {
        lease->need_least = amount;
    }
    lease->need_all = money_add(lease->need_all, amount);
    lease->need_until_ns =
        now->monotonic_ns + office_of(budget, lease->what)->options.wait_ns + NS_PER_S;
    hurry(budget, lease, now);
}

/* It is there, but has not answered for longer than anybody should wait. */
static bool is_silent(const struct lease_office *office, const struct lease *lease,
                      const struct instant *now)
{
    return lease->place == LEASE_ASKED &&
           now->monotonic_ns - lease->asked_ns > office->options.wait_ns / 2;
}

static void say_refusal(struct lease_question *q, struct lease *lease, int64_t amount,
                        bool leasable)
{
    struct budget *budget = q->budget;
    struct lease_office *office = office_of(budget, lease->what);
    if (q->refused && (leasable || !q->refusal->leasable)) {
        return; /* the first one that is final */
    }
    int64_t held = 0;
    int64_t spent = lease_used(budget, lease, &held);
    q->refused = true;
    *q->refusal = (struct budget_refusal){
        .limit = limit_of(lease->what),
        .kind = lease->account->kind,
        .scope = lease->account->scope,
        .model = lease->account->model,
        .period = lease->what <= LEASE_ROLLING ? (enum cap_period)lease->what : CAP_TOTAL,
        .window_s = lease->window_s,
        .allowed = lease->limit,
        .used = money_add(money_add(spent, held), lease->elsewhere),
        .wanted = amount,
        .reset_ms = reset_ms(budget, lease, spent, amount, q->now),
        .leasable = leasable,
        .away = office->mode != LEASE_GRANTS || is_silent(office, lease, q->now),
    };
}

/* What is known to be used up is so for those who began to wait before others were asked for what
 * they have: for who comes later it may have come back. */
static bool is_exhausted(const struct lease *lease, const struct lease_question *q, int64_t lack)
{
    return q->now->monotonic_ns < lease->exhausted_until_ns && lack >= lease->exhausted_lack &&
           q->claim->since_ns != 0 && q->claim->since_ns <= lease->exhausted_as_of_ns;
}

static void ask(struct lease_question *q, struct lease *lease, int64_t amount)
{
    struct budget *budget = q->budget;
    struct lease_office *office = office_of(budget, lease->what);
    int64_t lack = amount - lease_free(budget, lease);
    if (amount == 0 || lack <= 0 || goes_without(office, lease, amount, q->now)) {
        return;
    }
    bool hopeless = office->mode != LEASE_GRANTS || is_exhausted(lease, q, lack);
    if (!hopeless) {
        need(budget, lease, amount, q->now);
    }
    say_refusal(q, lease, amount, !hopeless && q->claim->patient);
}

/* A limit without its lease, for want of memory, lets nothing pass. */
static void ask_limit(struct lease_question *q, const struct budget_account *account,
                      struct lease *lease, enum lease_what what, int64_t limit, int64_t amount)
{
    if (lease != NULL) {
        ask(q, lease, amount);
    } else if (limit != LIMIT_NONE && amount > 0 && office_of(q->budget, what)->enabled &&
               (!q->refused || q->refusal->leasable)) {
        q->refused = true;
        *q->refusal = (struct budget_refusal){.limit = limit_of(what),
                                              .kind = account->kind,
                                              .scope = account->scope,
                                              .model = account->model,
                                              .allowed = limit,
                                              .used = limit,
                                              .wanted = amount,
                                              .reset_ms = SHORTLY_MS};
    }
}

/* Counts a refusal, and tells of one that is final. */
static bool conclude(const struct lease_question *q, const struct lease *of_cap)
{
    struct budget *budget = q->budget;
    if (!q->refused) {
        return false;
    }
    struct lease_office *office =
        &budget->leases->offices[q->refusal->limit == BUDGET_CAP ? LEASE_CAPS : LEASE_RATES];
    if (q->refusal->leasable) {
        office->stats.waited++;
        return true;
    }
    office->stats.away += q->refusal->away ? 1 : 0;
    budget->refused[q->refusal->limit]++;
    if (of_cap != NULL && !q->refusal->away) {
        size_t cap = cap_of(of_cap);
        if (cap < of_cap->account->enforced->limits.cap_count) {
            budget_tell_refusal(budget, of_cap->account, cap, q->now);
        }
    }
    return true;
}

bool leases_refuse_enter(struct budget *budget, const struct budget_claim *claim, unsigned first,
                         const struct instant *now, struct budget_refusal *refusal)
{
    struct lease_question q = {.budget = budget, .now = now, .refusal = refusal, .claim = claim};
    for (unsigned i = first; i < claim->count; i++) {
        const struct budget_account *account = claim->accounts[i];
        const struct enforced *enforced = account->enforced;
        if (enforced != NULL) {
            ask_limit(&q, account, enforced->requests_lease, LEASE_REQUESTS,
                      enforced->limits.requests_per_minute, 1);
            ask_limit(&q, account, enforced->parallel_lease, LEASE_PARALLEL,
                      enforced->limits.parallel, 1);
        }
    }
    return conclude(&q, NULL);
}

bool leases_refuse_tokens(struct budget *budget, const struct budget_claim *claim,
                          const int64_t tokens[], const struct instant *now,
                          struct budget_refusal *refusal)
{
    struct lease_question q = {.budget = budget, .now = now, .refusal = refusal, .claim = claim};
    for (unsigned i = 0; i < claim->count; i++) {
        const struct budget_account *account = claim->accounts[i];
        const struct enforced *enforced = account->enforced;
        if (enforced != NULL) {
            ask_limit(&q, account, enforced->tokens_lease, LEASE_TOKENS,
                      enforced->limits.tokens_per_minute, tokens[i]);
        }
    }
    return conclude(&q, NULL);
}

bool leases_refuse_hold(struct budget *budget, const struct budget_claim *claim, int64_t amount_nd,
                        const struct instant *now, struct budget_refusal *refusal)
{
    struct lease_question q = {.budget = budget, .now = now, .refusal = refusal, .claim = claim};
    const struct lease *last = NULL;
    for (unsigned i = 0; i < claim->count; i++) {
        const struct budget_account *account = claim->accounts[i];
        const struct enforced *enforced = account->enforced;
        for (size_t cap = 0; enforced != NULL && cap < enforced->limits.cap_count; cap++) {
            const struct spend_cap *limit = &enforced->limits.caps[cap];
            bool before = q.refused && !q.refusal->leasable;
            ask_limit(&q, account, enforced->caps[cap].lease, (enum lease_what)limit->period,
                      limit->soft ? LIMIT_NONE : limit->amount_nd, amount_nd);
            if (!before && q.refused && !q.refusal->leasable) {
                last = enforced->caps[cap].lease;
            }
        }
    }
    return conclude(&q, last);
}

/* --- taken and given back ----------------------------------------------------------------------
 */

static void took(struct budget *budget, struct lease *lease, int64_t amount,
                 const struct instant *now)
{
    if (lease == NULL) {
        return;
    }
    lease->taken += amount;
    lease->taken_ns = now->monotonic_ns;
    bool low = lease_free(budget, lease) < lease->per_second / 2;
    if (low && lease->place != LEASE_ASKED && lease->want_ns <= now->monotonic_ns) {
        lease->want_ns = now->monotonic_ns + CALM_NS;
        hurry(budget, lease, now);
    } else if (lease->place == LEASE_RESTS) {
        lease_queue_add(budget->leases, lease, LEASE_CALM, now);
    }
}

/* Who was told that others want it gives back at once. */
static void gave(struct budget *budget, struct lease *lease, const struct instant *now)
{
    if (lease == NULL) {
        return;
    }
    if (lease->recalled_until_ns > now->monotonic_ns) {
        lease->must_tell = true;
        hurry(budget, lease, now);
    } else if (lease->place == LEASE_RESTS) {
        lease_queue_add(budget->leases, lease, LEASE_CALM, now);
    }
}

void leases_entered(struct budget *budget, const struct budget_claim *claim, unsigned first,
                    const struct instant *now)
{
    for (unsigned i = first; i < claim->count; i++) {
        struct enforced *enforced = claim->accounts[i]->enforced;
        if (enforced != NULL) {
            if (enforced->requests_lease != NULL) {
                enforced->requests_lease->counted++;
            }
            took(budget, enforced->requests_lease, 1, now);
            took(budget, enforced->parallel_lease, 1, now);
        }
    }
}

void leases_took_tokens(struct budget *budget, const struct budget_claim *claim,
                        const int64_t tokens[], const struct instant *now)
{
    for (unsigned i = 0; i < claim->count; i++) {
        struct enforced *enforced = claim->accounts[i]->enforced;
        if (enforced != NULL && tokens[i] > 0) {
            took(budget, enforced->tokens_lease, tokens[i], now);
        }
    }
}

void leases_held(struct budget *budget, const struct budget_claim *claim, int64_t amount_nd,
                 const struct instant *now)
{
    for (unsigned i = 0; i < claim->count; i++) {
        struct enforced *enforced = claim->accounts[i]->enforced;
        for (size_t cap = 0; enforced != NULL && cap < enforced->limits.cap_count; cap++) {
            took(budget, enforced->caps[cap].lease, amount_nd, now);
        }
    }
}

void leases_settled(struct budget *budget, const struct budget_claim *claim,
                    const struct instant *now)
{
    for (unsigned i = 0; i < claim->count; i++) {
        struct enforced *enforced = claim->accounts[i]->enforced;
        for (size_t cap = 0; enforced != NULL && cap < enforced->limits.cap_count; cap++) {
            gave(budget, enforced->caps[cap].lease, now);
        }
    }
}

void leases_left(struct budget *budget, const struct budget_claim *claim, int64_t tokens,
                 const struct instant *now)
{
    for (unsigned i = 0; i < claim->count; i++) {
        struct enforced *enforced = claim->accounts[i]->enforced;
        if (enforced == NULL) {
            continue;
        }
        if (enforced->tokens_lease != NULL && tokens > 0) {
            enforced->tokens_lease->counted = money_add(enforced->tokens_lease->counted, tokens);
        }
        gave(budget, enforced->tokens_lease, now);
        gave(budget, enforced->parallel_lease, now);
    }
}
