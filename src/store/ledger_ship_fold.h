/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts rows of `spend` in PostgreSQL together, as ledger_spend.h does with a node's own: what a
 * scope spent on a day of UTC that is over becomes one row, in the day's last quarter of an hour;
 * months that ended SPEND_DAYS_KEPT days ago become one, in the month's last. Sums stay what they
 * are; no cap is held by these rows.
 */
#ifndef SLUICE_STORE_LEDGER_SHIP_FOLD_H
#define SLUICE_STORE_LEDGER_SHIP_FOLD_H

#include "store/postgres.h"

#define FOLD_ROWS 50000 /* at once */

/* Some rows of the node, in a statement of its own. *ret_more: there may be more. */
MUST_USE bool ship_fold(struct postgres *postgres, int64_t node, bool *ret_more,
                        struct error *error);

#endif
