/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the reports share. */
#ifndef SLUICE_STORE_REPORT_QUERY_H
#define SLUICE_STORE_REPORT_QUERY_H

#include "base/clock.h"
#include "store/database.h"
#include "store/ledger_schema.h"
#include "store/report.h"
#include "store/report_members.h"

#define REPORT_DEADLINE_MS 2000

/* A read-only connection on which every query fails when the deadline (kept by the caller as long
 * as the connection) is over. NULL: *error. */
MUST_USE sqlite3 *report_open(const char *path, struct database_deadline *deadline,
                              struct error *error);

#define REPORT_WORD_MEMOS 64
#define REPORT_OFFER_MEMOS 64

struct word_memo {
    int64_t id; /* 0: empty */
    struct slice word;
};

/* One answer under way: everything it returns is in the arena. */
struct report_query {
    sqlite3 *db;
    struct arena *arena;
    sqlite3_stmt *word;
    sqlite3_stmt *offer;
    sqlite3_stmt *rates;
    struct word_memo memos[REPORT_WORD_MEMOS];
    const struct offer *offers[REPORT_OFFER_MEMOS]; /* by identifier */
    bool failed;
};

/* Opens the ledger and begins a transaction, so that a call and its attempts are of one moment.
 * False: *error; report_query_end() either way. */
MUST_USE bool report_query_begin(struct report_query *query, const char *path, struct arena *arena,
                                 struct database_deadline *deadline, struct error *error);
void report_query_end(struct report_query *query);
/* The reason of a failure, after it; always false. */
bool report_query_failed(struct report_query *query, const char *path, struct error *error);
/* The row of CALL_COLUMNS_HERE that stands on `from`. */
void report_read_call(struct report_query *query, sqlite3_stmt *from, struct call_row *ret_row);
#define REPORT_ATTEMPTS_SQL                                                                        \
    "SELECT " ATTEMPT_COLUMNS_HERE " FROM attempts WHERE call = ?1 ORDER BY attempt"
/* The attempts of detail->row; `from` is REPORT_ATTEMPTS_SQL, bound to the call. */
MUST_USE bool report_read_attempts(struct report_query *query, sqlite3_stmt *from,
                                   struct call_detail *detail);
/* report_call() with a question of its own: ?1 is the call, ?2 `key`. */
MUST_USE bool report_one_call(const char *path, const char *sql, uint64_t key, struct id call,
                              struct arena *arena, struct call_detail *ret_detail,
                              struct error *error);
/* Word number `id`, in the arena. */
struct slice report_word(struct report_query *query, int64_t id);
/* The offers that detail->row and its attempts name. */
MUST_USE bool report_read_offers(struct report_query *query, struct call_detail *detail);

/* --- report_offers.c --- */
#define REPORT_OFFER_SQL "SELECT id, kind, target, provider, model, per_request_nd FROM offers"
#define REPORT_RATES_SQL                                                                           \
    "SELECT above_input, input_pd, output_pd, cache_read_pd, cache_write_pd, cache_write_1h_pd,"   \
    " audio_input_pd, audio_output_pd, reasoning_pd, image_input_pd, image_output_pd"              \
    " FROM offer_rates WHERE offer = ?1 ORDER BY above_input"
/* The offers that detail->row and its attempts name, each once: so many there are at most, and so
 * many there are. */
size_t call_offers_most(const struct call_detail *detail);
size_t call_offers_named(const struct call_detail *detail, uint64_t *ids);
/* With detail->offers: fills in what the row of a call does not keep of its own attempt. */
void call_offers_compare(const struct call_detail *detail);
/* The row of REPORT_OFFER_SQL, but for its names, with its rates. */
MUST_USE bool offer_read(sqlite3_stmt *row, sqlite3_stmt *rates, struct offer *ret_offer);

#endif
