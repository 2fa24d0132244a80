/* SPDX-License-Identifier: Apache-2.0 */
/* From what attempts met to what the client is told. */
#ifndef SLUICE_GATEWAY_CALL_ERROR_H
#define SLUICE_GATEWAY_CALL_ERROR_H

#include "gateway/call.h"

/* The body for this target could not be made: the next one may be able to; the last such reason is
 * told. */
enum call_step call_attempt_impossible(struct call *call, const struct error *error);
/* No target is left: the last attempt's failure in the client's dialect. */
enum call_step call_plan_exhausted(struct call *call);
/* The provider refused the request itself: its own words, its status. */
enum call_step call_relay_refusal(struct call *call);
/* Does this upstream status allow another target to be tried? */
bool status_allows_fallback(int status);

#endif
