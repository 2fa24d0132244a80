/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identifiers of calls: 128 bits, UUID version 7 (RFC 9562) printed as 36 characters. Sortable by
 * time. One generator per thread; the clock is passed in.
 */
#ifndef SLUICE_BASE_ID_H
#define SLUICE_BASE_ID_H

#include "base/clock.h"
#include "base/random.h"
#include "base/slice.h"

#define ID_TEXT_LEN 36

struct id {
    uint8_t bytes[16];
};

struct id id_make(const struct clock *clock, struct random *random);
/* The same for who has read the clock already. */
struct id id_make_at(int64_t wall_ns, struct random *random);
/* Writes ID_TEXT_LEN characters and a NUL. */
char *id_format(struct id id, char *buffer);
MUST_USE bool id_parse(struct slice text, struct id *ret_id);

#endif
