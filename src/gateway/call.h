/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call: one client request and its answer, through the gateway; the spine object. CALL_STEPS
 * names its life; call_run() in call.c is the one function that moves it from step to step. A retry
 * resets the attempt, not the call. Owned by one worker.
 */
#ifndef SLUICE_GATEWAY_CALL_H
#define SLUICE_GATEWAY_CALL_H

#include "gateway/attempt.h"
#include "gateway/decide.h"
#include "gateway/endpoint.h"
#include "gateway/rate_limits.h"
#include "gateway/worker.h"
#include "store/sessions.h"

/*        step      what it does                                                   next */
#define CALL_STEPS(X)                                                                              \
    X(ADMIT) /* endpoint and key known: rate and access decided once            READ            */ \
    X(READ)  /* the body is being received                                      (on_body) PARSE */ \
    X(PARSE) /* bytes -> chat                                                   SESSION         */ \
    X(SESSION) /* what is known of its conversation; what the request is      CLASSIFY       */    \
    X(MODEL) /* again, after a wait: limits of the model that was asked for       CLASSIFY      */ \
    X(CLASSIFY) /* the operator's own classifier, if there is one                  PLAN */         \
    X(PLAN) /* features, task, constraints -> ordered targets                  ATTEMPT         */  \
    X(RECALL)  /* the same answered before, as the cache has it                    DELIVER or      \
                  ATTEMPT */                                                                       \
    X(ATTEMPT) /* next target of the plan: hold, lane, body, request              STREAM */        \
    X(HOLD) /* again, after a wait: the hold                                     STREAM        */  \
    X(STREAM) /* upstream bytes -> events -> meter -> client                     (upstream) SETTLE \
               */                                                                                  \
    X(CHECK)  /* where the route asks for it: is this answer good enough?          SETTLE */       \
    X(SETTLE) /* the attempt's one charge                                        DELIVER or        \
                 ATTEMPT */                                                                        \
    X(DELIVER) /* terminal bytes of the answer                                    DONE */          \
    X(DONE)    /* memory released                                                                 */

enum call_step {
#define X(step) STEP_##step,
    CALL_STEPS(X)
#undef X
        STEP_COUNT,
    STEP_WAIT /* returned by a step: an event will call call_run() again */
};

#define CALL_MAGIC 0x43414c4cu
#define CALL_ASKED_MODEL_MAX 96
#define CALL_ARENA_BUDGET (64u << 20)

/* What the client is told when no target is left: of all failures the one that helps it most. */
enum told_rank {
    TOLD_NOTHING,
    TOLD_HOPELESS, /* trying again does not help: credentials, money, a prompt that is too long */
    TOLD_FAILED,   /* time may mend it; of several the last one */
    TOLD_LIMITED,  /* waiting helps, and how long is often known */
    TOLD_REFUSED,  /* the request itself: no other target is asked then */
};

struct told_failure {
    enum told_rank rank;
    int status;
    const char *code;      /* literal */
    struct slice own_code; /* the provider's, in the call's arena, as are the next; or empty */
    struct slice param;
    struct slice message; /* of the provider, in the call's arena; empty: the list of failures */
    int64_t retry_after_ms;
    enum retry_advice retry;
    struct slice limits; /* as the attempt's, where the dialect is the client's */
    const struct target *target;
    enum lane lane;
};

/* What the exact cache knows of a call: see answer_cache.h. */
enum cache_state { CACHE_STATE_OFF, CACHE_STATE_ASKS, CACHE_STATE_MISS, CACHE_STATE_HIT };
struct call_cache {
    enum cache_state state;
    bool keeps; /* the answer, as it leaves */
    uint8_t name[32];
    char content_type[64];
    struct cluster_question *question; /* under way, or NULL */
    struct buf copy;                   /* what has left so far */
    struct usage usage;                /* of a hit, with: */
    const struct target *target;       /* of a hit: who gave the answer */
    int64_t age_s;
};

/* See call_session.h. */
struct call_session {
    uint64_t key; /* 0: it belongs to none */
    bool looked;
    bool begins;
    bool found;
    bool escalated;
    enum session_state planned;
    bool loop_held; /* see struct plan */
    int64_t ttl_ns;
    uint64_t calls; /* what calls of tools in the answer are named by: see struct conversation */
    uint64_t asked; /* key that other nodes are asked for, or were last */
    struct tool_loop loop;
    struct cluster_question *question; /* under way; NULL: none */
    struct session known;              /* where it was found */
};

/* Memory that goes from one call to the next. */
struct call_spare {
    struct decision *decision;
    struct decoder *decoder; /* reset; NULL: none, or in use */
    const struct dialect *decoder_dialect;
};

struct call {
    uint32_t magic;
    enum call_step step;
    struct worker *worker;
    struct http_exchange *exchange; /* NULL once the client is gone */
    struct snapshot *snapshot;      /* pinned */
    const struct endpoint *endpoint;
    const struct dialect *front;
    struct call *next; /* of the worker's calls, or of those kept for reuse */
    struct call *previous;
    struct id id;
    char id_text[ID_TEXT_LEN + 1];
    int64_t started_ns; /* monotonic */
    int64_t started_wall_ns;
    struct token *token;             /* its own reference; NULL: it came with a key, or nothing */
    struct admission_job *admission; /* while it waits for the key of the token's subject */
    bool waited;                     /* it did */
    uint64_t key_id;
    char key_name[64];
    char tag[TAG_BYTES_MAX + 1]; /* the key's, until PARSE; then the decision's; or empty */
    bool stranger; /* refused before it was anybody's: counted and logged, not recorded */
    uint64_t scopes[SCOPE_KINDS]; /* of the key or the token when the call came: who pays */
    struct budget_claim claim;
    bool targets_limited;                 /* limits of theirs name routes or targets */
    struct slice limited_route;           /* what the request means, in the snapshot; or empty */
    struct budget_refusal target_refusal; /* of the last target that such a limit stood against */
    bool target_refused;
    bool own_limited; /* they have limits of a minute: */
    struct rate_limits own_limits;
    int64_t tokens_used;
    struct call *wait_next; /* while it waits for a lease: see call_wait.h */
    struct call *wait_previous;
    int64_t wait_until_ns; /* 0: has not waited for what it wants now */
    uint64_t wait_round;
    enum call_step wait_again;
    bool waits;

    struct chat chat;
    struct decision *decision; /* in the spare memory; NULL before PARSE and after call_shrink() */
    bool streamed;
    bool include_usage;
    bool stream_array;  /* a Gemini client that did not ask for server-sent events */
    bool stream_begun;  /* some of the stream's body has left */
    bool wrote;         /* to the client, since the worker looked last */
    bool keeps_answer;  /* a Responses client may build on it later */
    bool expanded;      /* the request was read again, behind what it builds on */
    uint32_t own_items; /* then: so many items at the end of `input` are the client's own */
    bool meta;          /* x-sluice-meta: a stream ends with its cost in a comment */
    char asked_model[CALL_ASKED_MODEL_MAX];
    size_t asked_model_len;
    struct slice route_name; /* in the snapshot; empty when targets were named */
    struct slice rule_name;  /* likewise: of the rule that applied, or empty */
    enum task task;
    enum tier required_tier;
    int32_t complexity_permille;
    struct token_estimate tokens;
    unsigned counted; /* they were counted for targets of this encoding, 0: they were not */
    struct token_estimate counted_tokens;
    struct exact_job *exact; /* while it waits for a thread that counts, see call_exact.h */
    bool exact_tried;
    struct experience_request asked; /* of the plan: what answers are compared with */
    bool below_tier;
    bool relaxed;
    int64_t max_cost_nd;
    unsigned max_attempts;
    uint16_t baseline;
    size_t next_entry; /* of the plan */

    uint32_t attempts; /* begun so far, the classifier's too: the last one's number */
    uint32_t tries;    /* targets of the plan that were sent the request */
    bool over_budget;  /* a target was passed over: the rest of the limit pays for nothing */
    /* Why the last target that was passed over could not be sent the request; in the arena, or
     * NULL. */
    const struct error *impossible;
    struct told_failure told; /* cleared when the answer has begun */
    int64_t cost_nd;          /* settled so far */
    int64_t baseline_nd;
    int64_t expected_cost_nd;

    struct call_cache cache;
    struct call_session session;
    struct classifier_request *classifier; /* under way, in the arena; NULL: none */
    struct question *question;             /* likewise */
    struct call_check *check;              /* NULL: answers are delivered as they are */

    bool
        announced; /* a stream that is held for a verdict: its head left, and pings, nothing else */
    bool committed;          /* bytes of the answer are on their way to the client */
    bool settled;            /* the call's closing record is written */
    bool delivered;          /* complete answer */
    int status;              /* given to the client */
    const char *error_code;  /* literal, NULL: none */
    struct encoder *encoder; /* of translated streams */
    struct answer_head head;
    int64_t first_byte_ns; /* to the client */
    bool lingering;        /* delivered; only the end of the upstream's body is missing */
    bool abandoned;        /* the client left; the upstream is heard for its usage */
    uint32_t linger_bytes; /* that may still come */
    int64_t linger_until_ns;

    /* Everything above is cleared for the next call; what follows lives on with its memory. */
    char failures[512];     /* "haiku: http_429, gpt4: connect": for the error and the log */
    struct attempt attempt; /* the current one */
    struct buf candidates;  /* for the closing record: see struct call_record */
    struct arena arena;     /* request side: given back when the answer has begun */
    struct json_doc doc;
    struct call_spare spare;
};

/* The server's handler: begins and feeds calls and plain endpoints. */
extern const struct http_handler gateway_handler;

/* Moves the call on from `step` until a step waits or it is done. The call may be gone afterwards.
 */
void call_run(struct call *call, enum call_step step);
const char *call_step_name(enum call_step step);

/* The steps (one function each, see the files call_*.c). */
enum call_step call_admit(struct call *call);
enum call_step call_read(struct call *call);
enum call_step call_parse(struct call *call);
enum call_step call_session(struct call *call);
/* What kind of work it is, and the limits of the model that it asks for. */
enum call_step call_understand(struct call *call);
enum call_step call_model(struct call *call);
enum call_step call_classify(struct call *call);
enum call_step call_plan(struct call *call);
enum call_step call_planned(struct call *call); /* PLAN, after what the cache said */
enum call_step call_attempt(struct call *call);
enum call_step call_take_hold(struct call *call);
enum call_step call_stream(struct call *call);
enum call_step call_check(struct call *call);
enum call_step call_settle(struct call *call);
enum call_step call_deliver(struct call *call);
enum call_step call_done(struct call *call);

/* Ends the call with an error in the client's dialect; returns STEP_SETTLE's successor so that
   `return call_fail(...)` reads well. Before the answer has begun: status and body; after it: a
   last error event and a cut. */
RARELY enum call_step call_fail(struct call *call, int status, const char *code, const char *param,
                                const char *format, ...) PRINTF_LIKE(5, 6);
/* What a provider said of a failure, plain; what is empty is ours to say. */
struct fail_words {
    struct slice type;
    struct slice code; /* for the client; records keep the stable one */
    struct slice param;
    struct slice message;
};
/* As call_fail(), in these words. */
RARELY enum call_step call_fail_words(struct call *call, int status, const char *code,
                                      const struct fail_words *words);
RARELY enum call_step call_fail_error(struct call *call, const struct error *error);

/* While the body came the key may have been revoked. *ret_caller: as it is now. False: the call has
 * failed, and *ret_step follows. */
MUST_USE bool call_still_admitted(struct call *call, struct caller *ret_caller,
                                  enum call_step *ret_step);
/* Gives back what only the request side needed, once no other attempt can follow. */
void call_shrink(struct call *call);
/* The client left: cancels the upstream and settles. */
void call_gone(struct call *call);
/* The gateway's time to drain is over: the same, and the client is told (code "shutting_down"). */
void call_cut(struct call *call);

#endif
