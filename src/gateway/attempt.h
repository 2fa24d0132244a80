/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attempt: one upstream request of a call's plan, reset between targets. Its meter reads what
 * the answer reports and counts what it produced, so that every ending can be charged.
 */
#ifndef SLUICE_GATEWAY_ATTEMPT_H
#define SLUICE_GATEWAY_ATTEMPT_H

#include "codec/inflate.h"
#include "config/snapshot.h"
#include "dialect/dialect.h"
#include "gateway/seen.h"
#include "gateway/target_refusal.h"
#include "net/upstream.h"
#include "store/budget.h"
#include "store/record.h"

enum lane { LANE_VERBATIM, LANE_EDIT, LANE_TRANSLATE };
const char *lane_name(enum lane lane);

/* Should the client try the same again? Unsaid: by the status, as its SDK thinks best. */
enum retry_advice { RETRY_UNSAID, RETRY_YES, RETRY_NO };

/* What the answer said and produced. */
struct meter {
    struct usage usage;
    int64_t text_bytes;        /* of text, reasoning, refusals and arguments: inner bytes */
    int64_t reported_bytes;    /* of them, those that had come when usage was last reported */
    uint32_t events;           /* with content */
    enum finish_reason finish; /* of any choice, the last that was told */
    enum finish_reason first;  /* of the first choice */
    bool started;              /* the provider named the answer; it may have said nothing yet */
    bool nameless;             /* a call came without a name */
    bool unread;               /* something passed to the client that we could not read */
    bool told_usage;           /* the provider did: not only our estimate */
    bool ended;                /* the provider's own end of stream */
    bool failed;               /* an error event came */
    bool called;               /* a tool */
    bool thought;              /* reasoning or a seal came: calls may need it in later turns */
    uint64_t call_id;          /* of the first choice's first call of a tool: hashes of its id */
    uint64_t call_name;        /* and its name, inner; 0: none */
    int64_t next_number;       /* see struct frame */
    char answer_id[80];        /* the provider's name for the answer, inner; "": none, or longer */
    char finish_word[64];      /* the provider's, where `first` is an error; plain, printable */
    char error_name[64];       /* of an error event: its code or type, likewise */
    char error[512];           /* its message; the last member, see attempt_reset() */
};
void meter_frame(struct meter *meter, const struct frame *frame);
/*
 * Brings meter->usage to what an answer is charged that stopped here, or (`whole`) ended well.
 * Reported counts stand. Of an answer that stopped, what came after the last report is added, a
 * token for every four bytes. Without any report the input is the expected one and the output a
 * token for every four bytes. What was estimated makes all of it an estimate (.reported false).
 */
void meter_settle(struct meter *meter, int64_t expected_input, bool whole);
/* True when a frame holds some of the answer itself, so that the client's begins too. What only
 * announces it (id, model, role) does not: many a provider sends that before it knows whether it
 * can answer. */
bool meter_begins(const struct frame *frame);

struct attempt {
    struct buf body; /* of the request, when the lane is not verbatim; kept for the next attempt */
    struct buf
        answer;       /* whole answers, errors, and a stream's bytes before it is committed; kept */
    struct seen seen; /* of calls under a hard cap; its memory is kept */
    uint32_t number;  /* 0: none yet */
    const struct target *target;
    struct slice model; /* plain: the target's own, or one that it stands for (decide_model()) */
    bool called;        /* the second: its name is the client's, and what comes of it is no fault
                           of the target */
    const struct provider *provider;
    enum dialect_id back_id;
    const struct dialect *back; /* of that id */
    enum lane lane;
    bool probe;         /* it holds the breaker's probe */
    bool open;          /* a hold is journaled and not settled */
    bool upstream_open; /* the request is under way */
    bool hide_usage;    /* usage was asked for by us, the client did not */
    unsigned fragile;   /* flags of enum fragile: of clients that fail on what a stream may hold */
    bool is_stream;     /* the upstream answers with a stream */
    bool untyped;       /* a stream is wanted, and nothing says yet whether it is one */
    int64_t hold_nd;
    struct budget_hold budget;
    struct budget_target_limits target_limits; /* of who pays, that name its target */
    struct settle_forecast forecast;           /* what the plan expected of it */
    int64_t clamp;                             /* ceiling that was put into the body; 0: none */
    int64_t input_bound;                       /* tokens that the hold has room for */
    int64_t output_bound;                      /* likewise; grows with the hold */
    int64_t output_asked;  /* what it was at first: what the provider was held to */
    int64_t seen_next;     /* bytes of text that have to come before it is counted again */
    bool hides;            /* it may make output that nobody sees: thoughts, speech */
    unsigned media;        /* what of all of it may be sound or pictures, as in price_bound() */
    bool heard;            /* all of the answer was metered that is ever going to be */
    bool untrue;           /* more came than the provider was asked for, beyond doubt */
    bool asked_ahead;      /* for room beyond it */
    bool capped;           /* the answer was cut: a cap has no room for the rest of it */
    bool unjournaled;      /* the journal was full, and the operator lets calls go on */
    int64_t held_until_ns; /* an answer that has said nothing yet is withheld so long; 0: is not */
    struct upstream_request request;
    struct decoder *decoder;
    struct inflate_stream *inflate;
    struct tool_fit *tool_fit;   /* NULL: the provider takes the client's names of tools */
    struct emulation *emulation; /* of what its dialect has no word for, or NULL */
    bool must_call; /* an answer without a call is a failure: the client demanded one */
    struct responses_record *record; /* of an answer that later turns may build on, or NULL */
    struct opaque_notes *notes;      /* NULL: nothing was thought */
    struct slice secret; /* in the call's arena: the request's own lines where they hold a
                            credential; wiped before the arena or the attempt goes */
    int status;          /* of the upstream; 0: none yet */
    int error_status;    /* of an error inside status 200: the status that says the same; 0: none */
    const char *error_code; /* of it: ours where the error is one that clients know; or NULL */
    struct target_refusal unfit; /* what the upstream said against the target itself */
    int64_t retry_after_ms;
    enum retry_advice retry;   /* what the upstream says of it */
    struct slice content_type; /* in the call's arena */
    struct slice limits;       /* there too: the upstream's rate-limit headers, as lines */
    enum attempt_outcome outcome;
    const char *error;         /* stable literal, NULL: none */
    const char *rejected;      /* of a good answer: which check it failed; NULL: none */
    bool escalated;            /* and it is not shown: it is what escalation costs */
    const char *hurried;       /* the error that says that the call's time was up; NULL: none */
    uint16_t success_permille; /* that it is good, as the plan expected; 0: not known */
    struct meter meter;
    /* Texts: of these and of the meter's only the beginning is cleared for the next attempt. */
    struct loss loss;
    char detail[160];
};
/* The status that the provider answered with, or meant. */
static inline int attempt_refusal(const struct attempt *attempt)
{
    return attempt->error_status != 0 ? attempt->error_status : attempt->status;
}

/* It was given up because the call's time was up. */
static inline bool attempt_ran_out(const struct attempt *attempt)
{
    return attempt->hurried != NULL && attempt->error != NULL &&
           strcmp(attempt->error, attempt->hurried) == 0;
}

#endif
