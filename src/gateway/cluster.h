/* SPDX-License-Identifier: Apache-2.0 */
/*
 * This node in a cluster (section `cluster`): what runs beside the workers when there is a
 * PostgreSQL behind them. Nothing here, and no thread, when there is none. What changes in the
 * section takes a restart.
 */
#ifndef SLUICE_GATEWAY_CLUSTER_H
#define SLUICE_GATEWAY_CLUSTER_H

#include "base/buf.h"
#include "base/error.h"
#include "store/cluster_member.h"
#include "store/key_share.h"
#include "store/lease_postgres.h"
#include "store/ledger_ship.h"
#include "store/report_cluster.h"

struct gateway;

struct gateway_cluster {
    struct cluster_member *member; /* NULL: this node is alone; so is the rest then */
    struct key_share *share;
    struct lease_postgres *leases; /* of caps */
    struct ledger_ship *ship;
    struct cluster_reports *reports;
};

/* After the ledger is open, before there are workers; asks nobody. */
MUST_USE bool gateway_cluster_open(struct gateway *gateway, struct error *error);
/* After the budget is filled, before there are workers: from now on caps are leased. */
MUST_USE bool gateway_cluster_lease(struct gateway *gateway, struct error *error);
/* When the workers run. */
MUST_USE bool gateway_cluster_start(struct gateway *gateway, struct error *error);
void gateway_cluster_metrics(struct gateway *gateway, struct buf *out);
/* When they have ended, before they are freed: nothing asks them any more. */
void gateway_cluster_stop(struct gateway *gateway);
/* When the ledger is closed. */
void gateway_cluster_close(struct gateway *gateway);

#endif
