/* SPDX-License-Identifier: Apache-2.0 */
/* Names of capabilities, from the one list in the header. */
#include "model/capability.h"

#include "base/check.h"

static const char *const names[CAPABILITY_COUNT] = {
#define X(symbol, name, help) [CAPABILITY_BIT_##symbol] = name,
    CAPABILITY_LIST(X)
#undef X
};

const char *capability_name(enum capability_bit bit)
{
    CHECK((unsigned)bit < CAPABILITY_COUNT);
    return names[bit];
}

capability_set capability_from_name(struct slice name)
{
    for (unsigned i = 0; i < CAPABILITY_COUNT; i++) {
        if (slice_eq(name, slice_from_cstr(names[i]))) {
            return (capability_set)1 << i;
        }
    }
    return 0;
}
