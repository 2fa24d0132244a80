/* SPDX-License-Identifier: Apache-2.0 */
/* The price of a target: its own, with tiers and dates, and what stands in for rates that it lacks.
 */
#ifndef SLUICE_CONFIG_RESOLVE_PRICE_H
#define SLUICE_CONFIG_RESOLVE_PRICE_H

#include "config/reader.h"
#include "route/policy.h"

/* Reads targets.*.price of `section` into target->price. False: there is none that could be used,
 * and the catalogue's stays. Else *ret_until_s is when another date of it begins, INT64_MAX: never.
 */
bool resolve_price(struct reader *reader, const struct yaml *section, struct target *target,
                   int64_t *ret_until_s);
/* When the price is final: what it says of sound and images that the model makes. A rate that is
 * not known is the ceiling's for output, or that of text if this is dearer, unless prices.unknown
 * says that it may be used all the same. */
void price_complete(const struct policy *policy, struct target *target);

#endif
