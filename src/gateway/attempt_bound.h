/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worst case of the current attempt: what a hold is made of. The input's bound comes from all
 * bytes of the client's body (a token has at least one; of texts that were counted exactly, from
 * that), but for base64 of pictures and sound, which count by the dearest published rule, and from
 * what the upstream's body has more than the client's. No member need be known for it. The output's
 * is what the request asks for (or is clamped to), else the model's limit, for each choice. A
 * request with input that its bytes say nothing of (dialect/outside.h) may take the model's whole
 * context window.
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
