/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who tells people of what all nodes of a cluster notice: the node whose row is in the table
 * `alerts`. Its claim holds until it says that they were told; if it does not within
 * ALERT_CLAIM_S, or does not live any more, another node takes it. So people are told once, and
 * twice only where a node died between telling and saying so. One thread at a time; it waits for
 * PostgreSQL.
 */
#ifndef SLUICE_STORE_ALERT_CLAIM_H
#define SLUICE_STORE_ALERT_CLAIM_H

#include "store/cluster_member.h"

#define ALERT_NAME_SIZE 256
#define ALERT_CLAIM_S 60
#define ALERTS_KEPT_DAYS 400

struct alert_claims;

MUST_USE struct alert_claims *alert_claims_new(struct cluster_member *member, struct error *error);
/* Any thread, for good: what is asked now ends. */
void alert_claims_stop(struct alert_claims *claims);
void alert_claims_free(struct alert_claims *claims); /* NULL-safe; before the member */

enum alert_claim {
    ALERT_MINE,   /* this node tells it */
    ALERT_THEIRS, /* another one is about to: ask again later */
    ALERT_TOLD,   /* people know */
};
/* `name` says what is told, in the same words on all nodes. again_s: what was told so long ago may
 * be told once more; 0: never. Errors: postgres.h's and cluster_member.h's. */
MUST_USE bool alert_claim(struct alert_claims *claims, struct slice name, int64_t again_s,
                          enum alert_claim *ret_claim, struct error *error);
/* People were told by this node. */
MUST_USE bool alert_told(struct alert_claims *claims, struct slice name, struct error *error);

#endif
