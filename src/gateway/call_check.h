/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CHECK: a complete answer that nothing of which has left yet, on a route that asks for checks. Its
 * verdict is accept, or escalate: then it is charged as an escalation, kept in case nothing better
 * comes, and the next tier is asked with the same chat, as long as the call's attempts, time, cost
 * and budgets allow. When no stronger target can be asked, or it fails, the best answer so far is
 * delivered, and headers say so: an answer never becomes an error.
 *
 * Streams: nothing is sent before the verdict; with `stream: early` before the first words, when
 * nothing speaks against them (then there is no way back, and no verdict). An answer beyond
 * CALL_CHECK_BYTES_MAX passes unchecked.
 */
#ifndef SLUICE_GATEWAY_CALL_CHECK_H
#define SLUICE_GATEWAY_CALL_CHECK_H

#include "gateway/answer_text.h"
#include "gateway/call.h"

#define CALL_CHECK_BYTES_MAX ((size_t)8 << 20)
#define CALL_ESCALATED_SIZE 256

enum verdict {
    VERDICT_NONE,
    VERDICT_ACCEPT,
    VERDICT_ESCALATE, /* not good enough; delivered only if nothing better comes */
};

/* Beside a call whose route checks answers. */
struct call_check {
    const struct escalation *escalation;
    struct buf prompt; /* plain: the last user turn */
    struct answer_text answer;
    struct checked checked; /* of the current attempt */
    enum verdict verdict;   /* of it */
    bool learned;           /* what was learned stands in its log odds in place of the prior, */
    double promise;         /* less this: see call_check.c */
    bool under_way;         /* a judge is asked */
    bool early;             /* accepted by its first words */
    bool suspect;           /* its first words speak against it: held to its end */
    size_t meta_at;         /* of a held stream: where the comment about its cost goes */
    struct attempt best;    /* an answer that was rejected */
    bool has_best;
    struct checked best_checked;
    size_t best_meta_at;
    size_t best_noted_at;     /* where `escalated` ends without it */
    uint32_t attempts_before; /* of the call, when it was kept: more: another target was asked */
    const struct target *rejected; /* whose answer was, last; NULL: none */
    uint64_t rejected_result;      /* what that comes down to, see route/answer_result.h */
    uint8_t rejected_results[CHECK_COUNT];
    const struct target *doubted; /* of whom this is to be said at the end; NULL: of nobody */
    double doubted_score;
    double doubted_weight;
    char escalated[CALL_ESCALATED_SIZE]; /* "weak: arithmetic, middle: empty" */
};

/* After PLAN. Does nothing for routes without checks. */
void call_check_begin(struct call *call);
void call_check_free(struct call *call);
/* An attempt begins. */
void call_check_attempt(struct call *call);
/* A frame of the answer, as the client would see it. */
void call_check_frame(struct call *call, const struct frame *frame);
/* Are the bytes of this answer to be held? Asked after each frame; looks at the first words. */
MUST_USE bool call_check_holds(struct call *call);
/* A complete answer: STEP_CHECK if it has to be judged, else STEP_SETTLE. */
enum call_step call_check_next(const struct call *call);
enum call_step call_check(struct call *call);
/* The verdict is there, or a judge has nothing to say. */
enum call_step call_check_judged(struct call *call);

/* While a rejected answer is kept: for how many milliseconds of the call's time a better one may be
 * waited for, 0: not any more; else, and without a limit, INT64_MAX. */
MUST_USE int64_t call_check_patience_ms(const struct call *call);

/* --- at SETTLE and after it --- */

/* The answer is to be rejected, and a stronger target can be asked for. */
MUST_USE bool call_check_moves_on(struct call *call);
/* The rejected answer, settled: kept if it is the best so far. The attempt can be reset. */
void call_check_keep(struct call *call);
/* The best answer so far, where the current one is none or less good. */
MUST_USE bool call_check_has_better(const struct call *call);
/* It takes the current attempt's place, which is settled; the call is closed with it. */
void call_check_restore(struct call *call);
/* verdict_pack() of what is delivered, for the record of the call. */
int32_t call_check_verdict(const struct call *call);
/* Literal for records: "check_arithmetic"; NULL: none failed, or it was not checked. */
const char *call_check_reason(const struct call *call);

#endif
