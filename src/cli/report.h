/* SPDX-License-Identifier: Apache-2.0 */
/* sluice report: the report for people and for spreadsheets, and the arithmetic of one call. Pure.
 */
#ifndef SLUICE_CLI_REPORT_H
#define SLUICE_CLI_REPORT_H

#include "store/calibration.h"
#include "store/report.h"

#include "base/buf.h"

void report_write_text(const struct report *report, enum report_by by, struct buf *out);
void report_write_csv(const struct report *report, enum report_by by, struct buf *out);
/* Each attempt's usage at its prices, what else was weighed, and what is left of the savings. */
void report_explain_call(const struct call_detail *detail, struct buf *out);
void report_write_calibration(const struct calibration *report, struct buf *out);
/* "7d", "12h", "2w", "2026-11-21" (UTC) or "all" -> unix seconds. */
MUST_USE bool report_parse_since(const char *text, int64_t now_s, int64_t *ret_since_s);

#endif
