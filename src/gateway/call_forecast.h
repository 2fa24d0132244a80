/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was expected of an attempt, and what its answer teaches. The expectation is the plan's, kept
 * beside the attempt; when it settles both go into its record, and what the answer teaches into the
 * target's experience. A former process's lessons come back from the ledger at the start.
 */
#ifndef SLUICE_GATEWAY_CALL_FORECAST_H
#define SLUICE_GATEWAY_CALL_FORECAST_H

#include "gateway/call.h"

struct plan_entry;

/* The attempt at the entry's target begins. */
void call_forecast_begin(struct call *call, const struct plan_entry *entry);
/* It has ended, its usage and charge are known: fills in the record's forecast. */
void call_forecast_settle(struct call *call, struct settle_record *record);

/* Before the workers start: what the ledger knows of these targets. Bounded time. */
void forecast_seed(struct gateway *gateway);
/* The same for whoever explains without a gateway. */
MUST_USE bool forecast_seed_from(const struct snapshot *snapshot, const char *path,
                                 const struct clock *clock, struct error *error);

#endif
