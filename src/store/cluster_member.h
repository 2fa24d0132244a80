/* SPDX-License-Identifier: Apache-2.0 */
/*
 * This node as a member of a cluster: the cluster's identifier, the node's number there and the
 * incarnation it last saw. Kept in the ledger (`cluster_state`), so a node knows where it belongs
 * while PostgreSQL is away. One object for all threads that have a connection of their own: each
 * passes member_connected() and the member as postgres_options.on_connect and .user, and so no
 * statement ever runs against a database that is not this cluster's.
 *
 * Errors besides postgres.h's and pg_schema.h's, all ERROR_ENVIRONMENT: "node_taken" (another
 * ledger has this name in the cluster, or this ledger another name), "node_removed".
 */
#ifndef SLUICE_STORE_CLUSTER_MEMBER_H
#define SLUICE_STORE_CLUSTER_MEMBER_H

#include "store/database.h"
#include "store/pg_schema.h"

#define NODE_NAME_SIZE 128
/* A node that was not seen for so long is not waited for. It says so every NODE_SEEN_MS. */
#define NODE_LIVE_S 10
#define NODE_SEEN_MS 2000
/* What a node knows of PostgreSQL's state goes into its ledger as often as this. */
#define NODE_KEEP_MS 5000
/* The same as NODE_LIVE_S in SQL, of a row of `nodes`. */
#define NODE_IS_LIVE                                                                               \
    "(removed_at IS NULL AND NOT stopped AND seen_at > clock_timestamp() - interval '10 s')"

struct cluster_member;

struct member_options {
    const char *path;       /* of the ledger: exists and has this version's tables */
    struct slice node;      /* cluster.node */
    const char *connection; /* cluster.postgres */
    const char *version;    /* of this program */
};

/* Reads the ledger, asks nobody. Errors of database_open(); "ledger_old". */
MUST_USE struct cluster_member *member_new(const struct member_options *options,
                                           struct error *error);
/* NULL-safe; after all connections that use it. */
void member_free(struct cluster_member *member);

/* A connection of the calling thread's own, not yet made; `what` is a word for the server's list,
 * e.g. "keys". */
MUST_USE struct postgres *member_postgres(struct cluster_member *member, const char *what,
                                          struct error *error);

struct member_facts {
    char cluster[UUID_TEXT_SIZE];  /* "" before the first connection of all */
    char instance[UUID_TEXT_SIZE]; /* of the ledger: no other has it */
    int64_t node;                  /* `nodes.id`; 0 before the first connection of all */
    int64_t incarnation;           /* as of the last connection; 0 before it */
    int64_t nodes;                 /* that were not stopped or removed, this one among them, as this
                                      process was told last; 0: it was not */
    int64_t exchanges; /* of leases (lease_postgres.h), of all nodes: PostgreSQL knew of so
                          many; 0: this node was told of none */
};
/* Any thread. */
struct member_facts member_facts(struct cluster_member *member);
const char *member_name(const struct cluster_member *member);
const char *member_path(const struct cluster_member *member);

/* The ledger at `path` belongs to no cluster any more, and may join one as if for the first time
 * (the one it was in gives it its number again). `keys`: without its keys, and the audit log with
 * them: it takes those of the cluster that it joins. Not while a server runs on it. */
MUST_USE bool member_forget(const char *path, bool keys, struct error *error);

/* PostgreSQL knows of so many exchanges of leases: facts.exchanges, which only grows by this. */
void member_told_exchanges(struct cluster_member *member, int64_t exchanges);
/* Writes facts.exchanges into the ledger, where that was not done for NODE_KEEP_MS or `now`, so
 * that a node that was started anew notices an older PostgreSQL too. */
MUST_USE bool member_keep_exchanges(struct cluster_member *member, sqlite3 *db, bool now);
/* An older PostgreSQL was noticed, and the cluster's incarnation raised: it counts from there. */
MUST_USE bool member_forget_exchanges(struct cluster_member *member, struct error *error);

/* Counts them: facts.nodes. */
MUST_USE bool member_count_nodes(struct cluster_member *member, struct postgres *postgres,
                                 struct error *error);
/* Says that this node lives (or stops). */
MUST_USE bool member_seen(struct cluster_member *member, struct postgres *postgres, bool stopping,
                          struct error *error);

#endif
