/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the ledger, targets and prices as JSON: one writer for the HTTP API and the CLI's --json.
 */
#ifndef SLUICE_GATEWAY_ROWS_JSON_H
#define SLUICE_GATEWAY_ROWS_JSON_H

#include "config/snapshot.h"
#include "provider/catalogue.h"
#include "store/report.h"

/* `nodes`: in a cluster, whose calls these are ("all", "this"); NULL: of a node alone. */
void json_write_report(const struct report *report, enum report_by by, int64_t since_s,
                       const char *nodes, struct buf *out);
void json_write_calls(const struct call_page *page, const char *nodes, struct buf *out);
void json_write_call(const struct call_detail *detail, struct buf *out);
/* Targets with live statistics (health must be attached). */
void json_write_targets(const struct snapshot *snapshot, int64_t now_ns, struct buf *out);
/* The catalogue's prices whose provider or model contains `filter` (empty: all). */
void json_write_prices(struct slice filter, int64_t wall_s, struct buf *out);

#endif
