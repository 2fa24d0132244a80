/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hard caps of a ledger as they were, for what is played again (ledger_books.h): from when on,
 * and what the audit log says of the amounts that were in force before. All times are the ledger's
 * own (ledger_clock.h). Read only; the connection has a transaction and what
 * verify_limits_register() makes.
 */
#ifndef SLUICE_STORE_LEDGER_CAPS_H
#define SLUICE_STORE_LEDGER_CAPS_H

#include "store/database.h"
#include "store/ledger_clock.h"
#include "store/limits.h"

/* What the audit log says of a cap from a time on. */
struct version {
    int64_t from_ns;
    int64_t until_ns;  /* so long the former one may have been in force */
    int64_t amount_nd; /* INT64_MAX: there was no hard cap */
};

struct cap {
    const struct clock_times *times;
    enum scope_kind kind;
    int64_t scope;
    char *model;    /* empty: every one */
    int64_t *words; /* numbers of `names` that say so, in order */
    size_t word_count;
    enum cap_period period;
    int64_t window_ns;
    int64_t amount_nd;
    int64_t since_ns;         /* nothing is known of an earlier time */
    struct version *versions; /* in order; none: it was always as it is */
    size_t version_count;
};

struct caps {
    struct cap *items; /* in the order of kind and scope */
    size_t count;
    size_t room;
    uint64_t untold; /* of them: the audit log does not say how they came to be what they are */
};

/* As reports and the administration call them. */
extern const char *const played_cap_words[CAP_PERIODS];

/* False: a database error, or out of memory. `times` must outlive the caps. */
MUST_USE bool caps_read(sqlite3 *db, const struct clock_times *times, struct caps *ret_caps);
void caps_release(struct caps *caps);

/* In force then; while a change is spread, the larger one. */
int64_t cap_amount_at(const struct cap *cap, int64_t now_ns);
/* Does what counts for these names (a number of `names`) count for this cap? */
bool cap_has_word(const struct cap *cap, int64_t counted);

#endif
