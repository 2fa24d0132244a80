/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two ways to the tables of this version: step by step, as old ledgers come to it, and at once,
 * as a new one does. Every step that renames or adds a column makes SQLite read the whole schema
 * again, so that the steps take 15 times the instructions of what they end with. What they end with
 * is ledger_schema_now.c, which tests/unit/store/ledger_schema_test.c writes and holds against the
 * steps. Private to the store layer.
 */
#ifndef SLUICE_STORE_LEDGER_SCHEMA_STEPS_H
#define SLUICE_STORE_LEDGER_SCHEMA_STEPS_H

#include "store/ledger_schema.h"

/* Makes everything in an empty database: tables, their first rows, both numbers of the file. */
extern const char ledger_schema_now[];

/* The steps from `version` on (0: an empty database), inside a write transaction of a connection
 * with control_register() and key_seals_register(). */
MUST_USE bool ledger_schema_steps(sqlite3 *db, int64_t version);

#endif
