/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_evidence.h"

#include "route/evidence.h"

/* Without a ledger it counts at once, and as long as the process lives. */
static void count_here(const struct call *call, const struct target *target, double score,
                       double weight)
{
    struct evidence *table = call->snapshot->policy.evidence;
    evidence_add(table, evidence_task(call->task), target, score, weight);
    if (call->tag[0] != '\0') {
        evidence_add(table, evidence_tag(slice_from_cstr(call->tag)), target, score, weight);
    }
}

static uint32_t ppm(double value)
{
    return (uint32_t)(value * EVIDENCE_PPM + 0.5);
}

/* What the plan expected of the target; 0: the plan is gone, or had it not. */
static uint32_t expected_of(const struct call *call, const struct target *target)
{
    const struct plan *plan = call->decision == NULL ? NULL : &call->decision->plan;
    for (size_t i = 0; plan != NULL && i < plan->count; i++) {
        if (&call->snapshot->policy.targets[plan->entries[i].target] == target) {
            return plan->entries[i].success_permille;
        }
    }
    return 0;
}

void call_evidence(const struct call *call, const struct target *target, double score,
                   double weight)
{
    struct ledger *ledger = call->worker->gateway->ledger;
    if (!(score >= 0 && score <= 1 && weight > 0 && weight <= EVIDENCE_WEIGHT_MAX)) {
        return;
    }
    if (ledger == NULL) {
        count_here(call, target, score, weight);
        return;
    }
    const struct evidence_record record = {
        .call = call->id,
        .wall_ns = clock_wall(call->worker->loop.clock),
        .source = EVIDENCE_VERDICT,
        .score_ppm = ppm(score),
        .weight_ppm = ppm(weight),
        .success_permille = expected_of(call, target),
        .key_id = call->key_id,
        .task = call->task,
        .tag = slice_from_cstr(call->tag),
        .route = call->route_name,
        .target = target->name,
    };
    if (!journal_evidence(ledger_journal(ledger), &record)) {
        metric_add(&call->worker->metrics.ledger_refused, 1);
    }
}
