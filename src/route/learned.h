/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_ROUTE_LEARNED_H
#define SLUICE_ROUTE_LEARNED_H

#include "model/chat.h"
#include "route/policy.h"
#include "route/weights.h"

/* What the operator's weights (classifier.weights) say of the policy's targets: permille of success
 * by target->learned, 0 of those that they do not know. Both ends of the last user turn are read,
 * as training reads a row's prompt (vector.h). `tag`: hash_stable() of the decision's, 0: none.
 * False: the turn has no text, and nothing is written. Pure, no allocation; 20 KB of stack; part of
 * every decision where there are such weights: about a microsecond. */
bool learned_ask(const struct weights *weights, const struct policy *policy,
                 const struct chat *chat, uint64_t tag, uint16_t permille[WEIGHTS_HEADS_MAX + 1]);

#endif
