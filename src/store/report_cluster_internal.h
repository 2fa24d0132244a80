/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the cluster's reports share. */
#ifndef SLUICE_STORE_REPORT_CLUSTER_INTERNAL_H
#define SLUICE_STORE_REPORT_CLUSTER_INTERNAL_H

#include "store/report_cluster.h"

#include <pthread.h>

struct cluster_reports {
    pthread_mutex_t lock;
    struct postgres *postgres; /* under it */
    const char *path;          /* of this node's ledger, which has the names of all scopes */
};

/* Whose turn it is has a connection, until the end, which rolls back. */
MUST_USE bool reports_begin(struct cluster_reports *reports, struct error *error);
void reports_end(struct cluster_reports *reports);
/* Always false. */
bool reports_no_memory(struct error *error);

#endif
