/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the store share: a directory that goes away, and made-up records. Records are a
 * function of a seed, so that a parent can tell what a killed child has written.
 */
#ifndef TESTS_STORE_TESTING_H
#define TESTS_STORE_TESTING_H

#include "base/buf.h"
#include "store/key_change.h"
#include "store/record.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct scratch {
    char path[128]; /* a directory, 0700 */
};

static inline void scratch_init(struct scratch *scratch)
{
    snprintf(scratch->path, sizeof(scratch->path), "/tmp/sluice-store-XXXXXX");
    CHECK(mkdtemp(scratch->path) != NULL);
}

/* "DIRECTORY/name" in a buffer of the caller's. */
static inline char *scratch_file(const struct scratch *scratch, const char *name, char buffer[256])
{
    snprintf(buffer, 256, "%s/%s", scratch->path, name);
    return buffer;
}

/* Removes files; `deeper` times also directories in it. */
static inline void remove_tree(const char *path, int deeper)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char child[512];
        struct buf name = BUF_INIT(sizeof(child));
        buf_append_cstr(&name, path);
        buf_append_char(&name, '/');
        buf_append_cstr(&name, entry->d_name);
        slice_to_cstr(buf_slice(&name), child, sizeof(child));
        buf_release(&name);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (unlink(child) != 0 && deeper > 0) {
            remove_tree(child, deeper - 1);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    rmdir(path);
}

static inline void scratch_release(struct scratch *scratch)
{
    remove_tree(scratch->path, 2);
}

/* 2020-01-01 00:00 UTC: before any clock that runs the tests. */
#define SAMPLE_START_NS (1577836800LL * NS_PER_S)

/* Who changes keys in tests. */
static const struct key_actor tester = {
    .name = {"tester", 6}, .source = {"test", 4}, .wall_ns = 1790000000 * NS_PER_S};

static inline struct id sample_id(uint64_t seed)
{
    struct clock_manual clock;
    struct random random;
    clock_manual_init(&clock, 0, SAMPLE_START_NS + (int64_t)seed * 37 * NS_PER_S);
    random_seed(&random, seed + 1);
    return id_make(&clock.clock, &random);
}

static inline struct slice sample_word(const char *const *words, size_t count,
                                       struct random *random)
{
    return slice_from_cstr(words[random_below(random, count)]);
}

static const char *const sample_targets[] = {"llama", "haiku", "gpt4", "gpt4d", "ds-flash"};
static const char *const sample_providers[] = {"ollama", "openrouter", "openrouter", "openai",
                                               "deepseek"};
static const char *const sample_models[] = {"llama2:7b", "anthropic/claude-3-haiku", "openai/gpt-4",
                                            "gpt-4", "deepseek-v4-flash"};
static const char *const sample_lanes[] = {"verbatim", "edit", "translate"};
static const char *const sample_errors[] = {"", "upstream_timeout", "rate_limited", "bad_answer"};
static const char *const sample_routes[] = {"auto", "coding", "fast"};
static const char *const sample_keys[] = {"", "alice", "bob", "ci \xC3\xA9quipe"};

static inline int64_t sample_cost(uint64_t seed, uint32_t attempt)
{
    return (int64_t)((seed * 7919 + attempt * 104729) % 5000000);
}

static inline uint32_t sample_attempts(uint64_t seed)
{
    return (uint32_t)(seed % 7 == 0 ? 3 : seed % 3 == 0 ? 2 : seed % 11 == 0 ? 0 : 1);
}

static inline size_t which_target(uint64_t seed, uint32_t attempt)
{
    return (seed + attempt) % ARRAY_LEN(sample_targets);
}

/* Two for every call, of offers that nobody recorded. */
static const char sample_candidates[2 * CANDIDATE_BYTES] = "0123456789abcdefFEDCBA987654321";

static inline struct hold_record sample_hold(uint64_t seed, uint32_t attempt)
{
    size_t which = which_target(seed, attempt);
    bool facts = seed % 7 == 0; /* the others are as older versions wrote them */
    return (struct hold_record){
        .call = sample_id(seed),
        .attempt = attempt,
        .wall_ns = SAMPLE_START_NS + (int64_t)seed * 37 * NS_PER_S + attempt,
        .amount_nd = sample_cost(seed, attempt) * 2 + 1,
        .key_id = seed % ARRAY_LEN(sample_keys),
        .target = slice_from_cstr(sample_targets[which]),
        .provider = slice_from_cstr(sample_providers[which]),
        .model = slice_from_cstr(sample_models[which]),
        .scopes = {[SCOPE_USER] = seed % 3 == 0 ? 1 + seed % 2 : 0,
                   [SCOPE_ORGANISATION] = seed % 3 == 0 ? 3 : 0},
        .limited_model = seed % 6 == 0 ? SLICE("auto") : SLICE_EMPTY,
        .key_name =
            facts ? slice_from_cstr(sample_keys[seed % ARRAY_LEN(sample_keys)]) : SLICE_EMPTY,
        .endpoint = facts ? SLICE("/v1/chat/completions") : SLICE_EMPTY,
        .asked_model = facts ? SLICE("auto") : SLICE_EMPTY,
        .route =
            facts ? slice_from_cstr(sample_routes[seed % ARRAY_LEN(sample_routes)]) : SLICE_EMPTY,
        .task = facts ? (enum task)(seed % TASK_COUNT) : TASK_OTHER,
        .tier = facts ? (enum tier)(seed % TIER_COUNT) : (enum tier)0,
        .complexity_permille = facts ? (int32_t)(seed % 1001) : 0,
        .tag = facts ? SLICE("nightly") : SLICE_EMPTY,
    };
}

/* Of two calls in three. */
static inline struct settle_forecast sample_forecast(uint64_t seed, uint32_t attempt)
{
    struct random random;
    random_seed(&random, seed * 64 + attempt);
    if (seed % 3 == 0) {
        return (struct settle_forecast){.given = false};
    }
    return (struct settle_forecast){
        .given = true,
        .streamed = seed % 2 == 0,
        .task = (enum task)random_below(&random, TASK_COUNT),
        .input = (int64_t)random_below(&random, 20000),
        .output = (int64_t)random_below(&random, 4000),
        .output_high = (int64_t)random_below(&random, 9000),
        .cost_nd = 1000000,
        .latency_ms = (int64_t)random_below(&random, 3000),
        .has_output = seed % 7 != 0,
        .has_thinking = seed % 5 != 0,
        .has_input = seed % 11 != 0,
        .thinks = seed % 4 == 0,
        .log_output = (int32_t)random_below(&random, 20001) - 10000,
        .log_thinking = (int32_t)random_below(&random, 30001),
        .log_input = (int32_t)random_below(&random, 4001) - 2000,
        .size = (unsigned)random_below(&random, FORECAST_SIZES),
        .first_bucket =
            seed % 2 == 0 ? (unsigned)random_below(&random, FORECAST_BUCKETS) : FORECAST_NO_BUCKET,
        .total_bucket = (unsigned)random_below(&random, FORECAST_BUCKETS),
    };
}

static inline struct settle_record sample_settle(uint64_t seed, uint32_t attempt)
{
    struct hold_record hold = sample_hold(seed, attempt);
    struct random random;
    random_seed(&random, seed * 16 + attempt);
    bool last = attempt >= sample_attempts(seed);
    return (struct settle_record){
        .call = hold.call,
        .attempt = attempt,
        .wall_ns = hold.wall_ns + 400 * NS_PER_MS,
        .released_nd = hold.amount_nd,
        .cost_nd = sample_cost(seed, attempt),
        .key_id = hold.key_id,
        .outcome = last ? (enum attempt_outcome)(seed % 5 == 0 ? ATTEMPT_CUT : ATTEMPT_OK)
                        : ATTEMPT_FAILED,
        .status = last ? 200 : 429,
        .usage = {.input = (int64_t)random_below(&random, 20000),
                  .output = (int64_t)random_below(&random, 4000),
                  .cache_read = (int64_t)random_below(&random, 3000),
                  .reasoning = (int64_t)random_below(&random, 100),
                  .has_provider_cost = seed % 4 == 1,
                  .provider_cost_nd = seed % 4 == 1 ? 12345 : 0,
                  .reported = seed % 13 != 0},
        .priced = seed % 17 != 0,
        .first_byte_us = last ? 150000 : -1,
        .total_us = 400000,
        .target = hold.target,
        .provider = hold.provider,
        .model = hold.model,
        .lane = sample_word(sample_lanes, ARRAY_LEN(sample_lanes), &random),
        .error = last ? SLICE_EMPTY : sample_word(sample_errors, ARRAY_LEN(sample_errors), &random),
        .loss = seed % 19 == 0 ? SLICE("seed,logit_bias") : SLICE_EMPTY,
        .offer = seed % 5 == 0 ? 0 : 0xFEDCBA9876543210u + which_target(seed, attempt),
        .basis =
            seed % 5 == 0 ? CHARGE_UNRECORDED : CHARGE_PRICE, /* of an offer that is not known */
        .purpose = !last && seed % 14 == 0 ? ATTEMPT_FOR_JUDGE : ATTEMPT_FOR_ANSWER,
        .catalogue_nd = RECORD_NO_CATALOGUE,
        .forecast = sample_forecast(seed, attempt),
    };
}

static inline struct call_record sample_call(uint64_t seed)
{
    uint32_t attempts = sample_attempts(seed);
    struct settle_record last = sample_settle(seed, attempts == 0 ? 1 : attempts);
    struct random random;
    random_seed(&random, seed * 31);
    struct call_record call = {
        .call = last.call,
        .wall_ns = SAMPLE_START_NS + (int64_t)seed * 37 * NS_PER_S,
        .key_id = last.key_id,
        .key_name = slice_from_cstr(sample_keys[last.key_id]),
        .endpoint = SLICE("/v1/chat/completions"),
        .asked_model = SLICE("auto"),
        .route = sample_word(sample_routes, ARRAY_LEN(sample_routes), &random),
        .task = (enum task)random_below(&random, TASK_COUNT),
        .tier = (enum tier)random_below(&random, TIER_COUNT),
        .complexity_permille = (int32_t)random_below(&random, 1001),
        .streamed = seed % 2 == 0,
        .status = 200,
        .attempts = attempts,
        .baseline_nd = 9000000,
        .baseline = SLICE("gpt4d"),
        .input_tokens = last.usage.input,
        .output_tokens = last.usage.output,
        .expected_cost_nd = 1000000,
        .first_byte_us = 150100,
        .total_us = 400200,
        .complete = seed % 5 != 0,
        .baseline_offer = seed % 5 == 0 ? 0 : 0x0123456789ABCDEFu,
        .tag = seed % 7 == 0 ? SLICE("nightly") : SLICE_EMPTY,
        .verdict = seed % 2 == 0 ? verdict_pack((enum call_verdict)(1 + seed % 3),
                                                seed % 3 == 0 ? (unsigned)(seed % 15)
                                                              : VERDICT_NO_CHECK,
                                                (unsigned)(seed % 1001))
                                 : 0,
        .candidates =
            seed % 5 == 0 ? SLICE_EMPTY : slice_of(sample_candidates, sizeof(sample_candidates)),
    };
    for (unsigned kind = SCOPE_KEY + 1; kind < SCOPE_KINDS; kind++) {
        call.scopes[kind] = sample_hold(seed, 1).scopes[kind];
    }
    for (uint32_t i = 1; i <= attempts; i++) {
        call.cost_nd += sample_cost(seed, i);
    }
    if (attempts > 0) {
        call.target = last.target;
        call.provider = last.provider;
        call.model = last.model;
    } else {
        call.status = 422;
        call.error = SLICE("no_feasible_target");
        call.complete = false;
    }
    return call;
}

#endif
