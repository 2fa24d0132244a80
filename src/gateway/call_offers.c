/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_offers.h"

#include "gateway/runtime.h"

_Static_assert(PLAN_TARGETS_MAX <= CANDIDATES_MAX, "all of a plan can be recorded");

/* Once for each snapshot and target; two workers at once do no harm. */
static void journal_it(const struct call *call, const struct target *target,
                       struct runtime_target *live)
{
    struct ledger *ledger = call->worker->gateway->ledger;
    struct offer offer;
    if (ledger == NULL) {
        return;
    }
    runtime_offer(call->snapshot, target, &offer);
    if (journal_offer(ledger_journal(ledger), &offer)) {
        atomic_store_explicit(&live->offered, true, memory_order_relaxed);
    }
}

uint64_t call_offer(const struct call *call, const struct target *target)
{
    struct runtime_target *live = runtime_target(call->snapshot, target);
    if (UNLIKELY(!atomic_load_explicit(&live->offered, memory_order_relaxed))) {
        journal_it(call, target, live);
    }
    return live->offer;
}

void call_offers_note(struct call *call)
{
    const struct plan *plan = &call->decision->plan;
    const struct target *targets = call->snapshot->policy.targets;
    char *out = buf_reserve(&call->candidates, plan->count * CANDIDATE_BYTES);
    if (out == NULL) {
        return; /* the call is more than what might be said of it */
    }
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_entry *entry = &plan->entries[i];
        const struct candidate candidate = {
            .offer = call_offer(call, &targets[entry->target]),
            .expected_nd = entry->expected_cost_nd,
            .reason = plan_reason_code((enum plan_reason)entry->reason),
            .propensity_permille = entry->propensity_permille,
            .success_permille = entry->success_permille,
        };
        out = candidate_put(out, &candidate);
    }
    call->candidates.len = plan->count * CANDIDATE_BYTES;
}
