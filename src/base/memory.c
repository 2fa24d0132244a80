/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#ifdef SLUICE_FAULTS
#include <stdatomic.h>

/* Allocations left before the one that fails; negative: none will. */
static _Atomic int64_t countdown = -1;
static atomic_bool happened;

bool memory_fault(void)
{
    if (LIKELY(atomic_load_explicit(&countdown, memory_order_relaxed) < 0)) {
        return false;
    }
    if (atomic_fetch_sub(&countdown, 1) != 0) {
        return false;
    }
    atomic_store(&happened, true);
    return true;
}

void memory_fail_nth(int64_t nth)
{
    atomic_store(&happened, false);
    atomic_store(&countdown, nth);
}

bool memory_fault_happened(void)
{
    return atomic_load(&happened);
}
#endif
