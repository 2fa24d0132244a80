/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an attempt has used, as far as it is charged for it (docs/guides/limits.md has the table).
 * Reported usage is charged as reported. Nothing is charged for a request that was never sent whole
 * or that was refused. Whatever else became of a request, it may have cost what it could: under a
 * hard cap it is charged the most that this is, so that no cap is exceeded by answers that nobody
 * heard out; without one it is estimated by what was visible.
 */
#ifndef SLUICE_GATEWAY_ATTEMPT_USAGE_H
#define SLUICE_GATEWAY_ATTEMPT_USAGE_H

#include "gateway/call.h"

/* Brings the meter's usage to what is charged, and says what it is: CHARGE_NOTHING, CHARGE_PRICE (a
 * report, or an estimate), CHARGE_MOST. Sets attempt.untrue. */
enum charge_basis attempt_usage(struct call *call);
/* Without a cap nothing is counted; but did more come than was asked for, by its mere size? */
bool attempt_exceeds(const struct attempt *attempt);

#endif
