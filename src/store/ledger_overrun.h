/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overruns that block their key (a provider charged more than could be foreseen), from the settle's
 * record in the journal until the key is blocked: the writer adds a row in the transaction that has
 * the attempt's, key_block() removes those of its key in the one that blocks it. So a block
 * survives whatever is killed when, and each is carried out once. A start reads what is left; there
 * are as many rows as overruns of the last moments.
 */
#ifndef SLUICE_STORE_LEDGER_OVERRUN_H
#define SLUICE_STORE_LEDGER_OVERRUN_H

#include "base/error.h"
#include "store/record.h"

struct ledger_overrun {
    struct id call;
    uint64_t key_id;
    int64_t settled_ns; /* wall clock */
    int64_t held_nd;
    int64_t cost_nd;
    struct slice target; /* lives during the call */
};

/* Those of the database at `path`, of each key together, the oldest first, on a connection of its
 * own; `each` says whether it wants another. */
MUST_USE bool ledger_overruns_read(const char *path,
                                   bool (*each)(void *user, const struct ledger_overrun *overrun),
                                   void *user, struct error *error);
/* Takes away those of a key that cannot be blocked any more, because there is none. */
MUST_USE bool ledger_overruns_forget(const char *path, uint64_t key_id, struct error *error);

#endif
