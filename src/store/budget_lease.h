/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: what this node may spend and ask of limits that it shares with others. No network in
 * here: an authority (lease_postgres.h: hard caps; lease_redis.h: requests, tokens, calls at the
 * same time) takes what the budget asks for and brings what was granted.
 *
 * A meter is one limit of one scope. Of each meter a node has `spent`, which only grows, and
 * `room`: what it may still spend, what its open holds have taken of it included. Both are totals,
 * so that an answer that is lost, late or doubled does no harm. An authority keeps, of each node,
 * the last (spent, room) it was told or has granted, and grants only while
 *     sum over nodes of room + what was spent in the epoch or the window + the grant <= limit.
 * So spent + held of all nodes never exceeds a limit.
 *
 * The exchange, of one meter: the node tells (spent, room) and what it needs. The authority keeps
 * spent := max(its own, told); room := told (a node never tells less than its open holds, and
 * gives back by telling less than it had), then adds what it grants and answers with both. A node
 * whose `spent` is behind the authority's (it lost its memory) goes on from the authority's. What
 * an authority hears must be in the order in which it was asked: it refuses a request whose number
 * is not above the last one of that node, and the node takes no answer but that of its last
 * request. Nothing of a meter is told while an answer for it is awaited; budget_lease_failed() ends
 * that.
 *
 * What `spent` counts: of a cap in a calendar period, what the node spent in it (each period is an
 * epoch of its own: epoch_s, when it began); CAP_TOTAL and rolling caps: ever, as the ledger has
 * it; requests and tokens: since the process began; calls at the same time: 0, they are held.
 * Rolling caps and limits of a minute: the authority adds up, by its own clock, what the nodes'
 * `spent` grew by, and counts it for the window's length. `recent` is what the node itself knows of
 * the window, for an authority that has nothing of this node.
 *
 * Amounts: nano-dollars, requests, tokens or calls. Any thread; one thread per authority calls
 * collect, apply and failed. Without budget_lease_enable() nothing of this costs anything.
 */
#ifndef SLUICE_STORE_BUDGET_LEASE_H
#define SLUICE_STORE_BUDGET_LEASE_H

#include "store/budget.h"

enum lease_what {
    LEASE_TOTAL = CAP_TOTAL, /* the first five: hard caps */
    LEASE_DAY = CAP_DAY,
    LEASE_WEEK = CAP_WEEK,
    LEASE_MONTH = CAP_MONTH,
    LEASE_ROLLING = CAP_ROLLING,
    LEASE_REQUESTS = CAP_PERIODS, /* per minute */
    LEASE_TOKENS,
    LEASE_PARALLEL,
    LEASE_WHATS
};

enum lease_authority { LEASE_CAPS, LEASE_RATES, LEASE_AUTHORITIES };

static inline enum lease_authority lease_authority_of(enum lease_what what)
{
    return (int)what <= (int)LEASE_ROLLING ? LEASE_CAPS : LEASE_RATES;
}

struct lease_meter {
    enum scope_kind kind;
    enum lease_what what;
    uint64_t scope;
    int64_t window_s;            /* LEASE_ROLLING: its length; else 0 */
    char model[SCOPE_NAME_SIZE]; /* "": as a whole */
};

/* What this node tells of a meter, and wants. */
struct lease_ask {
    struct lease_meter meter;
    int64_t epoch_s;     /* of calendar caps; else 0 */
    uint64_t generation; /* of the keys that `limit` is from: of two the larger one's stands */
    int64_t limit;
    int64_t spent;
    int64_t room;   /* 0 or more; at least what is held, even if that was never granted */
    int64_t held;   /* of it */
    int64_t recent; /* spent within the window; 0 where there is none */
    /* What is wanted beyond `room`: below need_least nothing is of use to anybody who waits (0:
     * nobody does); need_all is for all of them; `want` is what would be good to have besides, and
     * is cut to a fair share. */
    int64_t need_least;
    int64_t need_all;
    int64_t want;
    void *lease; /* the budget's own: goes back as it is, with the next one */
    uint64_t ticket;
};

/* What the authority has of the node and the meter after the exchange. */
struct lease_answer {
    bool refused; /* it did nothing: an epoch that has not begun, a meter it cannot judge now. The
                     rest is not set; asked again after a while */
    int64_t spent;
    int64_t room;
    int64_t elsewhere;       /* others' room and spending that counts against the limit */
    int64_t elsewhere_spent; /* of it spent */
    int64_t limit;           /* that stands */
    bool exhausted; /* need_least was not met, and nobody has anything to give back, as they
                       told since this node asked before, if it did: who
                       waits is refused. False and not met: asked again shortly */
};

struct lease_options {
    int64_t wait_ns; /* how long a call waits at most: needs that are older are forgotten */
    /* From any thread, with no lock held, as long as anybody uses the budget. */
    void (*wanted)(void *user, enum lease_authority authority); /* collect soon */
    void (*moved)(void *user);                                  /* who waits should try again */
    void *user;
};

/* From now on the limits of this authority are leased, and nothing is granted yet. Before the first
 * claim, after budget_load(). False: out of memory. */
MUST_USE bool budget_lease_enable(struct budget *budget, enum lease_authority authority,
                                  const struct lease_options *options);
/* --- the authority's thread --- */

/* Up to `max` asks of meters that have something to tell or to want; those with callers waiting
 * first. Each is answered by apply or failed, before it comes again. */
size_t budget_lease_collect(struct budget *budget, enum lease_authority authority,
                            struct lease_ask *asks, size_t max);
/* When collect will have something, as far as is known now: monotonic; INT64_MAX: not before
 * `wanted`. */
int64_t budget_lease_due(struct budget *budget, enum lease_authority authority);
/* answers[i] is for asks[i]; a second answer for the same ask changes nothing. */
void budget_lease_apply(struct budget *budget, const struct lease_ask *asks,
                        const struct lease_answer *answers, size_t count);
/* No answer will come, or it cannot be known whether: they will be asked again. */
void budget_lease_failed(struct budget *budget, const struct lease_ask *asks, size_t count);
/* Others want what this node does not use of the meter: it is given back with the next collect, and
 * for a while as soon as holds settle. Meters that were never leased here are told of, too. */
void budget_lease_recall(struct budget *budget, const struct lease_meter *meter);
/* Somebody gave back something of a meter, or the authority is there again: those that wait are
 * asked for at once. NULL: of all meters. */
void budget_lease_retry(struct budget *budget, enum lease_authority authority,
                        const struct lease_meter *meter);
/* All meters with spending or room, leased here or not, are to be told of: the node joins, or the
 * authority may have forgotten what it granted. */
void budget_lease_assert(struct budget *budget, enum lease_authority authority);
/* Were all of those exchanged since, and those whose limits are new or changed and that were in use
 * before? */
MUST_USE bool budget_lease_asserted(struct budget *budget, enum lease_authority authority);
/* The node ends: nothing more is wanted, and all that is not held is given back. */
void budget_lease_close(struct budget *budget, enum lease_authority authority);

/* What goes on while the authority cannot be reached, once what was granted is used up. The
 * node's own limit (what it spent itself against the whole limit) always holds. */
enum lease_mode {
    LEASE_GRANTS, /* it is there: callers wait for it */
    LEASE_DENIES, /* refused at once, `away` */
    LEASE_ALLOWS, /* up to the node's own limit, without a lease */
    LEASE_SHARES, /* requests, tokens, parallel: up to limit / nodes; caps: as LEASE_DENIES */
};
/* `nodes`: of LEASE_SHARES; at least 1. Begins with LEASE_GRANTS. */
void budget_lease_mode(struct budget *budget, enum lease_authority authority, enum lease_mode mode,
                       unsigned nodes);

/* --- questions --- */

struct lease_stats {
    uint64_t meters;
    uint64_t asked;    /* exchanges of one meter */
    uint64_t waited;   /* refusals that were worth waiting */
    uint64_t away;     /* refused because the authority was away */
    uint64_t unleased; /* let through without a lease, by LEASE_ALLOWS or LEASE_SHARES */
    uint64_t lost;     /* meters that could not be made: out of memory; refused then */
    int64_t room_nd;   /* of hard caps: granted and not spent */
};
void budget_lease_stats(struct budget *budget, enum lease_authority authority,
                        struct lease_stats *ret_stats);

/* One meter as the node has it. False: it was never leased. */
struct lease_state {
    int64_t epoch_s;
    int64_t spent;
    int64_t held;
    int64_t room;
};
MUST_USE bool budget_lease_read(struct budget *budget, const struct lease_meter *meter,
                                struct lease_state *ret_state);

#endif
