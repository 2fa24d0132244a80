/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of an answer's worth becomes evidence: of the call's task, and of its tag if it has
 * one (route/evidence.h).
 */
#ifndef SLUICE_GATEWAY_CALL_EVIDENCE_H
#define SLUICE_GATEWAY_CALL_EVIDENCE_H

#include "gateway/call.h"

/* It goes through the ledger: it counts from the writer's next batch on, and after a restart.
 * An answer of this target to the call was worth `score`, 0..1; it counts `weight` times (a noisy
 * check less than once). After PLAN; any number of times for a call. */
void call_evidence(const struct call *call, const struct target *target, double score,
                   double weight);

#endif
