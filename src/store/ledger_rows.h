/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that wait for their INSERT. A statement for each row, with a binding for each column, would
 * cost several times what the row itself costs; so rows are collected, put in the order of their
 * table, and read by one "INSERT INTO table SELECT * FROM name", for which they are a virtual table
 * of the writer's connection. One thread.
 */
#ifndef SLUICE_STORE_LEDGER_ROWS_H
#define SLUICE_STORE_LEDGER_ROWS_H

#include "base/id.h"
#include "store/database.h"

#define ROW_COLUMNS_MAX 40
#define ROWS_MAX 4096 /* the calls of a full batch: more rows at once, fewer out of order */
/* Among the numbers: */
#define ROW_NULL INT64_MIN
#define ROW_BYTES (INT64_MIN + 1) /* the call, in column 0, or the text, in its own */

struct row {
    struct id call;
    int64_t numbers[ROW_COLUMNS_MAX]; /* by column; column 1 decides the order within a call */
    struct slice text; /* or bytes; borrowed until the rows are written; empty: NULL */
};

/* Where a row goes. */
struct row_place {
    uint64_t key; /* the first half of the call's identifier, as a number */
    uint32_t at;
};

struct rows {
    const char *declaration; /* CREATE TABLE, with as many columns */
    bool bytes;              /* the text is none */
    size_t count;
    struct row *rows;               /* ROWS_MAX */
    struct row_place *order;        /* ROWS_MAX, and as many to sort with */
    const struct row_place *sorted; /* while the INSERT reads */
};

/* Makes the virtual table `name` of the connection; `rows` stays where it is as long as that is
 * open. The caller sets `declaration` before. */
MUST_USE bool rows_init(struct rows *rows, sqlite3 *db, const char *name);
/* After the connection was closed. */
void rows_release(struct rows *rows);
/* Where the next row goes; it counts after `count` was raised. There is always room for one. */
static inline struct row *rows_next(struct rows *rows)
{
    return &rows->rows[rows->count];
}
/* Runs the INSERT and forgets the rows. *ret_added: how many were not there yet. */
MUST_USE bool rows_write(struct rows *rows, sqlite3_stmt *insert, size_t *ret_added);

#endif
