/* SPDX-License-Identifier: Apache-2.0 */
/* Money that people write. Amounts are nano-dollars (price.h). */
#ifndef SLUICE_MODEL_MONEY_H
#define SLUICE_MODEL_MONEY_H

#include "base/error.h"
#include "base/slice.h"

/* Dollars as plain decimals, exactly: "12", "0.25", "0", at most 9 decimals, at most about 9.2
 * thousand million. No sign, exponent, space or word. "bad_amount". */
MUST_USE bool money_parse(struct slice text, int64_t *ret_nd, struct error *error);

#endif
