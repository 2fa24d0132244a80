/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts of tokens and amounts as providers report them. A member may be left out; one that is
 * there and is no count (negative, a fraction, a text) makes the whole report one that cannot be
 * read, which is not the same as a report of nothing; and a number beyond all is the most there is,
 * not none. Pure.
 */
#ifndef SLUICE_DIALECT_USAGE_COUNT_H
#define SLUICE_DIALECT_USAGE_COUNT_H

#include "dialect/decoder.h"

enum usage_told { USAGE_ABSENT, USAGE_READ, USAGE_UNREADABLE };

/* USAGE_READ sets *ret_count, to USAGE_TOKENS_MAX at most; else it stays. A null is absent. */
enum usage_told usage_count_read(const struct json_doc *doc, uint32_t value, int64_t *ret_count);
/* The count, or 0; one that cannot be read sets usage->unread. */
int64_t usage_count(const struct decoder *d, uint32_t value, struct usage *usage);
/* Dollars as nano-dollars, INT64_MAX where there are more. */
enum usage_told usage_amount_read(const struct json_doc *doc, uint32_t value, int64_t *ret_nd);
/* Of the two counts that every report has, one is there and the other null: that is no count. */
bool usage_half_told(const struct json_doc *doc, uint32_t a, uint32_t b);

#endif
