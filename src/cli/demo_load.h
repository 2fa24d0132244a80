/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The demo's client: sends each prompt of a workload through the gateway over HTTP, a number of
 * them at a time, and adds up what the answers' headers and usage say.
 */
#ifndef SLUICE_CLI_DEMO_LOAD_H
#define SLUICE_CLI_DEMO_LOAD_H

#include "cli/demo_fleet.h"

enum demo_difficulty { DEMO_UNLABELLED, DEMO_EASY, DEMO_HARD };

struct demo_sum {
    int64_t calls;
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t cost_nd;
    int64_t easy;
    int64_t hard;
};

struct demo_result {
    struct demo_sum by_target[DEMO_TARGETS_MAX]; /* in the workload's order */
    struct demo_sum total;
    int64_t baseline_nd; /* as the gateway reckons it */
    int64_t failed;
    int64_t duration_ns;
};

struct demo_load_options {
    const struct demo_workload *workload;
    uint16_t port;
    size_t limit; /* prompts to send at most; 0: all */
    unsigned parallel;
    /* Called now and then with how many are done. May be NULL. */
    void (*progress)(void *user, size_t done, size_t total);
    void *user;
};

/* Runs to the end on the caller's thread. False: *error (nothing could be sent). */
MUST_USE bool demo_load_run(const struct demo_load_options *options, struct demo_result *ret_result,
                            struct error *error);

#endif
