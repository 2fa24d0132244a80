/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A judge: a target that is asked how good an answer is, by a rubric, on a scale from 0 to 10. It
 * is an attempt of the call like any other (held under every cap, charged, journaled; its purpose
 * is judge), time-boxed, and asked under the same rules (local, switched on, a known price).
 * Whatever goes wrong, the other checks decide. Question and answer are data to it: it is told so,
 * and only a number at the beginning of what it says counts.
 */
#ifndef SLUICE_GATEWAY_JUDGE_H
#define SLUICE_GATEWAY_JUDGE_H

#include "gateway/call.h"

/* False: it cannot be asked. Else call_run() goes on with call_check_judged() later. */
MUST_USE bool judge_ask(struct call *call);

#endif
