/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is `spend` what its calls say? Each row of it has what was held from its start to its end: the
 * attempts that are still there (the view `counted`), and the opening balances of those that are
 * not. Rows that overlap are looked at together. Read only; the connection has a transaction.
 */
#ifndef SLUICE_STORE_LEDGER_VERIFY_SPEND_H
#define SLUICE_STORE_LEDGER_VERIFY_SPEND_H

#include "store/database.h"

/* False: *error says what does not hold ("ledger_violation"), or why it could not be looked at. */
MUST_USE bool ledger_verify_spend(sqlite3 *db, const char *path, struct error *error);

#endif
