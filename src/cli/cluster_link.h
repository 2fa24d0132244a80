/* SPDX-License-Identifier: Apache-2.0 */
/* A command's own way into the cluster, for when no server runs on this node. */
#ifndef SLUICE_CLI_CLUSTER_LINK_H
#define SLUICE_CLI_CLUSTER_LINK_H

#include "cli/load.h"
#include "store/key_share.h"
#include "store/report_cluster.h"

struct cluster_link {
    struct cluster_member *member; /* NULL: this node is alone */
    struct key_share *share;
    struct cluster_reports *reports;
};

/* The ledger must be there; of a node that is alone it need not. Does not connect yet. */
MUST_USE bool cluster_link_open(struct cluster_link *link, const struct ledger_place *place,
                                struct error *error);
void cluster_link_close(struct cluster_link *link);

#endif
