/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of the ledger, away and back. Blocking; never on an event loop.
 */
#ifndef SLUICE_STORE_LEDGER_COPY_H
#define SLUICE_STORE_LEDGER_COPY_H

#include "base/error.h"

#include <stdint.h>

/*
 * Copies the ledger at `path` to `to`, which must not exist ("backup_exists"), as of one moment,
 * also while a server writes it (what a server has in its journal then, about 0.2 s of it, is not
 * in the copy; without a server the journal is brought in first). The copy is checked with
 * ledger_verify() before it gets its name. Mode 0600.
 */
MUST_USE bool ledger_backup(const char *path, const char *to, struct error *error);

#define LEDGER_ASIDE_SIZE 1100
/*
 * Puts the backup `from` in the place of the ledger at `path`. What is there now, journal and all,
 * is not deleted but set aside under the name that is written to `aside` (empty: nothing was
 * there). Not while a server has the ledger ("ledger_locked"); a backup that is not sound changes
 * nothing ("ledger_violation" and those of ledger_open()). If the ledger at `path` is damaged or
 * gone, its journal stays: the next start brings what it has into the restored one.
 */
MUST_USE bool ledger_restore(const char *path, const char *from, int64_t wall_ns,
                             char aside[LEDGER_ASIDE_SIZE], struct error *error);

#endif
