/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What calls have in common: the words and statuses of a call and of its only attempt are one row
 * of `shapes`, to which the rows of all such calls point. Two rows may hold the same; so there is
 * no index, and the cache may forget. Each shape also collects the sums of its calls until the end
 * of the batch. One thread.
 */
#ifndef SLUICE_STORE_LEDGER_SHAPES_H
#define SLUICE_STORE_LEDGER_SHAPES_H

#include "store/ledger_rollup.h"

/* In the order of the table's columns. All but the key, the statuses, the offers and the scopes are
 * numbers of `names`. */
enum shape_part {
    SHAPE_KEY,
    SHAPE_KEY_NAME,
    SHAPE_ENDPOINT,
    SHAPE_ASKED_MODEL,
    SHAPE_ROUTE,
    SHAPE_TARGET,
    SHAPE_PROVIDER,
    SHAPE_MODEL,
    SHAPE_STATUS,
    SHAPE_ERROR,
    SHAPE_BASELINE,
    SHAPE_ATTEMPT_TARGET, /* of the attempt that is in the call's own row; else all zero */
    SHAPE_ATTEMPT_PROVIDER,
    SHAPE_ATTEMPT_MODEL,
    SHAPE_ATTEMPT_STATUS,
    SHAPE_LANE,
    SHAPE_ATTEMPT_ERROR,
    SHAPE_BASELINE_OFFER,
    SHAPE_ATTEMPT_OFFER,
    SHAPE_USER, /* and what stands above it: numbers of `scopes` */
    SHAPE_TEAM,
    SHAPE_ORGANISATION,
    SHAPE_TAG,
    SHAPE_MENU,    /* a number of `menus` */
    SHAPE_COUNTED, /* the model for which it counts apart; 0: none */
    SHAPE_PARTS
};

struct shape {
    int64_t id; /* 0: an empty slot */
    int64_t parts[SHAPE_PARTS];
    struct sums sums; /* of the calls */
    struct sums own;  /* of the attempts that are in their calls' rows, in the same hour */
};

struct shapes {
    struct shape *slots; /* open addressing */
    size_t cap;          /* power of two or 0 */
    size_t count;
    sqlite3_stmt *add; /* borrowed */
};

extern const char shapes_add_sql[];

void shapes_init(struct shapes *shapes, sqlite3_stmt *add);
void shapes_release(struct shapes *shapes);
/* Forgets all, with their sums: after a rollback, rows in the cache may not exist. */
void shapes_clear(struct shapes *shapes);
/* Finds or adds, inside the caller's transaction; ready to collect sums of `hour`. What it
 * collected of another hour goes to `rollups`. NULL on failure. Valid until the next call. */
MUST_USE struct shape *shapes_at(struct shapes *shapes, const int64_t parts[SHAPE_PARTS],
                                 int64_t hour, struct rollups *rollups);
/* Adds all that was collected to `rollups`. */
MUST_USE bool shapes_spread(struct shapes *shapes, struct rollups *rollups);

#endif
