/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members of a call and of an attempt as a ledger has them: one table, by which both are read
 * from this node's SQLite and from the cluster's PostgreSQL. M(member, kind, column here, column
 * there); a column may have other names on the two sides, and other forms: see enum member_kind.
 */
#ifndef SLUICE_STORE_REPORT_MEMBERS_H
#define SLUICE_STORE_REPORT_MEMBERS_H

#include "store/report.h"

enum member_kind {
    MEMBER_ID,
    MEMBER_INT64,
    MEMBER_INT32,
    MEMBER_BOOL,
    MEMBER_PRESENT, /* bool: the column is not NULL */
    MEMBER_WORD,    /* a name: its number here, itself there */
    MEMBER_TEXT,
    MEMBER_TASK, /* a word */
    MEMBER_TIER, /* its number here, its name there; so is the next */
    MEMBER_OUTCOME,
    MEMBER_BASIS, /* its number */
    MEMBER_PURPOSE,
    MEMBER_CATALOGUE, /* NULL: RECORD_NO_CATALOGUE */
};

#define CALL_MEMBERS(M)                                                                            \
    M(call.call, MEMBER_ID, "id", "uuid_send(id)")                                                 \
    M(call.wall_ns, MEMBER_INT64, "started_ns", "started_ns")                                      \
    M(call.key_id, MEMBER_INT64, "key", "key_id")                                                  \
    M(call.key_name, MEMBER_WORD, "key_name", "key")                                               \
    M(call.endpoint, MEMBER_WORD, "endpoint", "endpoint")                                          \
    M(call.asked_model, MEMBER_WORD, "asked_model", "asked_model")                                 \
    M(call.route, MEMBER_WORD, "route", "route")                                                   \
    M(call.target, MEMBER_WORD, "target", "target")                                                \
    M(call.provider, MEMBER_WORD, "provider", "provider")                                          \
    M(call.model, MEMBER_WORD, "model", "model")                                                   \
    M(call.task, MEMBER_TASK, "task", "task")                                                      \
    M(call.tier, MEMBER_TIER, "tier", "tier")                                                      \
    M(call.complexity_permille, MEMBER_INT32, "complexity", "complexity")                          \
    M(call.streamed, MEMBER_BOOL, "streamed", "streamed")                                          \
    M(call.status, MEMBER_INT32, "status", "status")                                               \
    M(call.error, MEMBER_WORD, "error", "error")                                                   \
    M(call.attempts, MEMBER_INT32, "attempts", "attempts")                                         \
    M(call.cost_nd, MEMBER_INT64, "cost_nd", "cost_nd")                                            \
    M(call.baseline_nd, MEMBER_INT64, "baseline_nd", "baseline_nd")                                \
    M(call.baseline, MEMBER_WORD, "baseline", "baseline")                                          \
    M(call.input_tokens, MEMBER_INT64, "input_tokens", "input_tokens")                             \
    M(call.output_tokens, MEMBER_INT64, "output_tokens", "output_tokens")                          \
    M(call.expected_cost_nd, MEMBER_INT64, "expected_nd", "expected_nd")                           \
    M(call.first_byte_us, MEMBER_INT64, "first_byte_us", "first_byte_us")                          \
    M(call.total_us, MEMBER_INT64, "total_us", "total_us")                                         \
    M(call.complete, MEMBER_BOOL, "complete", "complete")                                          \
    M(estimated, MEMBER_BOOL, "estimated", "estimated")                                            \
    M(call.baseline_offer, MEMBER_INT64, "baseline_offer", "baseline_offer")                       \
    M(call.scopes[SCOPE_USER], MEMBER_INT64, "user", "user_id")                                    \
    M(call.scopes[SCOPE_TEAM], MEMBER_INT64, "team", "team_id")                                    \
    M(call.scopes[SCOPE_ORGANISATION], MEMBER_INT64, "organisation", "organisation_id")            \
    M(call.tag, MEMBER_WORD, "tag", "tag")                                                         \
    M(call.verdict, MEMBER_INT32, "verdict", "verdict")

#define ATTEMPT_MEMBERS(M)                                                                         \
    M(call, MEMBER_ID, "call", "uuid_send(call)")                                                  \
    M(attempt, MEMBER_INT32, "attempt", "attempt")                                                 \
    M(wall_ns, MEMBER_INT64, "settled_ns", "settled_ns")                                           \
    M(released_nd, MEMBER_INT64, "held_nd", "held_nd")                                             \
    M(cost_nd, MEMBER_INT64, "cost_nd", "cost_nd")                                                 \
    M(key_id, MEMBER_INT64, "key", "key_id")                                                       \
    M(outcome, MEMBER_OUTCOME, "outcome", "outcome")                                               \
    M(status, MEMBER_INT32, "status", "status")                                                    \
    M(target, MEMBER_WORD, "target", "target")                                                     \
    M(provider, MEMBER_WORD, "provider", "provider")                                               \
    M(model, MEMBER_WORD, "model", "model")                                                        \
    M(lane, MEMBER_WORD, "lane", "lane")                                                           \
    M(error, MEMBER_WORD, "error", "error")                                                        \
    M(usage.reported, MEMBER_BOOL, "reported", "reported")                                         \
    M(priced, MEMBER_BOOL, "priced", "priced")                                                     \
    M(usage.input, MEMBER_INT64, "input", "input")                                                 \
    M(usage.output, MEMBER_INT64, "output", "output")                                              \
    M(usage.cache_read, MEMBER_INT64, "cache_read", "cache_read")                                  \
    M(usage.cache_write, MEMBER_INT64, "cache_write", "cache_write")                               \
    M(usage.cache_write_1h, MEMBER_INT64, "cache_write_1h", "cache_write_1h")                      \
    M(usage.reasoning, MEMBER_INT64, "reasoning", "reasoning")                                     \
    M(usage.audio_input, MEMBER_INT64, "audio_input", "audio_input")                               \
    M(usage.audio_output, MEMBER_INT64, "audio_output", "audio_output")                            \
    M(usage.image_input, MEMBER_INT64, "image_input", "image_input")                               \
    M(usage.image_output, MEMBER_INT64, "image_output", "image_output")                            \
    M(first_byte_us, MEMBER_INT64, "first_byte_us", "first_byte_us")                               \
    M(total_us, MEMBER_INT64, "total_us", "total_us")                                              \
    M(usage.has_provider_cost, MEMBER_PRESENT, "provider_nd", "provider_nd")                       \
    M(usage.provider_cost_nd, MEMBER_INT64, "provider_nd", "provider_nd")                          \
    M(loss, MEMBER_TEXT, "loss", "loss")                                                           \
    M(offer, MEMBER_INT64, "offer", "offer")                                                       \
    M(basis, MEMBER_BASIS, "basis", "basis")                                                       \
    M(purpose, MEMBER_PURPOSE, "purpose", "purpose")                                               \
    M(catalogue_nd, MEMBER_CATALOGUE, "catalogue_nd", "catalogue_nd")                              \
    M(forecast.given, MEMBER_PRESENT, "expected_input", "expected_input")                          \
    M(forecast.input, MEMBER_INT64, "expected_input", "expected_input")                            \
    M(forecast.output, MEMBER_INT64, "expected_output", "expected_output")                         \
    M(forecast.output_high, MEMBER_INT64, "high_output", "high_output")                            \
    M(forecast.cost_nd, MEMBER_INT64, "expected_nd", "expected_nd")                                \
    M(forecast.latency_ms, MEMBER_INT64, "expected_ms", "expected_ms")

/* For a SELECT: column 0 is nothing, then the members; a call's candidates are behind them. */
#define MEMBER_HERE(member, kind, here, there) ", " here
#define MEMBER_THERE(member, kind, here, there) ", " there
#define CALL_COLUMNS_HERE "0" CALL_MEMBERS(MEMBER_HERE) ", menu, expected"
#define CALL_COLUMNS_THERE "0" CALL_MEMBERS(MEMBER_THERE) ", menu, expected"
#define ATTEMPT_COLUMNS_HERE "0" ATTEMPT_MEMBERS(MEMBER_HERE)
#define ATTEMPT_COLUMNS_THERE "0" ATTEMPT_MEMBERS(MEMBER_THERE)

/* A row of such a SELECT: what is NULL is 0 or empty. Texts are the arena's. */
struct member_row {
    struct arena *arena;
    const void *from;
    int at; /* of rows there */
    int64_t (*number)(const struct member_row *row, int column);
    struct slice (*bytes)(const struct member_row *row, int column); /* borrowed */
    struct slice (*word)(const struct member_row *row, int column);  /* the arena's */
    bool (*is_null)(const struct member_row *row, int column);
    bool named; /* MEMBER_TIER, MEMBER_OUTCOME */
};
void member_read_call(const struct member_row *row, struct call_row *ret_row);
void member_read_attempt(const struct member_row *row, struct settle_record *ret_attempt);

#endif
