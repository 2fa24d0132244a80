/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the ledger, where evidence is kept, and the table that decisions read
 * (route/evidence.h): at the start all that the ledger has, then what its writer adds.
 */
#ifndef SLUICE_GATEWAY_EVIDENCE_KEEP_H
#define SLUICE_GATEWAY_EVIDENCE_KEEP_H

#include "base/buf.h"
#include "base/error.h"
#include "store/ledger_evidence.h"

struct evidence;
struct gateway;

/* After the ledger was opened, before the workers begin. */
MUST_USE bool evidence_keep_load(struct gateway *gateway, struct error *error);
/* What the ledger at the path has, into a table of whoever asks: its own connection, read only. */
MUST_USE bool evidence_keep_read(struct evidence *table, const char *path, int64_t now_s,
                                 struct error *error);
/* The ledger's on_evidence; `user` is the gateway. */
void evidence_keep_changed(void *user, const struct evidence_change *changes, size_t count);
void evidence_keep_metrics(struct gateway *gateway, struct buf *out);

#endif
