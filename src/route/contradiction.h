/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When no target satisfies a request: which of its constraints cannot be met, or which two of them
 * contradict each other among these targets. Of one request, when it is refused: it costs some
 * microseconds. Pure.
 */
#ifndef SLUICE_ROUTE_CONTRADICTION_H
#define SLUICE_ROUTE_CONTRADICTION_H

#include "route/plan.h"

/* One sentence: "min_tier premium and max_cost_usd 0 contradict each other here: no target
 * satisfies both". Appends nothing where the constraints are not to blame, or more than two of them
 * are. */
void contradiction_explain(const struct plan_input *input, const struct plan *plan,
                           struct buf *out);

#endif
