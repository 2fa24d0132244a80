/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question of our own to a target, for a call: what a classifier or a judge is asked. It is an
 * attempt of the call, held under every cap, journaled, charged to it with the purpose judge,
 * time-boxed, and asked under the rules of every other target (local, switched on, a known price,
 * not resting). One at a time for each call.
 */
#ifndef SLUICE_GATEWAY_QUESTION_H
#define SLUICE_GATEWAY_QUESTION_H

#include "gateway/call.h"

struct question_words {
    struct slice instruction; /* plain */
    struct slice text;        /* plain */
    int64_t answer_tokens;
    int64_t timeout_ms;
};

/* `text` is what was said, plain, for the time of this call; empty: nothing came of it. */
typedef void question_done(struct call *call, struct slice text);

/* False: it cannot be asked, and `done` is not called. */
MUST_USE bool question_ask(struct call *call, uint16_t target, const struct question_words *words,
                           question_done *done);
/* No callback comes after it. `why` is the attempt's error, a literal. Without a question nothing
 * happens. */
void question_cancel(struct call *call, const char *why);

#endif
