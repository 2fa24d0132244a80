/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worst case of the current attempt: what a hold is made of. The input's bound comes from bytes
 * (a token has at least one; where the texts were counted exactly, from that), counted tokens of
 * pictures and files by the dearest published rule, what the upstream's body has more than the
 * client's, and members that the reader did not know. The output's is what the request asks for (or
 * is clamped to), else the model's limit, for each choice. A request that names input which it does
 * not contain (dialect/outside.h) may take the model's whole context window.
 */
#ifndef SLUICE_GATEWAY_ATTEMPT_BOUND_H
#define SLUICE_GATEWAY_ATTEMPT_BOUND_H

#include "gateway/call.h"

/* Most that a target answers when nobody says; calls under a cap are clamped to it. */
#define ATTEMPT_OUTPUT_UNKNOWN 32768
/* The context window of a model that nobody says one of: as large as any is. */
#define ATTEMPT_INPUT_UNKNOWN 2097152

struct attempt_bound {
    int64_t input;
    int64_t output;
    int64_t amount_nd;
    unsigned media; /* what of it may be sound or pictures: bits as in price_bound() */
};
/* After the body was made, before the request's memory is given back. `clamp` is the ceiling that
 * was put into the body, 0: none. */
void attempt_bound(const struct call *call, int64_t clamp, struct attempt_bound *ret_bound);
/* The most that so much may cost of an attempt that has its hold. */
int64_t attempt_most_nd(const struct call *call, int64_t input, int64_t output);

#endif
