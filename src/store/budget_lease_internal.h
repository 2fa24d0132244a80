/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases as the files of the budget see them; the budget's lock is held in all of it. A lease
 * belongs to an account and lives as long as the budget; the account's limits point to it.
 */
#ifndef SLUICE_STORE_BUDGET_LEASE_INTERNAL_H
#define SLUICE_STORE_BUDGET_LEASE_INTERNAL_H

#include "store/budget_lease.h"

struct instant;

/* Where a lease waits for its authority. */
enum lease_place {
    LEASE_RESTS,
    LEASE_CALM,   /* looked at now and then */
    LEASE_URGENT, /* somebody waits, here or elsewhere, or it has to be told of */
    LEASE_ASKED,  /* its answer is awaited */
};

struct lease {
    struct lease *of_account; /* next */
    struct lease *of_all;     /* next of the authority's */
    struct lease *next;       /* in its queue */
    struct lease *previous;
    struct budget_account *account;
    enum lease_what what;
    enum lease_place place;
    int64_t window_s;
    int64_t limit;        /* LIMIT_NONE: there is none any more */
    int64_t limit_before; /* while limits are attached again */
    uint64_t generation;
    uint64_t ticket; /* of the ask under way */

    int64_t epoch_s;
    int64_t base;    /* what the authority knows to be spent and this node has forgotten */
    int64_t counted; /* requests or tokens so far */
    int64_t granted; /* total: spent and room */
    int64_t elsewhere;
    int64_t elsewhere_spent;

    int64_t need_least; /* of who waits; 0: nobody */
    int64_t need_all;
    int64_t need_until_ns;
    int64_t taken; /* since it was looked at */
    int64_t taken_ns;
    int64_t per_second; /* about what is taken */
    int64_t looked_ns;
    int64_t told_spent;
    int64_t told_ns;
    int64_t due_ns;   /* in the calm queue: when to look */
    int64_t retry_ns; /* what was not to be had is not asked for again before */
    int64_t want_ns;  /* nor what nobody waits for before this */
    int64_t backoff_ns;
    int64_t recalled_until_ns;
    int64_t exhausted_until_ns;
    int64_t exhausted_as_of_ns; /* for those who have waited since then or longer */
    int64_t wished_ns;          /* the ask before, if its need was not met; 0: it was */
    int64_t exhausted_lack;     /* so much or more is known not to be there */
    int64_t asked_ns;           /* the ask under way was made then */
    bool must_tell;
    bool asserting;
};

struct lease_queue {
    struct lease *first;
    struct lease *last;
    size_t count;
};

struct lease_office {
    bool enabled;
    enum lease_mode mode;
    unsigned nodes;
    struct lease_options options;
    struct lease *all;
    struct lease_queue calm; /* by due_ns */
    struct lease_queue urgent;
    size_t asserts_left;
    bool closing;
    bool moved;  /* who waits should try again */
    bool wanted; /* to be told when the lock is given back */
    struct lease_stats stats;
};

struct leases {
    struct lease_office offices[LEASE_AUTHORITIES];
    uint64_t tickets;
};

/* Finds or makes the leases of the account's limits. */
void leases_attach(struct budget *budget, struct budget_account *account);
void leases_free(struct budget *budget);
/* Calls, after the lock was given back, who wants to know. `wanted`: bits of authorities. */
unsigned leases_take_wanted(struct leases *leases);
void leases_wake(struct budget *budget, unsigned wanted);

/* Does a lease stand against it? The last accounts of the claim, from `first` on. */
MUST_USE bool leases_refuse_enter(struct budget *budget, const struct budget_claim *claim,
                                  unsigned first, const struct instant *now,
                                  struct budget_refusal *refusal);
MUST_USE bool leases_refuse_tokens(struct budget *budget, const struct budget_claim *claim,
                                   const int64_t tokens[], const struct instant *now,
                                   struct budget_refusal *refusal);
MUST_USE bool leases_refuse_hold(struct budget *budget, const struct budget_claim *claim,
                                 int64_t amount_nd, const struct instant *now,
                                 struct budget_refusal *refusal);
/* It was taken. Tokens: of each account of the claim. */
void leases_entered(struct budget *budget, const struct budget_claim *claim, unsigned first,
                    const struct instant *now);
void leases_took_tokens(struct budget *budget, const struct budget_claim *claim,
                        const int64_t tokens[], const struct instant *now);
void leases_held(struct budget *budget, const struct budget_claim *claim, int64_t amount_nd,
                 const struct instant *now);
/* Something was given back here: holds settled, the call left with so many tokens. */
void leases_settled(struct budget *budget, const struct budget_claim *claim,
                    const struct instant *now);
void leases_left(struct budget *budget, const struct budget_claim *claim, int64_t tokens,
                 const struct instant *now);

static inline int64_t lease_elsewhere_spent(const struct lease *lease)
{
    return lease == NULL ? 0 : lease->elsewhere_spent;
}

static inline int64_t lease_elsewhere(const struct lease *lease)
{
    return lease == NULL ? 0 : lease->elsewhere;
}

/* --- budget_lease.c, for budget_lease_exchange.c --- */
/* What the node has spent of it, and holds; begins a new epoch where one has begun. */
int64_t lease_used(const struct budget *budget, struct lease *lease, int64_t *ret_held);
void lease_queue_add(struct leases *leases, struct lease *lease, enum lease_place place,
                     const struct instant *now);
/* It is to be told of, whatever is known of it: see budget_lease_asserted(). */
void lease_assert(struct budget *budget, struct lease *lease, const struct instant *now);
/* Into the calm queue, to be looked at now: behind those with callers who wait. */
void lease_queue_put_first(struct leases *leases, struct lease *lease, const struct instant *now);
void lease_queue_remove(struct leases *leases, struct lease *lease);
struct lease *lease_at(struct budget *budget, struct budget_account *account, enum lease_what what,
                       int64_t window_s);

#endif
