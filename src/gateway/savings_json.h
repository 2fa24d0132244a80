/* SPDX-License-Identifier: Apache-2.0 */
/* What a call cost, could have cost and saved, as members of its JSON object: every amount with the
 * counts and prices that it is made of, so that anybody can add it up again. */
#ifndef SLUICE_GATEWAY_SAVINGS_JSON_H
#define SLUICE_GATEWAY_SAVINGS_JSON_H

#include "codec/json_write.h"
#include "store/report.h"

/* Members of the call's: "verdict" and what goes with it (record.h); nothing without one. */
void json_savings_verdict(struct json_writer *w, int32_t packed);
/* Members of the attempt's object: purpose, basis, lines, and what the baseline takes for the same
 * usage. */
void json_savings_attempt(struct json_writer *w, const struct call_detail *detail,
                          const struct settle_record *attempt);
/* Members of the call's object: "candidates" and "savings". */
void json_savings_call(struct json_writer *w, const struct call_detail *detail);

#endif
