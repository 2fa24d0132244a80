/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /sluice/v1/feedback: {"call_id": "...", "score": 0..1, "label": "free text"}. One for each
 * call: a later one replaces it. Reading it is pure.
 */
#ifndef SLUICE_GATEWAY_FEEDBACK_H
#define SLUICE_GATEWAY_FEEDBACK_H

#include "base/error.h"
#include "base/id.h"
#include "net/http_server.h"

#define FEEDBACK_BODY_MAX 4096
#define FEEDBACK_LABEL_MAX 200 /* bytes */

struct worker;

struct feedback {
    struct id call;
    uint32_t score_ppm; /* millionths */
    char label[FEEDBACK_LABEL_MAX + 1];
};

/* Errors, each with the member: "invalid_body" (no JSON object of at most FEEDBACK_BODY_MAX bytes,
 * or a member that there is not), "invalid_call_id", "invalid_score" (anything but a number from 0
 * to 1), "invalid_label" (no text of at most FEEDBACK_LABEL_MAX bytes without control characters).
 */
MUST_USE bool feedback_read(struct slice body, struct feedback *ret_feedback, struct error *error);

/* The endpoint. A key says what it thinks of its own calls; of another's the answer is the same as
 * of one that nobody has. */
void feedback_take(struct worker *worker, struct http_exchange *x, struct slice rest,
                   struct slice body);

#endif
