/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control totals, as bookkeepers have them: of the rows of calls and attempts of each hour their
 * number, and a sum over rows: of each the sum of its numbers, each times the weight of its column,
 * mixed. The writer adds them up while it adds rows; whoever changes or removes a row otherwise, or
 * one number of it, leaves a total that is wrong: all weights are odd, so no change of one number
 * adds nothing, and as rows are mixed one by one none makes good what another lacks. They are no
 * defence against somebody who computes them again.
 *
 * A row that nothing else in the ledger could be compared with has a total of its own, its seal.
 * One thread.
 */
#ifndef SLUICE_STORE_LEDGER_CONTROL_H
#define SLUICE_STORE_LEDGER_CONTROL_H

#include "base/id.h"
#include "store/database.h"

#define CONTROL_NUMBERS_MAX 40

enum control_kind { CONTROL_CALLS, CONTROL_ATTEMPTS };

struct control {
    int64_t hour; /* since 1970: of calls when they began, of attempts when they were settled */
    int64_t rows;
    uint64_t total;
    enum control_kind kind;
};

/* Of the batch under way: a few hours, as a rule one. */
struct controls {
    struct control *items;
    size_t count;
    size_t cap;
};

/* The columns of a row, in their order; text or bytes are the number that they have there, always
 * the same one (ROW_BYTES of ledger_rows.h). */
#define CONTROL_BYTES "-9223372036854775807"
#define CONTROL_CALL(row)                                                                          \
    row "id, " row "shape, " row "bits, " row "task, " row "attempts, " row "complexity, " row     \
        "started_ns, " row "cost_nd, " row "baseline_nd, " row "expected_nd, " row                 \
        "input_tokens, " row "output_tokens, " row "first_byte_us, " row "total_us, " row          \
        "settled_after_ns, " row "held_nd, " row "attempt_first_byte_us, " row                     \
        "attempt_total_us, " row "cache_read, " row "cache_write, " row "reasoning, " row          \
        "provider_nd, " CONTROL_BYTES ", " row "expected_input, " row "expected_output, " row      \
        "high_output, " row "expected_ms"
/* What version 16 had of an attempt. Columns that came later are 0 in its rows, and change no
 * total. */
#define CONTROL_ATTEMPT_16                                                                         \
    "call, attempt, settled_ns, held_nd, cost_nd, key, outcome, status, target, provider, model,"  \
    " lane, error, reported, priced, input, output, cache_read, cache_write, cache_write_1h,"      \
    " reasoning, audio_input, audio_output, first_byte_us, total_us, provider_nd, " CONTROL_BYTES  \
    ", offer, basis,"                                                                              \
    " purpose, catalogue_nd, expected_nd, expected_input, expected_output, high_output,"           \
    " expected_ms, held_ns"
#define CONTROL_ATTEMPT CONTROL_ATTEMPT_16 ", image_input, image_output, counted"
#define CONTROL_OPEN_CALL                                                                          \
    "call, key, started_ns, user, team, organisation, limited_model, key_name, endpoint,"          \
    " asked_model, route, tag, task, tier, complexity"
#define CONTROL_HOLD CONTROL_HOLD_16 ", counted"
#define CONTROL_HOLD_16 "call, attempt, held_ns, amount_nd, target, provider, model"
#define CONTROL_POSITION "segment, offset, record, open_offset, open_record"
#define CONTROL_SHAPE                                                                              \
    "key, key_name, endpoint, asked_model, route, target, provider, model, status, error,"         \
    " baseline, attempt_target, attempt_provider, attempt_model, attempt_status, lane,"            \
    " attempt_error, baseline_offer, attempt_offer, user, team, organisation, tag, menu, counted"
/* From which hour on what holds. */
#define CONTROL_MARKS "pruned_hour, sums_hour, booked_s"

/* Of rows that are in the database, per kind and hour: kind, hour, rows, total; `which` is a
 * condition on call_rows c, and one on attempt_rows. Only what was written since version 16. */
#define CONTROL_TOTALS(sign, calls, attempts)                                                      \
    CONTROL_TOTALS_OF(CONTROL_ATTEMPT, sign, calls, attempts)
#define CONTROL_TOTALS_OF(attempt, sign, calls, attempts)                                          \
    "SELECT 0 AS kind, max(c.started_ns, 0) / 3600000000000 AS hour, " sign "count(*) AS rows,"    \
    " wrap(" sign "1, row_total(" CONTROL_CALL(                                                    \
        "c.") ")) AS total FROM call_rows c CROSS JOIN"                                            \
              " shapes s ON s.id = c.shape WHERE s.counted >= 0 AND (" calls ") GROUP BY 2"        \
              " UNION ALL SELECT 1, max(settled_ns, 0) / 3600000000000, " sign "count(*),"         \
              " wrap(" sign "1, row_total(" attempt ")) FROM attempt_rows"                         \
              " WHERE held_ns IS NOT NULL AND (" attempts ") GROUP BY 2"
/* Adds such totals to those that are kept. */
#define CONTROL_ADD(rows)                                                                          \
    "INSERT INTO controls(kind, hour, rows, total) SELECT * FROM (" rows                           \
    ") WHERE true ON CONFLICT(kind, hour) DO UPDATE SET rows = rows + excluded.rows,"              \
    " total = wrap(1, total, excluded.total)"

void controls_init(struct controls *controls);
void controls_release(struct controls *controls);
void controls_clear(struct controls *controls);
/* A row that is new. False: out of memory. */
MUST_USE bool controls_add(struct controls *controls, enum control_kind kind, int64_t hour,
                           const struct id *id, const int64_t *numbers, size_t count);
/* The SQL that controls_write() wants prepared. */
extern const char controls_sql[];
/* Adds all to the database, inside the caller's transaction, and forgets them. */
MUST_USE bool controls_write(struct controls *controls, sqlite3_stmt *upsert);

/* NULL: no identifier comes first. As seal(id, ...) in SQL; no number is INT64_MIN. */
int64_t control_seal(const struct id *id, const int64_t *numbers, size_t count);
/* Makes seal(), row_total() (the same of all rows of a group) and wrap(sign, a, b), an addition
 * that wraps, of this connection. */
MUST_USE bool control_register(sqlite3 *db);

#endif
