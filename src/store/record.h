/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of the ledger, as the gateway hands them over. Names are slices that are copied on
 * append. Every attempt has exactly one hold before its first upstream byte and exactly one settle;
 * every call has exactly one closing record after its last settle, before its terminal bytes leave.
 * Amounts are nano-dollars, durations microseconds.
 */
#ifndef SLUICE_STORE_RECORD_H
#define SLUICE_STORE_RECORD_H

#include "base/id.h"
#include "base/slice.h"
#include "model/task.h"
#include "model/usage.h"
#include "store/limits.h"
#include "store/offer.h"

enum attempt_outcome {
    ATTEMPT_OK,
    ATTEMPT_FAILED,      /* another target may be tried; `error` says what */
    ATTEMPT_CUT,         /* failed after bytes had gone to the client */
    ATTEMPT_CANCELLED,   /* the client left, or the gateway shut down */
    ATTEMPT_INTERRUPTED, /* found unsettled after a crash: charged at its hold */
    ATTEMPT_OUTCOMES
};
const char *attempt_outcome_name(enum attempt_outcome outcome);

/* What the one charge of an attempt is made of, so that it can be computed again. The numbers are
 * in databases: new ones come at the end. */
enum charge_basis {
    CHARGE_UNRECORDED, /* of a program that did not say */
    CHARGE_NOTHING,    /* nothing was answered, or it was only counted */
    CHARGE_PRICE,      /* the usage at the offer's price */
    CHARGE_PROVIDER,   /* what the provider says that it charges */
    CHARGE_BOUND,      /* an estimate that was dearer than the worst case, which was charged */
    CHARGE_HOLD,       /* nobody knows what was used: the hold */
    CHARGE_CACHE,      /* nothing: the answer was kept, and so was its usage */
    CHARGE_MOST,       /* the most that the usage can cost, which is a bound: nobody reported it */
    CHARGE_BASES
};
const char *charge_basis_name(enum charge_basis basis);

/* What an attempt was made for. Only answers save anything; the others are what saving costs. The
 * numbers are in databases: new ones come at the end. */
enum attempt_purpose {
    ATTEMPT_FOR_ANSWER,
    ATTEMPT_FOR_JUDGE,      /* a classifier's or a judge's opinion */
    ATTEMPT_FOR_SHADOW,     /* a comparison that nobody is shown */
    ATTEMPT_FOR_ESCALATION, /* an answer that was judged too poor to be shown */
    ATTEMPT_PURPOSES
};
const char *attempt_purpose_name(enum attempt_purpose purpose);

#define RECORD_NO_CATALOGUE (-1)

/* What the checks of a route said of the answer that was delivered. The numbers are in databases:
 * new ones come at the end. */
enum call_verdict {
    CALL_UNJUDGED, /* nothing looked at it */
    CALL_ACCEPTED,
    CALL_EARLY,     /* a stream: it was let go by its first words */
    CALL_ESCALATED, /* it was not good enough, and nothing better came */
    CALL_VERDICTS
};
const char *call_verdict_name(enum call_verdict verdict);

/* A verdict as one number, 0: CALL_UNJUDGED. From the lowest bit: two of the verdict; five of the
 * weightiest check that failed (by its number in route/check.h, and 1), or 0 if none did; ten of
 * how probable it was that the answer is good, in thousandths. */
#define VERDICT_BITS 17
#define VERDICT_NO_CHECK 31u
static inline int32_t verdict_pack(enum call_verdict verdict, unsigned check, unsigned permille)
{
    unsigned failed = check < VERDICT_NO_CHECK ? check + 1 : 0;
    return (int32_t)((unsigned)verdict | failed << 2 | (permille > 1000 ? 1000 : permille) << 7);
}
static inline enum call_verdict verdict_word(int32_t packed)
{
    return (enum call_verdict)((unsigned)packed & 3);
}
/* VERDICT_NO_CHECK: none failed. */
static inline unsigned verdict_check(int32_t packed)
{
    unsigned failed = (unsigned)packed >> 2 & 31;
    return failed == 0 ? VERDICT_NO_CHECK : failed - 1;
}
static inline unsigned verdict_permille(int32_t packed)
{
    return (unsigned)packed >> 7 & 1023;
}

struct hold_record {
    struct id call;
    uint32_t attempt; /* 1, 2 ... */
    int64_t wall_ns;
    int64_t amount_nd; /* worst case */
    uint64_t key_id;   /* 0: none */
    struct slice target;
    struct slice provider;
    struct slice model;           /* the provider's name for it */
    uint64_t scopes[SCOPE_KINDS]; /* that the key belongs to, 0: none; [SCOPE_KEY] is not kept */
    struct slice limited_model;   /* route and target, as far as limits name them, a newline between
                                     each two; or empty */
    /* What the row of the call says if a crash is all that follows; nothing without an endpoint. */
    struct slice key_name;
    struct slice endpoint;
    struct slice asked_model;
    struct slice route;
    enum task task;
    enum tier tier;
    int32_t complexity_permille;
    struct slice tag; /* the caller's own word for its purpose, or empty */
};

/* What was expected of an attempt, and what its answer teaches: kept so that both can be compared,
 * and so that the next process knows what this one has learned. */
struct settle_forecast {
    bool given;    /* there was one; else the rest says nothing */
    bool streamed; /* the latency is that to the first byte, else to completion */
    enum task task;
    int64_t input; /* tokens, as this target was expected to count them */
    int64_t output;
    int64_t output_high; /* the 90th percentile */
    int64_t cost_nd;
    int64_t latency_ms; /* 0: not known */
    /* Binary logarithms in thousandths (route/experience.h), and whether there are any. */
    bool has_output;
    bool has_thinking;
    bool has_input;
    bool thinks; /* the request asked for reasoning */
    int32_t log_output;
    int32_t log_thinking;
    int32_t log_input;
    /* Where its durations belong (route/health.h). */
    unsigned size;
    unsigned first_bucket; /* FORECAST_NO_BUCKET: there is no such duration */
    unsigned total_bucket;
};
#define FORECAST_SIZES 3
#define FORECAST_BUCKETS 72
#define FORECAST_NO_BUCKET 255

struct settle_record {
    struct id call;
    uint32_t attempt;
    int64_t wall_ns;
    int64_t released_nd; /* the hold's amount */
    int64_t cost_nd;     /* the one charge */
    uint64_t key_id;
    enum attempt_outcome outcome;
    int status;            /* HTTP status of the upstream, 0: none */
    struct usage usage;    /* .reported false: an estimate */
    bool priced;           /* false: the price was unknown and policy allowed it */
    int64_t first_byte_us; /* -1: none */
    int64_t total_us;
    struct slice target;
    struct slice provider;
    struct slice model;
    struct slice lane;  /* verbatim, edit, translate */
    struct slice error; /* stable identifier or empty */
    struct slice loss;
    uint64_t offer; /* the target's at that instant (store/offer.h); 0: not recorded */
    enum charge_basis basis;
    enum attempt_purpose purpose;
    bool blocks; /* the key: an overrun that has to be acknowledged (ledger_overrun.h) */
    /* With CHARGE_PROVIDER (else it is not kept): what the offer's price says of the same usage;
     * RECORD_NO_CATALOGUE: there is no price. */
    int64_t catalogue_nd;
    struct settle_forecast forecast;
    struct slice words; /* decoded ones only: target to error as they lie there, to be compared */
};

struct call_record {
    struct id call;
    int64_t wall_ns; /* start */
    uint64_t key_id;
    struct slice key_name;
    struct slice endpoint;    /* "/v1/chat/completions" */
    struct slice asked_model; /* what the client asked for */
    struct slice route;
    struct slice target; /* that answered, or empty */
    struct slice provider;
    struct slice model;
    enum task task;
    enum tier tier; /* required */
    int32_t complexity_permille;
    bool streamed;
    int status;         /* HTTP status given to the client; 499: the client left */
    struct slice error; /* stable code or empty */
    uint32_t attempts;
    int64_t cost_nd;       /* sum of its attempts */
    int64_t baseline_nd;   /* the same usage at the route's baseline */
    struct slice baseline; /* target name, or empty */
    int64_t input_tokens;  /* of the answering attempt */
    int64_t output_tokens;
    int64_t expected_cost_nd; /* what the plan predicted for the answering target */
    int64_t first_byte_us;
    int64_t total_us;
    bool complete;                /* the client's answer ended as it should */
    uint64_t baseline_offer;      /* of the baseline at that instant; 0: none, or not recorded */
    uint64_t scopes[SCOPE_KINDS]; /* that the key belonged to; [SCOPE_KEY] is not kept */
    struct slice tag;             /* as in the hold */
    int32_t verdict;              /* verdict_pack(), of the answer that was delivered */
    /* What was weighed for it: CANDIDATE_BYTES for each, as candidate_put() writes them, those that
     * were taken first, in the order of the plan; at most CANDIDATES_MAX. */
    struct slice candidates;
    struct slice words; /* decoded ones only: key name to baseline, as in struct settle_record */
};

#endif
