/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts of caps in a cluster, where each node notices them: one node sends each to the webhook
 * (store/alert_claim.h). The others keep theirs until that node says that it did, and send it
 * themselves when it does not, or dies. Without PostgreSQL each sends its own, since twice is
 * better than never. The main thread's; PostgreSQL is asked on libuv's pool, one question at a
 * time.
 */
#ifndef SLUICE_GATEWAY_ALERT_SHARE_H
#define SLUICE_GATEWAY_ALERT_SHARE_H

#include "gateway/webhook.h"
#include "store/alert_claim.h"
#include "store/budget.h"

struct alert_share;

/* The webhook and the loop are the main thread's and outlive it. */
MUST_USE struct alert_share *alert_share_new(struct cluster_member *member, struct net_loop *loop,
                                             struct webhook *webhook, struct error *error);
/* Takes a copy of the JSON. Nothing happens where there is no webhook. */
void alert_share_send(struct alert_share *share, const struct budget_alert *alert,
                      struct slice json);
/* Gives up what waits; before webhook_close(). NULL-safe. */
void alert_share_close(struct alert_share *share);
/* After the loop, before the member. NULL-safe. */
void alert_share_free(struct alert_share *share);

#endif
