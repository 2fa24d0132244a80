/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_evidence.h"

#include "route/evidence.h"

void call_evidence(const struct call *call, const struct target *target, double score,
                   double weight)
{
    struct evidence *table = call->snapshot->policy.evidence;
    evidence_add(table, evidence_task(call->task), target, score, weight);
    if (call->tag[0] != '\0') {
        evidence_add(table, evidence_tag(slice_from_cstr(call->tag)), target, score, weight);
    }
}
