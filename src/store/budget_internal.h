/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the budget share. The lock guards everything here but the clock. */
#ifndef SLUICE_STORE_BUDGET_INTERNAL_H
#define SLUICE_STORE_BUDGET_INTERNAL_H

#include "store/budget.h"
#include "store/budget_lease_internal.h"
#include "store/budget_window.h"
#include "store/ledger_period.h"

#include <pthread.h>

#define MINUTE_BUCKETS 13
#define MINUTE_WIDTH_NS (5 * NS_PER_S)
#define ROLLING_BUCKETS 61
#define ALERTS_MAX 64

struct counter {
    uint32_t serial; /* of the period that the sums are of */
    int64_t spent_nd;
    int64_t held_nd;
};

/* What goes with a cap, at the same place. */
struct enforced_cap {
    struct window window; /* of a rolling cap */
    int64_t *buckets;     /* NULL: it is none */
    int64_t seeded_nd;    /* spent right before the start, as far as is known */
    bool fresh;           /* of a rolling one: what was spent before it came is not in it yet */
    struct lease *lease;  /* of a hard cap in a cluster; else NULL */
    uint32_t serial;      /* of the period that is told of */
    unsigned percent;     /* highest threshold told */
    bool refused;         /* told */
};

/* Only accounts with a limit have these. */
struct enforced {
    uint64_t generation;
    struct scope_limits limits;
    struct window requests;
    struct window tokens;
    int64_t request_buckets[MINUTE_BUCKETS];
    int64_t token_buckets[MINUTE_BUCKETS];
    int64_t tokens_held;
    struct enforced_cap caps[SCOPE_CAPS_MAX];
    struct lease *requests_lease; /* NULL: not leased, as the next two */
    struct lease *tokens_lease;
    struct lease *parallel_lease;
};

/* Spent later than now, says a ledger that was written before the clock was turned back. */
struct later_spend {
    struct later_spend *next;
    int64_t end_s; /* of its quarter of an hour */
    int64_t spent_nd;
};

struct budget_account {
    struct budget_account *next; /* in its bucket */
    uint64_t scope;
    uint64_t hash;
    char *model; /* NULL: as a whole */
    enum scope_kind kind;
    int64_t parallel;
    uint64_t blocked_until;               /* generation; 0: it is not */
    struct counter counters[CAP_ROLLING]; /* the holds of [CAP_TOTAL] are all there are */
    struct enforced *enforced;            /* NULL: no limit */
    struct later_spend *later;            /* NULL: nothing, as a rule */
    struct lease *leases;
};

/* What passed between the ledger's last moment and the start of this process: nobody saw it. */
struct unseen {
    bool doubted;    /* it does not count yet */
    int64_t last_ns; /* that moment, by the wall clock */
    struct instant start;
    struct instant seen; /* the last look at the clocks */
    int64_t even_ns;     /* monotonic: without a jump since */
};

struct budget {
    const struct clock *clock;
    pthread_mutex_t lock;
    struct budget_account **buckets;
    size_t bucket_count; /* power of two or 0 */
    size_t account_count;
    struct period periods[CAP_ROLLING]; /* of CAP_TOTAL only the serial counts */
    struct unseen unseen;
    struct leases *leases; /* NULL: this node has all limits to itself */
    uint64_t refused[BUDGET_LIMITS];
    struct budget_alert alerts[ALERTS_MAX];
    size_t alert_first;
    size_t alert_count;
    uint64_t alerts_lost;
    bool wake_wanted;
    void (*wake)(void *user);
    void *wake_user;
};

/* --- budget_time.c --- */
/* Ends the periods that are over. Lock held. */
void budget_tick(struct budget *budget, const struct instant *now);

/* --- budget.c: lock held --- */
struct instant budget_now(const struct budget *budget);
/* Takes the lock at this time, which it returns. */
struct instant budget_lock(struct budget *budget);
/* Gives it back, then tells of new alerts. */
void budget_unlock(struct budget *budget);
/* Finds or makes it; NULL: out of memory. */
struct budget_account *budget_account_at(struct budget *budget, enum scope_kind kind,
                                         uint64_t scope, struct slice model);
struct budget_account *budget_account_find(const struct budget *budget, enum scope_kind kind,
                                           uint64_t scope, struct slice model);
/* The sums of its present period. */
struct counter *account_counter(const struct budget *budget, struct budget_account *account,
                                enum cap_period period);
/* False: out of memory. NULL rule: no limits any more. */
MUST_USE bool account_enforce(struct budget *budget, struct budget_account *account,
                              uint64_t generation, const struct scope_rule *rule);
/* budget_pressure() of these accounts. */
unsigned budget_pressure_now(struct budget *budget, const struct budget_claim *claim, bool all,
                             const struct instant *now);
/* Whose limit refused; it is counted. */
void budget_name_refusal(struct budget *budget, const struct budget_account *account,
                         struct budget_refusal *refusal);
/* The accounts of the target that is wanted, without those of the call's claim: *own, a claim that
 * is empty but for its patience, gets them. False: refused. */
MUST_USE bool budget_target_enter(struct budget *budget, const struct budget_want *want,
                                  const struct instant *now, const struct budget_claim *claim,
                                  struct budget_claim *own, struct budget_refusal *refusal);
/* They are entered. */
void budget_target_entered(struct budget *budget, struct budget_claim *own,
                           const struct instant *now);
/* Is there no room for so many tokens of the claim in all? lacking: what each account would have to
 * hold besides. */
MUST_USE bool budget_tokens_refuse(struct budget *budget, const struct budget_claim *claim,
                                   int64_t tokens, int64_t expected,
                                   int64_t lacking[BUDGET_ACCOUNTS_MAX], const struct instant *now,
                                   struct budget_refusal *refusal);
void budget_tokens_take(struct budget *budget, struct budget_claim *claim,
                        const int64_t lacking[BUDGET_ACCOUNTS_MAX], const struct instant *now);
/* Leaves all accounts of the claim, which took so many tokens. */
void budget_accounts_leave(struct budget *budget, struct budget_claim *claim, int64_t tokens,
                           const struct instant *now);
/* Settled and held of the cap's present span. */
int64_t account_used(const struct budget *budget, struct budget_account *account, size_t cap,
                     const struct instant *now, int64_t *ret_spent_nd);

/* --- budget_load.c: lock held --- */
/* What the account has spent, as far as is known when a period begins: nothing, unless the clock
 * has been here before this process began. */
int64_t account_spent_before(const struct budget_account *account, int64_t start_s);
void account_forget_later(struct budget_account *account);
/* Rolling caps go on from the ledger's last moment; what passed since is believed when the clock
 * has run evenly for long enough. */
void budget_doubt(struct budget *budget, const struct instant *now);

/* --- budget_alert.c: lock held --- */
void budget_watch(struct budget *budget, struct budget_account *account, const struct instant *now,
                  bool quietly);
void budget_tell_refusal(struct budget *budget, struct budget_account *account, size_t cap,
                         const struct instant *now);

#endif
