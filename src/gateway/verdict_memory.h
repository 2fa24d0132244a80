/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the checks said of the last answers that were delivered, so that feedback on one of them
 * teaches what each check's word is worth. A ring in memory: of older answers, of those before a
 * restart and those of other nodes feedback teaches of their targets only. Any thread.
 */
#ifndef SLUICE_GATEWAY_VERDICT_MEMORY_H
#define SLUICE_GATEWAY_VERDICT_MEMORY_H

#include "base/id.h"
#include "route/check.h"

#include <pthread.h>

#define VERDICT_MEMORY_ANSWERS 8192

struct verdict_seen {
    struct id call;
    uint64_t key;     /* whose call it was */
    uint32_t results; /* two bits for each check, as enum check_result; 0: taken, or never used */
};
_Static_assert(CHECK_COUNT <= 16, "they fit");

struct verdict_memory {
    pthread_mutex_t lock;
    size_t next;
    struct verdict_seen seen[VERDICT_MEMORY_ANSWERS];
};

void verdict_memory_init(struct verdict_memory *memory);
void verdict_memory_release(struct verdict_memory *memory);
void verdict_memory_put(struct verdict_memory *memory, const struct id *call, uint64_t key,
                        const struct checked *checked);
/* Once for each call: what feedback says first counts. False: nothing is known of it. */
MUST_USE bool verdict_memory_take(struct verdict_memory *memory, const struct id *call,
                                  uint64_t *ret_key, uint8_t results[CHECK_COUNT]);

#endif
