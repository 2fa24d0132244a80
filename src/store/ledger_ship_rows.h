/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the ledger as the text that COPY reads. */
#ifndef SLUICE_STORE_LEDGER_SHIP_ROWS_H
#define SLUICE_STORE_LEDGER_SHIP_ROWS_H

#include "store/database.h"
#include "store/postgres.h"

struct ship_copy {
    sqlite3 *db;               /* in a read transaction */
    struct postgres *postgres; /* in one too */
    int64_t node;
    sqlite3_stmt *statement; /* of what is copied just now */
    struct buf *piece;
    struct error *error;
};

/* Each copies into a table of the session and adds that to the shared one. `calls`: identifiers. */
MUST_USE bool ship_copy_calls(struct ship_copy *copy, struct slice calls);
MUST_USE bool ship_copy_attempts(struct ship_copy *copy, struct slice calls);
/* Numbers as in ledger_note.h. */
MUST_USE bool ship_copy_rollups(struct ship_copy *copy, struct slice rollups);
MUST_USE bool ship_copy_spends(struct ship_copy *copy, struct slice spends);
/* The tables of the session, once for each connection. */
extern const char ship_session_sql[];

#endif
