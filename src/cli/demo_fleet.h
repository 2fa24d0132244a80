/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated fleets of `sluice demo` and `sluice --demo`: providers, models, prices and
 * latencies as rows of data, the fake providers behind them (src/sim), and the configuration that
 * names them. Nothing here decides where a request goes.
 */
#ifndef SLUICE_CLI_DEMO_FLEET_H
#define SLUICE_CLI_DEMO_FLEET_H

#include "base/buf.h"
#include "base/error.h"
#include "sim/sim.h"

#define DEMO_TARGETS_MAX 8

struct demo_target {
    const char *name;     /* in the configuration and the table */
    const char *title;    /* for people */
    const char *provider; /* preset and name of the provider */
    const char *model;    /* the provider's name */
    const char *price_in; /* dollars per million tokens, as text; NULL: local, free */
    const char *price_out;
    unsigned latency_ms;
};

struct demo_workload {
    const char *name; /* "mixed" */
    const char *title;
    const struct demo_target *targets;
    size_t target_count;
    const char *baseline; /* target that savings are measured against */
    /* JSON lines: {"prompt","task","difficulty"?,"input_tokens"?,"output_tokens"?} */
    struct slice (*lines)(void);
    unsigned answer_tokens; /* length of every answer; 0: by the prompt */
    unsigned per_month;     /* how often it happens in a month; 0: not said */
};

extern const struct demo_workload demo_mixed;
extern const struct demo_workload demo_coding_day;

/* A price of the command line instead of the row's: "gpt4=20/40" or "gpt4=20". */
struct demo_price {
    const char *target;
    char in[24];
    char out[24];
};

struct demo_fleet {
    const struct demo_workload *workload;
    struct demo_price prices[DEMO_TARGETS_MAX];
    size_t price_count;
    struct sim *sim;
    char rules[1024];
};

/* Reads "NAME=IN[/OUT]". False: *error. */
MUST_USE bool demo_price_add(struct demo_fleet *fleet, const char *text, struct error *error);
/* Starts the providers; their latencies are divided by `divisor`. */
MUST_USE bool demo_fleet_start(struct demo_fleet *fleet, const struct demo_workload *workload,
                               unsigned divisor, struct error *error);
void demo_fleet_stop(struct demo_fleet *fleet);
/* The configuration text; `ledger` is a path, `listen` an address. */
void demo_fleet_write_config(const struct demo_fleet *fleet, const char *listen, const char *ledger,
                             struct buf *out);

#endif
