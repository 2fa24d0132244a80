/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the power-loss test has put into a ledger, what of it must have survived, and whether it
 * has. A record is certain once msync() had brought it to the disk, or, if it is no hold, once
 * ledger_flush() had answered (a hold stays in the journal, see docs/adr/0007). One thread, but for
 * made_freeze(), which the disk calls from any.
 */
#ifndef TESTS_POWER_CALLS_MADE_H
#define TESTS_POWER_CALLS_MADE_H

#include "store/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A new ledger: calls are sample_call(first_seed + n). */
void made_reset(uint64_t first_seed);
/* The next record of a call that is under way, or of a new one; false: the ledger takes none now.
 */
bool made_append(struct journal *journal, uint64_t choice);
/* ledger_flush() was true, and the power still on. */
void made_flushed(void);
/* Everything appended is certain: the ledger was closed. */
void made_closed(void);
/* The power goes: what is certain is so from here on. */
void made_freeze(void *unused);
/* After a loss, with no other thread about: reads what was frozen. *ret_lost: records that had been
 * appended and were in doubt; *ret_oldest_ms: since when. */
void made_lose(uint64_t *ret_lost, double *ret_oldest_ms);
/* The ledger was opened again: compares. Prints what is wrong; the number of findings. */
int made_check(const char *path);

#endif
