/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/dialect.h"

#include "dialect/rows.h"

#define DIALECT_ROW(symbol, row) [DIALECT_##symbol] = &dialect_##row,
static const struct dialect *const dialects[DIALECT_COUNT] = {DIALECT_LIST(DIALECT_ROW)};
#undef DIALECT_ROW

const struct dialect *dialect_of(enum dialect_id id)
{
    CHECK((unsigned)id < DIALECT_COUNT);
    return dialects[id];
}

bool dialect_from_name(struct slice name, enum dialect_id *ret_id)
{
    for (unsigned id = 0; id < DIALECT_COUNT; id++) {
        if (slice_eq(name, slice_from_cstr(dialects[id]->name))) {
            *ret_id = (enum dialect_id)id;
            return true;
        }
    }
    return false;
}
