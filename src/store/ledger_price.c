/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_price.h"

#include "base/memory.h"
#include "store/report_query.h"

#define ARGUMENTS 11
#define MOST_ARGUMENTS 7

static const struct offer *find(const struct ledger_price *prices, int64_t id)
{
    size_t low = 0;
    size_t high = prices->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int64_t at = (int64_t)prices->offers[middle].id;
        if (at == id) {
            return &prices->offers[middle];
        }
        if (at < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

static void price_nd(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    const struct ledger_price *prices = sqlite3_user_data(context);
    const struct offer *offer = find(prices, sqlite3_value_int64(argv[0]));
    CHECK(argc == ARGUMENTS);
    if (offer == NULL) {
        return; /* no result is NULL */
    }
    const struct usage usage = {
        .input = sqlite3_value_int64(argv[1]),
        .output = sqlite3_value_int64(argv[2]),
        .cache_read = sqlite3_value_int64(argv[3]),
        .cache_write = sqlite3_value_int64(argv[4]),
        .cache_write_1h = sqlite3_value_int64(argv[5]),
        .reasoning = sqlite3_value_int64(argv[6]),
        .audio_input = sqlite3_value_int64(argv[7]),
        .audio_output = sqlite3_value_int64(argv[8]),
        .image_input = sqlite3_value_int64(argv[9]),
        .image_output = sqlite3_value_int64(argv[10]),
    };
    sqlite3_result_int64(context, price_cost(&offer->price, &usage));
}

/* The dearest that so much input and output can be; where some of it is sound or pictures, all of
 * it may be. */
static void most_nd(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    const struct ledger_price *prices = sqlite3_user_data(context);
    const struct offer *offer = find(prices, sqlite3_value_int64(argv[0]));
    CHECK(argc == MOST_ARGUMENTS);
    if (offer == NULL) {
        return;
    }
    unsigned media = (sqlite3_value_int64(argv[3]) > 0 ? PRICE_MEDIA(PRICE_AUDIO_INPUT) : 0) |
                     (sqlite3_value_int64(argv[4]) > 0 ? PRICE_MEDIA(PRICE_AUDIO_OUTPUT) : 0) |
                     (sqlite3_value_int64(argv[5]) > 0 ? PRICE_MEDIA(PRICE_IMAGE_INPUT) : 0) |
                     (sqlite3_value_int64(argv[6]) > 0 ? PRICE_MEDIA(PRICE_IMAGE_OUTPUT) : 0);
    sqlite3_result_int64(context, price_bound(&offer->price, sqlite3_value_int64(argv[1]),
                                              sqlite3_value_int64(argv[2]), media));
}

static bool read_count(sqlite3 *db, size_t *ret_count)
{
    sqlite3_stmt *sql = database_prepare(db, "SELECT count(*) FROM offers");
    bool done = sql != NULL && sqlite3_step(sql) == SQLITE_ROW;
    *ret_count = done ? (size_t)sqlite3_column_int64(sql, 0) : 0;
    sqlite3_finalize(sql);
    return done;
}

static bool read_offers(struct ledger_price *prices, sqlite3 *db)
{
    size_t cap;
    if (!read_count(db, &cap)) {
        return false;
    }
    prices->offers = memory_array(cap + 1, sizeof(prices->offers[0]));
    sqlite3_stmt *row = database_prepare(db, REPORT_OFFER_SQL " ORDER BY id");
    sqlite3_stmt *rates = database_prepare(db, REPORT_RATES_SQL);
    bool done = prices->offers != NULL && row != NULL && rates != NULL;
    int status = done ? sqlite3_step(row) : SQLITE_NOMEM;
    while (done && status == SQLITE_ROW && prices->count < cap) {
        done = offer_read(row, rates, &prices->offers[prices->count++]);
        status = sqlite3_step(row);
    }
    sqlite3_finalize(row);
    sqlite3_finalize(rates);
    return done && status == SQLITE_DONE;
}

bool ledger_price_init(struct ledger_price *prices, sqlite3 *db)
{
    *prices = (struct ledger_price){0};
    return read_offers(prices, db) &&
           sqlite3_create_function_v2(db, "price_nd", ARGUMENTS, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                      prices, price_nd, NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_create_function_v2(db, "most_nd", MOST_ARGUMENTS,
                                      SQLITE_UTF8 | SQLITE_DETERMINISTIC, prices, most_nd, NULL,
                                      NULL, NULL) == SQLITE_OK;
}

void ledger_price_release(struct ledger_price *prices)
{
    memory_free(prices->offers);
    *prices = (struct ledger_price){0};
}
