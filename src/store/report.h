/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the ledger, on read-only connections of the caller's thread (never on an event
 * loop). Reports read rollups, so they do not grow with the number of calls; lists use keyset
 * pagination. Every query has a deadline of two seconds ("report_timeout"). A database that is not
 * there is "ledger_missing" (ERROR_NOT_FOUND); nothing is ever created here.
 */
#ifndef SLUICE_STORE_REPORT_H
#define SLUICE_STORE_REPORT_H

#include "base/arena.h"
#include "base/error.h"
#include "store/record.h"

enum report_by {
    REPORT_DAY,
    REPORT_MODEL,
    REPORT_TASK,
    REPORT_KEY,
    REPORT_PROVIDER,
    REPORT_TARGET,
    REPORT_ROUTE,
    REPORT_USER, /* what a call's key belonged to; "(none)" is all the rest */
    REPORT_TEAM,
    REPORT_ORGANISATION,
    REPORT_TAG, /* the first of the key's tags */
    REPORT_BYS
};
MUST_USE bool report_by_from_name(struct slice name, enum report_by *ret_by);
const char *report_by_name(enum report_by by);

/*
 * Calls, failures, tokens, baseline and estimates count for the names of the answering target; cost
 * counts where it arose: by model, provider and target each attempt's cost goes to its own, so that
 * a provider's sum is what that provider charges. All rows add up to the same total either way.
 */
struct report_row {
    char name[128]; /* "2026-11-21" for days (UTC); "(none)" where a call had none */
    int64_t calls;
    int64_t failed; /* calls without a complete answer */
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t cost_nd;
    int64_t baseline_nd;
    int64_t estimated; /* calls whose usage was estimated */
    /* Of the cost, what no answer cost: the net savings (baseline less cost) are the gross ones
     * (baseline less answers) less this. See struct savings. */
    int64_t failed_nd;
    int64_t judge_nd;
    int64_t shadow_nd;
    int64_t escalation_nd;
    int64_t told_nd;      /* charged as providers said, where the target has a price as well; */
    int64_t catalogue_nd; /* what that says of the same usage */
};
/* What is left of the cost for the answers. */
int64_t report_answers_nd(const struct report_row *row);

struct report {
    struct report_row *rows; /* largest cost first; days ascending; at most REPORT_ROWS_MAX */
    size_t count;
    struct report_row total; /* of all, also of rows past the ceiling */
};
#define REPORT_ROWS_MAX 10000
/* From since_s (unix seconds; whole hours count) to until_s (0: now). Free with report_release().
 */
MUST_USE bool report_make(const char *path, enum report_by by, int64_t since_s, int64_t until_s,
                          struct report *ret_report, struct error *error);
/* The same of one key's own calls: by day or model (CHECK). */
MUST_USE bool report_make_of_key(const char *path, uint64_t key, enum report_by by, int64_t since_s,
                                 int64_t until_s, struct report *ret_report, struct error *error);
/* Rows whose names are numbers of users, teams or organisations get the names that report_make()
 * gives them; other rows stay as they are. Errors: as report_make(). */
MUST_USE bool report_name_scopes(const char *path, struct report *report, struct error *error);
/* Adds the numbers of `row`, or with `sign` -1 subtracts them. */
void report_add(struct report_row *total, const struct report_row *row, int64_t sign);
void report_release(struct report *report);

/* What was recorded comes back as it was recorded: names are slices in the caller's arena. */
struct call_row {
    struct call_record call;
    bool estimated; /* the usage of the answering attempt is an estimate */
};

#define REPORT_CALLS_MAX 1000
#define REPORT_CURSOR_SIZE 40

struct call_page {
    struct call_row *rows; /* newest first */
    size_t count;
    char next[REPORT_CURSOR_SIZE]; /* pass as `before` for the page after this one; "": the end */
};
/* Newest calls first, `limit` of them (clamped to 1..REPORT_CALLS_MAX); `before` is a cursor or
 * empty ("bad_cursor"). Everything in *ret_page lives in `arena`; "out_of_memory" when its budget
 * is gone. */
MUST_USE bool report_calls(const char *path, struct slice before, size_t limit, struct arena *arena,
                           struct call_page *ret_page, struct error *error);

struct call_detail {
    struct call_row row;
    struct settle_record *attempts; /* in order; .wall_ns: when it settled */
    size_t count;
    bool has_feedback;
    uint32_t feedback_ppm; /* its score */
    int64_t feedback_wall_ns;
    struct slice feedback_label;
    const struct offer **offers; /* that call and attempts name, as far as they were recorded */
    size_t offer_count;
};
/* NULL: it was not recorded. */
const struct offer *call_detail_offer(const struct call_detail *detail, uint64_t id);

/*
 * What a call saved. Only answers save: the baseline is what their usage would have cost there.
 * What was spent besides is subtracted, so the net is what is left of the savings after all.
 */
struct savings {
    int64_t baseline_nd;
    int64_t answers_nd;                 /* what the attempts that answered cost */
    int64_t gross_nd;                   /* baseline less answers; negative: dearer */
    int64_t failed_nd;                  /* attempts that were not answered, or interrupted */
    int64_t extra_nd[ATTEMPT_PURPOSES]; /* those of another purpose, by it; [0] is 0 */
    int64_t net_nd;                     /* gross less all that */
};
void call_savings(const struct call_detail *detail, struct savings *ret_savings);
/* Does the attempt count as an answer? Then the baseline and the alternatives have its usage. */
bool attempt_answered(const struct settle_record *attempt);
/* What the answers' usage costs at this offer. */
int64_t call_cost_at(const struct call_detail *detail, const struct offer *offer);

/* One call with its attempts, from `arena`; "not_found" (also while the call is not closed yet). */
MUST_USE bool report_call(const char *path, struct id call, struct arena *arena,
                          struct call_detail *ret_detail, struct error *error);

/*
 * The same of one key's own calls: those of other keys are not there. They look through the hours
 * in which the key had calls, and no others.
 */
MUST_USE bool report_calls_of_key(const char *path, uint64_t key, struct slice before, size_t limit,
                                  struct arena *arena, struct call_page *ret_page,
                                  struct error *error);
MUST_USE bool report_call_of_key(const char *path, uint64_t key, struct id call,
                                 struct arena *arena, struct call_detail *ret_detail,
                                 struct error *error);
/* A key that nobody has, for who has none: nothing is its own. */
#define REPORT_KEY_NOBODY UINT64_C(0x7FFFFFFFFFFFFFFF)

/* For exports: the calls after `after`, oldest first, each with its attempts, `limit` of them
 * (clamped as above) in `rows`, from `arena`. Those of one moment of time follow by identifier. */
struct detail_page {
    struct call_detail *rows;
    size_t count;
    struct id last; /* pass as `after` for the page after this one */
    bool more;
};
MUST_USE bool report_details(const char *path, struct id after, struct id before, size_t limit,
                             struct arena *arena, struct detail_page *ret_page,
                             struct error *error);
/* What stands before every call that began at this time or later, for `after` and `before`. */
struct id report_id_at(int64_t wall_ns);

#endif
