/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The questions of report.h to the whole cluster: what all nodes have shipped to PostgreSQL. They
 * block like the others; one at a time. Where PostgreSQL does not answer, `fallback` says so, and
 * the caller asks its own ledger.
 */
#ifndef SLUICE_STORE_REPORT_CLUSTER_H
#define SLUICE_STORE_REPORT_CLUSTER_H

#include "store/cluster_member.h"
#include "store/report.h"

struct cluster_reports;

MUST_USE struct cluster_reports *cluster_reports_new(struct cluster_member *member,
                                                     struct error *error);
/* NULL-safe; nobody asks any more. */
void cluster_reports_free(struct cluster_reports *reports);

/* As report_make(), report_calls() and report_call(), or with a key those of one key's own calls:
 * its sums are made of the calls that are still there. Errors besides theirs: postgres.h's. */
MUST_USE bool cluster_report_make(struct cluster_reports *reports, uint64_t key, enum report_by by,
                                  int64_t since_s, int64_t until_s, struct report *ret_report,
                                  struct error *error);
MUST_USE bool cluster_report_calls(struct cluster_reports *reports, uint64_t key,
                                   struct slice before, size_t limit, struct arena *arena,
                                   struct call_page *ret_page, struct error *error);
MUST_USE bool cluster_report_call(struct cluster_reports *reports, uint64_t key, struct id call,
                                  struct arena *arena, struct call_detail *ret_detail,
                                  struct error *error);

#define CLUSTER_NODES_MAX 256
/* Why others wait for a node. */
enum cluster_wait {
    WAIT_KEYS_TAKEN, /* it lives and has not taken a change of the keys: changes are answered late,
                        and caps that are new grant nothing */
    WAIT_KEYS_TOLD,  /* PostgreSQL was restored, and it may know newer changes: none is made */
    WAIT_CAPS_TOLD,  /* it has not told what it spent and has: caps grant nothing */
    CLUSTER_WAITS,
};
struct cluster_node {
    int64_t id;
    char name[NODE_NAME_SIZE];
    char version[32];
    int64_t seen_us; /* since 1970 */
    bool live;
    bool stopped;
    int64_t key_seq;
    int64_t shipped;    /* number of its last batch */
    int64_t shipped_us; /* when */
    int64_t calls;      /* of all that it has shipped */
    int64_t cost_nd;
    int64_t since_us[CLUSTER_WAITS]; /* since 1970; 0: not for this. Of a node that is away: when it
                                        was seen last */
};
struct cluster_status {
    struct pg_cluster cluster;
    int64_t key_head;
    int64_t calls;              /* rows; reports reach back further than retention leaves calls */
    struct cluster_node *nodes; /* in `arena`, without those that were removed */
    size_t count;
};
MUST_USE bool cluster_status(struct cluster_reports *reports, struct arena *arena,
                             struct cluster_status *ret_status, struct error *error);

/* Are the sums of each node's rows its rollups, and every call the sum of its attempts?
 * "ledger_violation" names what is not. Reads all calls: minutes where there are millions. */
MUST_USE bool cluster_verify(struct cluster_reports *reports, struct error *error);
/* Takes a node out: its name is free, nobody waits for it. "node_not_found"; "node_live": it was
 * seen a moment ago and has not stopped. */
MUST_USE bool cluster_remove(struct cluster_reports *reports, struct slice name,
                             struct error *error);

#endif
