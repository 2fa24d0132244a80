/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cluster has in PostgreSQL: the schema `sluice`, made and migrated by whichever node comes
 * first, one at a time. Who adds tables adds a migration here. One row of `cluster` names the
 * cluster; its incarnation is raised when the server is another one than before or was restored or
 * failed over (another system identifier or timeline): what it says may then be older than what
 * nodes know.
 */
#ifndef SLUICE_STORE_PG_SCHEMA_H
#define SLUICE_STORE_PG_SCHEMA_H

#include "store/postgres.h"

#define PG_SCHEMA_VERSION 14
#define UUID_TEXT_SIZE 37

struct pg_cluster {
    char id[UUID_TEXT_SIZE];
    int64_t incarnation; /* 1, 2, 3 ... */
};

/*
 * Outside a transaction. `remembered`: the cluster that this node belongs to, or empty: none yet;
 * then the schema is made where there is none. Errors besides postgres.h's: "authority_lost"
 * (nothing there, or another cluster: nothing is made), "authority_newer".
 */
MUST_USE bool pg_schema_prepare(struct postgres *postgres, struct slice remembered,
                                struct pg_cluster *ret_cluster, struct error *error);
/* The statements that make version `version` (1 ...) of the one before, for who wants to see an
 * older one migrated. */
const char *pg_schema_step(int version);
/* Inside a transaction that notices it has the older truth: raises the incarnation. */
MUST_USE bool pg_schema_raise(struct postgres *postgres, struct error *error);

#endif
