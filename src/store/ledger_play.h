/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One scope's hard caps while its attempts are played again, in the order of their holds: what was
 * settled and held at each of them, and whether it fitted (ledger_books.h says what is played).
 * Memory does not grow with the number of attempts: of what was spent in earlier periods, which a
 * new process may look at, minutes are kept, of the last 33 days; and what leaves a rolling cap
 * leaves it in steps of a 65,536th of its span, up to one step early, never late. One thread.
 */
#ifndef SLUICE_STORE_LEDGER_PLAY_H
#define SLUICE_STORE_LEDGER_PLAY_H

#include "base/id.h"
#include "store/ledger_books.h"
#include "store/ledger_caps.h"

enum played_kind {
    PLAYED_ATTEMPT,
    PLAYED_INTERRUPTED, /* and when it was held is not known */
    PLAYED_OPENING,     /* calls that were removed */
};

/* An attempt. */
struct played {
    struct id call;
    enum played_kind kind;
    bool checked;    /* it must have fitted; an interrupted one was not alone in its moment */
    int64_t counted; /* the names for which it counts, a number of `names`; of PLAYED_OPENING, 0 is
                        the scope as a whole */
    int64_t held_nd;
    int64_t cost_nd;
    int64_t from_ns;  /* but for PLAYED_ATTEMPT: it was held between these, by the wall clock */
    int64_t until_ns;
    /* In the ledger's own time (ledger_clock.h). */
    int64_t held_ns;
    int64_t settled_ns;
    /* Of when it was held. */
    int64_t wall_ns;
    const struct clock_span *span; /* NULL: nobody watched the clock */
    bool sure;                     /* it was then, and at no other time of the same name */
};

struct play;

/* NULL: out of memory. The caps live until play_free(); they are of one scope. */
MUST_USE struct play *play_new(const struct cap *caps, size_t count);
void play_free(struct play *play);
/* The next one. False: it did not fit ("ledger_violation"), or out of memory. */
MUST_USE bool play_attempt(struct play *play, const struct played *attempt,
                           struct ledger_books *books, struct error *error);
/* No more is to come: what went beyond the caps is noted in the books. */
void play_end(struct play *play, struct ledger_books *books);

#endif
