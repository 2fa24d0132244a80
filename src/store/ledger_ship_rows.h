/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the ledger as the text that COPY reads. */
#ifndef SLUICE_STORE_LEDGER_SHIP_ROWS_H
#define SLUICE_STORE_LEDGER_SHIP_ROWS_H

#include "base/buf.h"
#include "store/database.h"
#include "store/postgres.h"

struct ship_copy {
    /* In no transaction: each row is read by itself, and nothing is read while PostgreSQL is waited
     * for, so that no checkpoint waits for it. */
    sqlite3 *db;
    struct postgres *postgres; /* in a transaction */
    int64_t node;
    sqlite3_stmt *statement; /* of what is copied just now */
    struct buf *piece;
    struct ship_offers *offers; /* named by what was copied */
    int hidden;                 /* last columns of the statement, that are not sent */
    struct buf *counts;         /* int64_t of each call: attempts, as its row was read */
    struct error *error;
};

/* Offers that PostgreSQL has, or is to get with the transaction under way: if that fails, all are
 * to be forgotten. */
struct ship_offers {
    int64_t *ids; /* ascending */
    size_t count;
    size_t room;
    struct buf fresh; /* int64_t: those of the transaction */
};
void ship_offers_init(struct ship_offers *offers);
void ship_offers_release(struct ship_offers *offers);
void ship_offers_forget(struct ship_offers *offers);

/* Each copies into a table of the session and adds that to the shared one. `calls`: identifiers;
 * the attempts of the same calls come next. */
MUST_USE bool ship_copy_calls(struct ship_copy *copy, struct slice calls);
MUST_USE bool ship_copy_attempts(struct ship_copy *copy, struct slice calls);
/* After these: the offers that they named and PostgreSQL does not have yet. */
MUST_USE bool ship_copy_offers(struct ship_copy *copy);
/* Numbers as in ledger_note.h. */
MUST_USE bool ship_copy_rollups(struct ship_copy *copy, struct slice rollups);
MUST_USE bool ship_copy_spends(struct ship_copy *copy, struct slice spends);
/* The tables of the session, once for each connection. */
extern const char ship_session_sql[];

#endif
