/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the audit log says of caps and limits, in SQL, and whether that is what the tables say. The
 * log has what was asked for, as JSON; scopes of which it has an act whose detail cannot be read
 * (it was longer than an entry may be, or no administration made it) are left out. Read only; the
 * connection has a transaction.
 */
#ifndef SLUICE_STORE_LEDGER_VERIFY_LIMITS_H
#define SLUICE_STORE_LEDGER_VERIFY_LIMITS_H

#include "store/database.h"

/*
 * Makes these of this connection, in its transaction: usd_nd() and window_s(), of an array of "1.5"
 * and of "24h", NULL for what is neither; and tables of what the audit log has, read once. `acts`:
 * what was done to limits; `pieces`: to those of one scope ("key:7 ") and model (or ''), with the
 * JSON object that has them; `priced`: to its caps.
 */
MUST_USE bool verify_limits_register(sqlite3 *db);
/* False: *error says which is not what was asked for last ("ledger_violation"), or why it could not
 * be looked at. */
MUST_USE bool ledger_verify_limits(sqlite3 *db, const char *path, struct error *error);

#endif
