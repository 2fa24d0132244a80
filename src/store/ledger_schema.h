/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of the ledger and how a database of an older version becomes one of this version.
 * PRAGMA application_id tells our files from others', PRAGMA user_version the schema.
 */
#ifndef SLUICE_STORE_LEDGER_SCHEMA_H
#define SLUICE_STORE_LEDGER_SCHEMA_H

#include "store/database.h"

#define LEDGER_APPLICATION_ID 0x534C5543 /* "SLUC" */
#define LEDGER_SCHEMA_VERSION 21
/* `counted` of attempts and holds, where it is no number of `names`. */
#define COUNTED_NONE (-1)
#define COUNTED_AS_CALL 0

/* Creates or migrates, in one transaction. "ledger_foreign", "ledger_newer", "ledger_corrupt". */
MUST_USE bool ledger_schema_prepare(sqlite3 *db, const char *path, struct error *error);
/* For readers: the schema must be this version ("ledger_old", "ledger_blank": start the server
 * once). */
MUST_USE bool ledger_schema_check(sqlite3 *db, const char *path, struct error *error);
/* A ledger of this version or an older one, not an empty file. */
MUST_USE bool ledger_schema_known(sqlite3 *db, const char *path, struct error *error);

#endif
