/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger as books of double entry, and its caps over time. Read only, also while it is written.
 *
 * Every scope (key, user, team, organisation) has an account of what it was charged, and one of
 * what is set aside for it; every provider has one of what it is owed. A hold moves its amount from
 * the scope's means to what is set aside, a settle or a release moves it back, and a charge debits
 * the scope and credits the provider. So at any time
 * - what all keys were charged is what all providers are owed, in each hour;
 * - each attempt was settled once: it has one row, and no hold any more;
 * - a user, team or organisation was charged at least what its calls cost that are still there.
 *
 * Caps: the attempts of a scope are played again in the order of time. At each hold, what was
 * settled and what was held must have fitted the hard cap that was in force then, as the audit log
 * tells; where that does not tell all of it, and for rolling caps, since the scope's last change of
 * the hard cap. What retention removed comes in as the opening balance that it left. An attempt
 * that cost more than was held (the provider charged more than could be foreseen, or a stream was
 * allowed more on its way) widens its period by as much: it is counted, and is no violation. When
 * an attempt was held is known from its end and its length, so it seems to begin a little later
 * than it did: nothing sound is found broken by that. The order is that of the ledger's own time,
 * and periods are those that were in force, whatever the wall clock and its zone did since
 * (ledger_clock.h); in calls of before version 17, whose zone nobody knows, calendar caps are not
 * played. What was at a time of which there are two, as after the clock was turned back, is counted
 * as far as it is sure, and not held against the cap.
 */
#ifndef SLUICE_STORE_LEDGER_BOOKS_H
#define SLUICE_STORE_LEDGER_BOOKS_H

#include "base/error.h"
#include "store/limits.h"

#include <stdint.h>

/* A hard cap that had less room than was charged, because attempts cost more than was held. */
struct ledger_excess {
    enum scope_kind kind;
    int64_t scope;
    char model[64]; /* cut; empty: every one */
    const char *per;
    int64_t amount_nd; /* of the cap */
    int64_t over_nd;   /* the most that was beyond it */
    int64_t at_ns;     /* then */
};
#define BOOKS_EXCESSES_MAX 32

struct ledger_books {
    int64_t charged_nd; /* to all keys, and to none */
    int64_t owed_nd;    /* to all providers: the same */
    int64_t held_nd;    /* of attempts under way, as far as they are in the database */
    uint64_t caps;      /* hard caps that were played again, ... */
    uint64_t holds;     /* ... at so many holds */
    uint64_t overruns;  /* attempts under these that cost more than was held */
    uint64_t untold;    /* of these caps: of scopes of which the audit log has an act that cannot be
                           read (ledger_verify_limits.h); any other must be what the log says */
    uint64_t exceeded;  /* caps that overruns went beyond; the first of them are: */
    struct ledger_excess excesses[BOOKS_EXCESSES_MAX];
};

/* False: *error says what does not hold ("ledger_violation"), or why it could not be looked at. */
MUST_USE bool ledger_books_check(const char *path, struct ledger_books *ret_books,
                                 struct error *error);

#endif
