/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prices for SQL: price_nd(offer, input, output, cache_read, cache_write, cache_write_1h,
 * reasoning, audio_input, audio_output, image_input, image_output) is price_cost() of that usage at
 * that offer; NULL when the offer was not recorded. All offers are read once. One thread.
 */
#ifndef SLUICE_STORE_LEDGER_PRICE_H
#define SLUICE_STORE_LEDGER_PRICE_H

#include "store/database.h"
#include "store/offer.h"

struct ledger_price {
    struct offer *offers; /* by identifier; without names */
    size_t count;
};

/* Gives the connection the function, which uses *prices until the connection is closed. */
MUST_USE bool ledger_price_init(struct ledger_price *prices, sqlite3 *db);
/* After the connection was closed. */
void ledger_price_release(struct ledger_price *prices);

#endif
