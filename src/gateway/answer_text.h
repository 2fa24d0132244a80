/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer says, put together from its events: the first choice's text and calls, plain, for
 * the checks (route/check.h). Bounded: of what is longer, answer_text_whole() is false, and it is
 * not checked.
 */
#ifndef SLUICE_GATEWAY_ANSWER_TEXT_H
#define SLUICE_GATEWAY_ANSWER_TEXT_H

#include "route/check.h"

#define ANSWER_TEXT_MAX ((size_t)1 << 20)

struct answer_call {
    struct buf name;
    struct buf arguments;
    bool custom;
};

struct answer_text {
    struct buf text;
    struct answer_call *calls;
    size_t call_count;
    double logprob_sum;
    uint32_t tokens_scored;
    bool refused;
    bool carries;
    bool lost; /* something of it is not here */
};

void answer_text_init(struct answer_text *answer);
void answer_text_release(struct answer_text *answer);
void answer_text_clear(struct answer_text *answer);
void answer_text_frame(struct answer_text *answer, const struct frame *frame);
static inline bool answer_text_whole(const struct answer_text *answer)
{
    return !answer->lost && !answer->text.failed;
}
/* What the checks see. `calls` has room for CHECK_CALLS_MAX. */
void answer_text_view(const struct answer_text *answer, const struct chat *chat,
                      struct checked_call *calls, struct checked_answer *ret_view);

#endif
