/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of an answer's worth becomes evidence: of the call's task, and of its tag if it has
 * one (route/evidence.h).
 */
#ifndef SLUICE_GATEWAY_CALL_EVIDENCE_H
#define SLUICE_GATEWAY_CALL_EVIDENCE_H

#include "gateway/call.h"
#include "route/check.h"
#include "store/journal.h"

/* The same of what checks said of the answer: counts under the call's task, and its tag. */
void call_evidence_checks(const struct call *call, const struct target *target,
                          const uint8_t results[CHECK_COUNT], double score, double weight);
/* Of a call that is over, by its record: tag, task, target and who says it are taken from there,
 * the score, too; `key` is whose call it was. NULL-safe journal: without one nothing is said. */
void evidence_checks_journal(struct journal *journal, const struct evidence_record *record,
                             uint64_t key, const uint8_t results[CHECK_COUNT]);

/* It goes through the ledger: it counts from the writer's next batch on, and after a restart.
 * An answer of this target to the call was worth `score`, 0..1; it counts `weight` times (a noisy
 * check less than once). After PLAN; any number of times for a call. */
void call_evidence(const struct call *call, const struct target *target, double score,
                   double weight);

#endif
