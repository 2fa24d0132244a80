/* SPDX-License-Identifier: Apache-2.0 */
/* Two records are the same, member by member. */
#ifndef TESTS_STORE_RECORD_EXPECT_H
#define TESTS_STORE_RECORD_EXPECT_H

#include "store/record.h"
#include "tests/tap.h"

static inline void expect_same_slice(struct slice a, struct slice b)
{
    EXPECT(slice_eq(a, b));
}

static inline void expect_same_hold(const struct hold_record *a, const struct hold_record *b)
{
    EXPECT(memcmp(&a->call, &b->call, sizeof(a->call)) == 0);
    EXPECT_INT(a->attempt, b->attempt);
    EXPECT_INT(a->wall_ns, b->wall_ns);
    EXPECT_INT(a->amount_nd, b->amount_nd);
    EXPECT(a->key_id == b->key_id);
    expect_same_slice(a->target, b->target);
    expect_same_slice(a->provider, b->provider);
    expect_same_slice(a->model, b->model);
    for (unsigned kind = SCOPE_KEY + 1; kind < SCOPE_KINDS; kind++) {
        EXPECT(a->scopes[kind] == b->scopes[kind]);
    }
    expect_same_slice(a->limited_model, b->limited_model);
    expect_same_slice(a->endpoint, b->endpoint);
    if (a->endpoint.len > 0) {
        expect_same_slice(a->key_name, b->key_name);
        expect_same_slice(a->asked_model, b->asked_model);
        expect_same_slice(a->route, b->route);
        EXPECT_INT(a->task, b->task);
        EXPECT_INT(a->tier, b->tier);
        EXPECT_INT(a->complexity_permille, b->complexity_permille);
        expect_same_slice(a->tag, b->tag);
    }
}

static inline void expect_same_usage(const struct usage *a, const struct usage *b)
{
    EXPECT_INT(a->input, b->input);
    EXPECT_INT(a->output, b->output);
    EXPECT_INT(a->cache_read, b->cache_read);
    EXPECT_INT(a->cache_write, b->cache_write);
    EXPECT_INT(a->cache_write_1h, b->cache_write_1h);
    EXPECT_INT(a->reasoning, b->reasoning);
    EXPECT_INT(a->audio_input, b->audio_input);
    EXPECT_INT(a->audio_output, b->audio_output);
    EXPECT_INT(a->image_input, b->image_input);
    EXPECT_INT(a->image_output, b->image_output);
    EXPECT_INT(a->provider_cost_nd, b->provider_cost_nd);
    EXPECT_INT(a->has_provider_cost, b->has_provider_cost);
    EXPECT_INT(a->reported, b->reported);
}

/* As far as rows of the ledger have it. */
static inline void expect_same_expectation(const struct settle_forecast *a,
                                           const struct settle_forecast *b)
{
    EXPECT_INT(a->given, b->given);
    EXPECT_INT(a->input, b->input);
    EXPECT_INT(a->output, b->output);
    EXPECT_INT(a->output_high, b->output_high);
    EXPECT_INT(a->cost_nd, b->cost_nd);
    EXPECT_INT(a->latency_ms, b->latency_ms);
}

static inline void expect_same_forecast(const struct settle_forecast *a,
                                        const struct settle_forecast *b)
{
    expect_same_expectation(a, b);
    EXPECT_INT(a->streamed, b->streamed);
    EXPECT_INT(a->task, b->task);
    EXPECT_INT(a->has_output, b->has_output);
    EXPECT_INT(a->has_thinking, b->has_thinking);
    EXPECT_INT(a->has_input, b->has_input);
    EXPECT_INT(a->thinks, b->thinks);
    EXPECT_INT(a->log_output, b->log_output);
    EXPECT_INT(a->log_thinking, b->log_thinking);
    EXPECT_INT(a->log_input, b->log_input);
    EXPECT_INT(a->size, b->size);
    EXPECT_INT(a->first_bucket, b->first_bucket);
    EXPECT_INT(a->total_bucket, b->total_bucket);
}

static inline void expect_same_settle(const struct settle_record *a, const struct settle_record *b)
{
    EXPECT(memcmp(&a->call, &b->call, sizeof(a->call)) == 0);
    EXPECT_INT(a->attempt, b->attempt);
    EXPECT_INT(a->wall_ns, b->wall_ns);
    EXPECT_INT(a->released_nd, b->released_nd);
    EXPECT_INT(a->cost_nd, b->cost_nd);
    EXPECT(a->key_id == b->key_id);
    EXPECT_INT(a->outcome, b->outcome);
    EXPECT_INT(a->status, b->status);
    expect_same_usage(&a->usage, &b->usage);
    EXPECT_INT(a->priced, b->priced);
    EXPECT_INT(a->first_byte_us, b->first_byte_us);
    EXPECT_INT(a->total_us, b->total_us);
    expect_same_slice(a->target, b->target);
    expect_same_slice(a->provider, b->provider);
    expect_same_slice(a->model, b->model);
    expect_same_slice(a->lane, b->lane);
    expect_same_slice(a->error, b->error);
    expect_same_slice(a->loss, b->loss);
    EXPECT(a->offer == b->offer);
    EXPECT_INT(a->basis, b->basis);
    EXPECT_INT(a->purpose, b->purpose);
    EXPECT_INT(a->blocks, b->blocks);
    EXPECT_INT(a->catalogue_nd, b->catalogue_nd);
    expect_same_expectation(&a->forecast, &b->forecast);
}

static inline void expect_same_call(const struct call_record *a, const struct call_record *b)
{
    EXPECT(memcmp(&a->call, &b->call, sizeof(a->call)) == 0);
    EXPECT_INT(a->wall_ns, b->wall_ns);
    EXPECT(a->key_id == b->key_id);
    expect_same_slice(a->key_name, b->key_name);
    expect_same_slice(a->endpoint, b->endpoint);
    expect_same_slice(a->asked_model, b->asked_model);
    expect_same_slice(a->route, b->route);
    expect_same_slice(a->target, b->target);
    expect_same_slice(a->provider, b->provider);
    expect_same_slice(a->model, b->model);
    EXPECT_INT(a->task, b->task);
    EXPECT_INT(a->tier, b->tier);
    EXPECT_INT(a->complexity_permille, b->complexity_permille);
    EXPECT_INT(a->streamed, b->streamed);
    EXPECT_INT(a->status, b->status);
    expect_same_slice(a->error, b->error);
    EXPECT_INT(a->attempts, b->attempts);
    EXPECT_INT(a->cost_nd, b->cost_nd);
    EXPECT_INT(a->baseline_nd, b->baseline_nd);
    expect_same_slice(a->baseline, b->baseline);
    EXPECT_INT(a->input_tokens, b->input_tokens);
    EXPECT_INT(a->output_tokens, b->output_tokens);
    EXPECT_INT(a->expected_cost_nd, b->expected_cost_nd);
    EXPECT_INT(a->first_byte_us, b->first_byte_us);
    EXPECT_INT(a->total_us, b->total_us);
    EXPECT_INT(a->complete, b->complete);
    EXPECT(a->baseline_offer == b->baseline_offer);
    for (unsigned kind = SCOPE_KEY + 1; kind < SCOPE_KINDS; kind++) {
        EXPECT(a->scopes[kind] == b->scopes[kind]);
    }
    expect_same_slice(a->tag, b->tag);
    EXPECT_INT(a->verdict, b->verdict);
    expect_same_slice(a->candidates, b->candidates);
}

#endif
