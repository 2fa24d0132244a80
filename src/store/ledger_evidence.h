/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence in the ledger: sums by day in the table `evidence`, the feedback of calls in `feedback`.
 * Written in the writer's transaction with the journal's position, so each record counts exactly
 * once, whatever is killed when. What a batch added is told once it is committed.
 */
#ifndef SLUICE_STORE_LEDGER_EVIDENCE_H
#define SLUICE_STORE_LEDGER_EVIDENCE_H

#include "base/error.h"
#include "store/evidence_record.h"

#define EVIDENCE_DAYS_KEPT 400

/* One thing that changed; as in struct evidence_sum, with texts of its own. */
struct evidence_change {
    enum evidence_source source;
    enum evidence_of of;
    enum task task;
    int64_t day;
    uint64_t key_id; /* who said it, or 0 */
    double score;
    double weight; /* negative: taken back */
    char name[256];
    char target[256];
};

/* All sums that are younger than EVIDENCE_DAYS_KEPT at `wall_s`, in no order, on a connection of
 * its own. Texts live during the call. */
MUST_USE bool ledger_evidence_read(const char *path, int64_t wall_s,
                                   void (*each)(void *user, const struct evidence_sum *sum),
                                   void *user, struct error *error);

#endif
