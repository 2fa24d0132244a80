/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the reports share. */
#ifndef SLUICE_STORE_REPORT_QUERY_H
#define SLUICE_STORE_REPORT_QUERY_H

#include "base/clock.h"
#include "store/database.h"
#include "store/ledger_schema.h"
#include "store/report.h"

#define REPORT_DEADLINE_MS 2000

/* A read-only connection on which every query fails when the deadline (kept by the caller as long
 * as the connection) is over. NULL: *error. */
MUST_USE sqlite3 *report_open(const char *path, struct database_deadline *deadline,
                              struct error *error);

#endif
