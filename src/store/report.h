/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the ledger, on read-only connections of the caller's thread (never on an event loop). Reports read rollups, so
 * they do not grow with the number of calls; lists use keyset pagination. Every query has a deadline.
 */
#ifndef SLUICE_STORE_REPORT_H
#define SLUICE_STORE_REPORT_H

#include "base/buf.h"
#include "base/error.h"
#include "store/record.h"

enum report_by { REPORT_DAY, REPORT_MODEL, REPORT_TASK, REPORT_KEY, REPORT_PROVIDER, REPORT_TARGET, REPORT_ROUTE, REPORT_BYS };
MUST_USE bool report_by_from_name(struct slice name, enum report_by *ret_by);

struct report_row {
    char name[128];
    int64_t calls;
    int64_t failed;         /* calls without a complete answer */
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t cost_nd;
    int64_t baseline_nd;
    int64_t estimated;      /* calls whose usage was estimated */
};

struct report {
    struct report_row *rows; /* largest cost first; days ascending */
    size_t count;
    struct report_row total;
};
/* From since_s (unix seconds; whole hours count) to until_s (0: now). Free with report_release(). */
MUST_USE bool report_make(const char *path, enum report_by by, int64_t since_s, int64_t until_s, struct report *ret_report, struct error *error);
void report_release(struct report *report);

/* JSON of newest calls first: {"calls":[...],"next":"CURSOR" or null}; `before` is a cursor or empty; at most 1000. */
MUST_USE bool report_calls(const char *path, struct slice before, size_t limit, struct buf *out, struct error *error);
/* JSON of one call with its attempts; "not_found". */
MUST_USE bool report_call(const char *path, struct id call, struct buf *out, struct error *error);

#endif
