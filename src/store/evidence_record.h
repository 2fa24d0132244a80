/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer was worth, as a record of the journal and as sums of the ledger. A verdict counts
 * as it comes; of feedback there is one for each call, and a later one replaces it. The ledger's
 * writer adds both up by day, for the call's task, for its tag and for its route; of the route by
 * what had been expected of the answer, so that expectations can be compared with what came of
 * them. Pure; any thread.
 */
#ifndef SLUICE_STORE_EVIDENCE_RECORD_H
#define SLUICE_STORE_EVIDENCE_RECORD_H

#include "base/id.h"
#include "base/slice.h"
#include "model/task.h"

/* The numbers are in databases. */
enum evidence_source {
    EVIDENCE_VERDICT = 1,
    EVIDENCE_FEEDBACK = 2,
    EVIDENCE_CHECK =
        3, /* how good an answer was of which a check said `label`: not of the target */
};

#define EVIDENCE_PPM 1000000 /* scores and weights are millionths */
#define EVIDENCE_WEIGHT_PPM_MAX (16 * EVIDENCE_PPM)

struct evidence_record {
    struct id call;
    int64_t wall_ns;
    enum evidence_source source;
    uint32_t score_ppm;        /* 0 .. EVIDENCE_PPM */
    uint32_t weight_ppm;       /* how often it counts, up to EVIDENCE_WEIGHT_PPM_MAX */
    uint32_t success_permille; /* what had been expected; 0: not known */
    uint64_t key_id;           /* who says it; 0: nobody in particular */
    enum task task;
    struct slice tag;    /* of the call, or empty */
    struct slice route;  /* or empty */
    struct slice target; /* that answered */
    struct slice label;  /* free text, or empty; of EVIDENCE_CHECK: see route/check_weight.h */
};

/* `out` has room for EVIDENCE_BYTES_MAX; returns the bytes used. Texts are cut to 255 bytes. */
#define EVIDENCE_BYTES_MAX (64 + 4 * 256)
size_t evidence_record_encode(const struct evidence_record *record, char *out);
/* False: not the exact encoding of a record. Texts point into the bytes. */
MUST_USE bool evidence_record_decode(struct slice bytes, struct evidence_record *ret_record);

/* What sums are of. The numbers are in databases. */
enum evidence_of {
    EVIDENCE_OF_TASK = 1,
    EVIDENCE_OF_TAG = 2,
    EVIDENCE_OF_ROUTE = 3,
    EVIDENCE_OF_CHECK = 4, /* by the name that the record's label is */
};
#define EVIDENCE_STEPS 10 /* of what was expected: "0" for less than .1, up to "9" */
unsigned evidence_step(uint32_t success_permille);

struct evidence_sum {
    enum evidence_of of;
    enum task task;      /* of a task */
    struct slice name;   /* of a tag, route or check */
    struct slice target; /* or the step, as a digit, of a route */
    int64_t day;         /* since 1970 */
    double good;         /* may be negative: what was replaced */
    double bad;
};

#endif
