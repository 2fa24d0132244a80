/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's way into PostgreSQL: a thread that brings what each batch added (ledger_note.h) in
 * order, some thousands of calls in a transaction, with the node's watermark (`shipped`) in the
 * same one. So each batch is there exactly once, whatever is killed when. PostgreSQL away for long:
 * the batches wait in the node's own ledger, from which retention takes nothing that waits. They
 * are kept for a while afterwards too, so that a PostgreSQL that was restored gets again what it
 * lost. Memory is bounded: rows go from one database to the other in pieces.
 */
#ifndef SLUICE_STORE_LEDGER_SHIP_H
#define SLUICE_STORE_LEDGER_SHIP_H

#include "store/cluster_member.h"

#define SHIP_CALLS 4096         /* a transaction ends after the batch that reaches so many */
#define SHIP_KEPT_BATCHES 20000 /* that PostgreSQL has */

struct ledger_ship;

struct ship_options {
    struct cluster_member *member;
    int64_t retention_ms; /* of calls in PostgreSQL; 0: they stay */
};

MUST_USE struct ledger_ship *ship_new(const struct ship_options *options, struct error *error);
/* Starts the thread. */
MUST_USE bool ship_start(struct ledger_ship *ship, struct error *error);
/* Ships what is left, at most `ms`, and joins the thread. NULL-safe. */
void ship_free(struct ledger_ship *ship, uint64_t ms);

struct ship_stats {
    bool away;
    int64_t seq;       /* of the last batch that PostgreSQL has */
    int64_t last;      /* of the last batch there is */
    uint64_t calls;    /* shipped by this process, some of them twice when they changed */
    uint64_t failures; /* rounds that did not end well, two a second at most */
    uint64_t lag_ms;   /* since when there has been something to ship */
    /* Of what waits, as measured some seconds ago at most; 0 when nothing does. */
    int64_t calls_behind;
    uint64_t age_ms; /* since the end of the oldest call */
    char reason[256];
};
void ship_stats(struct ledger_ship *ship, struct ship_stats *ret_stats);

#endif
