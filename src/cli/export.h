/* SPDX-License-Identifier: Apache-2.0 */
/* sluice ledger export: calls and attempts as rows for other programs. Pure. */
#ifndef SLUICE_CLI_EXPORT_H
#define SLUICE_CLI_EXPORT_H

#include "store/report.h"

#include "base/buf.h"

struct export_format {
    const char *name;
    void (*begin)(struct buf *out);                                 /* NULL: no first line */
    void (*put)(const struct call_detail *detail, struct buf *out); /* appends whole lines */
};

/* "csv": a line a call. "jsonl": an object a call, with its attempts, as /sluice/v1/calls/{id}
 * gives it. "focus": a charge (an attempt) a line, in the columns of FOCUS 1.2, the FinOps Open
 * Cost and Usage Specification (focus.finops.org), with columns of ours as x_... NULL: unknown. */
const struct export_format *export_format_find(const char *name);

#endif
