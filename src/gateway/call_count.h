/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting the tokens of a prompt: asked of a provider that speaks the client's dialect, because
 * its count is exact and free; else, or when that fails, answered with our own estimate.
 */
#ifndef SLUICE_GATEWAY_CALL_COUNT_H
#define SLUICE_GATEWAY_CALL_COUNT_H

#include "gateway/call.h"

/* Does the plan's first target count in the client's dialect? */
bool count_can_be_asked(const struct call *call);
/* Answers with the estimate. */
enum call_step call_count_here(struct call *call);

#endif
