/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_GATEWAY_DECIDE_LEARNED_H
#define SLUICE_GATEWAY_DECIDE_LEARNED_H

#include "gateway/decide.h"

/* What the operator's weights (classifier.weights, which are there) say of the targets that they
 * know: the beginning of the last user turn, 8 KB of it, as text, and the decision's tag. No
 * allocation; 24 KB of stack. */
void decide_learned(const struct snapshot *snapshot, const struct chat *chat,
                    struct decision *decision);

#endif
