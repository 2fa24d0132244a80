/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What another policy would have done with the same calls. A call is one that a ledger recorded, or
 * a line of a workload; "before" is what was recorded, or what the present configuration would do;
 * "after" is what the other policy would. Nothing is sent.
 *
 * What is not known is said as such: an answer that another target would have given has a length
 * that is predicted, so its price has a spread. Lengths err in two ways: each call by itself, which
 * evens out over many, and all calls of one kind together (the other model is more verbose than it
 * was taken for), which does not; both are in the interval of the sum.
 */
#ifndef SLUICE_CLI_REPLAY_H
#define SLUICE_CLI_REPLAY_H

#include "base/arena.h"
#include "base/map.h"
#include "config/snapshot.h"
#include "model/task.h"

#include <stdio.h>

#define REPLAY_NAME_MAX 128 /* bytes of a target's name that are shown */

/* One side of a call. */
struct replay_choice {
    struct slice target; /* empty: it was refused */
    enum tier tier;
    int64_t cost_nd;
    int64_t output_nd;    /* the part of it that a predicted length makes */
    double spread;        /* of that part: standard deviation by its mean, of one call */
    double common_spread; /* and of all calls of its kind together */
    int64_t latency_ms;   /* 0: not known */
};

struct replay_call {
    struct slice id;
    enum task task;
    struct replay_choice before;
    struct replay_choice after;
    int64_t baseline_nd; /* at the other policy's baseline; negative: it has none */
};

struct replay_sum {
    int64_t cost_nd;
    int64_t baseline_nd; /* of the calls that were answered: who refuses saves nothing */
    double variance;     /* of the cost, nano-dollars squared: of each call by itself */
    int64_t tiers[TIER_COUNT];
    int64_t refused;
    int64_t latency_ms; /* sum */
    int64_t timed;      /* calls whose latency is known */
};

/* Calls of one task that went from one target to another. */
struct replay_kind {
    struct slice from; /* empty: refused */
    struct slice to;
    enum task task;
    int64_t calls;
    int64_t before_nd;
    int64_t after_nd;
    int64_t output_nd[2]; /* before, after */
    double spread[2];     /* common to all of them */
};

struct replay_tally {
    int64_t calls;
    int64_t changed;
    int64_t baseline_nd;
    int64_t no_baseline; /* calls */
    struct replay_sum before;
    struct replay_sum after;
    struct map by_kind; /* of struct replay_kind */
    struct arena arena;
    bool failed; /* out of memory */
    /* What is left out, and why. */
    int64_t named;      /* the caller had named the target: no policy was asked */
    int64_t unanswered; /* recorded without an answer */
    int64_t rerouted;   /* the route's name is not in the other policy: auto was asked */
};

void replay_tally_init(struct replay_tally *tally);
void replay_tally_release(struct replay_tally *tally);
void replay_tally_add(struct replay_tally *tally, const struct replay_call *call);
/* 80 % interval of the sum: cost_nd -+ this. `side` 0 is before. */
int64_t replay_tally_doubt_nd(const struct replay_tally *tally, unsigned side);
/* Kinds by how much they change the sum, the largest first; in the tally's arena, NULL: no memory.
 */
const struct replay_kind **replay_tally_kinds(struct replay_tally *tally, size_t *ret_count);

struct replay {
    struct replay_tally tally;
    struct snapshot *policy;  /* the other one */
    struct snapshot *present; /* what a workload is compared with; NULL: the other one's baseline.
                                 Of recorded calls: what they were made under; NULL: not known */
    const char *route;        /* asked for instead of the recorded one; NULL: that */
    FILE *rows;               /* a JSON line for each call; NULL: none wanted */
    struct buf row;
    int64_t wall_ns;    /* of workloads: when they are taken to be asked, for rules by the hour */
    const char *source; /* what was replayed, for people */
    bool baseline_only; /* there is nothing to compare with */
    double seconds;     /* that it took */
};

/* Every call of the ledger from since_s on. Errors: of the ledger; "no_route". */
MUST_USE bool replay_ledger(struct replay *replay, const char *path, int64_t since_s,
                            struct error *error);
/* Every line of a workload: {"prompt": ...} or a request's body; `output_tokens` (a number, or an
 * object by target) is how long the answer is. Errors: "bad_row" with the line, of read_input(). */
MUST_USE bool replay_workload(struct replay *replay, const char *path, struct error *error);

/* Counts the call and writes its row. */
void replay_take(struct replay *replay, const struct replay_call *call);

#define REPLAY_TIME_SIZE 20 /* "2026-11-23T09:30", of this machine's zone */
void replay_write_time(const struct replay *replay, char text[REPLAY_TIME_SIZE]);
void replay_write_text(struct replay *replay, struct buf *out);
void replay_write_json(struct replay *replay, struct buf *out);
void replay_write_row(const struct replay_call *call, struct buf *out);

#endif
