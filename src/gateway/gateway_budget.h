/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The budget as the gateway has it: filled from the ledger at the start, its alerts logged and sent
 * to the webhook, keys blocked after an overrun. What waits for a disk or a peer runs on the main
 * thread.
 */
#ifndef SLUICE_GATEWAY_GATEWAY_BUDGET_H
#define SLUICE_GATEWAY_GATEWAY_BUDGET_H

#include "gateway/gateway.h"

struct overrun {
    struct id call;
    uint64_t key_id;
    struct slice target; /* borrowed */
    int64_t held_nd;
    int64_t cost_nd;
    bool blocks; /* the key */
};

/* The process takes the time zone of the caps: before the ledger opens. */
void gateway_budget_zone(const struct snapshot *snapshot);
/* After the ledger and the keys. */
MUST_USE bool gateway_budget_open(struct gateway *gateway, struct error *error);
/* New keys, before any worker has them: rolling caps that are new begin with what was spent in
 * them, and in a cluster what was spent here counts against new limits on all nodes, whether or not
 * calls come here. With keys_reading. Blocks. */
void gateway_budget_introduce(struct gateway *gateway, const struct key_set *keys);
/* The webhook of this snapshot from now on. */
void gateway_budget_watch(struct gateway *gateway, const struct snapshot *snapshot);
/* Before the main loop ends, and after it. */
void gateway_budget_stop(struct gateway *gateway);
/* In between, before the cluster is closed. */
void gateway_budget_leave(struct gateway *gateway);
void gateway_budget_close(struct gateway *gateway);
/*
 * Any thread: says it, and keeps the key from entering. The record of the attempt's settle says
 * that it blocks (settle_record.blocks), so that the ledger's writer has it (ledger_overrun.h) and
 * the main thread blocks the key in the database, now or after a kill.
 */
void gateway_budget_overrun(struct gateway *gateway, const struct overrun *overrun);
/* Any thread: the journal did not take that record. */
void gateway_budget_unkept(struct gateway *gateway, uint64_t key_id);
/* Any thread: the ledger has overruns (ledger_options.on_overruns; `user` is the gateway). */
void gateway_budget_overruns_wait(void *user);
/* The main thread: what was left for it since the last time. */
void gateway_budget_wake(struct gateway *gateway);
static inline uint64_t gateway_budget_generation(const struct key_set *keys)
{
    return (uint64_t)key_set_changes(keys) + 1;
}

#endif
