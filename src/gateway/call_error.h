/* SPDX-License-Identifier: Apache-2.0 */
/* From what attempts met to what the client is told. */
#ifndef SLUICE_GATEWAY_CALL_ERROR_H
#define SLUICE_GATEWAY_CALL_ERROR_H

#include "gateway/call.h"

/* The body for this target could not be made: the next one may be able to; the last such reason is
 * told. */
enum call_step call_attempt_impossible(struct call *call, const struct error *error);
/* The current attempt's request was not sent: it was none. */
void call_attempt_undo(struct call *call);
/* A limit that names its target stood against it: it leaves the plan, and is told of when nothing
 * else is left. After call_attempt_undo(). */
void call_note_limited(struct call *call, const struct budget_refusal *refusal);
/* After an attempt that failed before the answer began: keeps what the client may have to be told
 * of it. A provider's refusal of the request itself is told in its own words with its own status.
 */
void call_note_failure(struct call *call);
/* No target is left: the most helpful failure in the client's dialect. A target that could not be
 * sent the request at all is told of only when nothing else failed. */
enum call_step call_plan_exhausted(struct call *call);
/* An attempt that met an error inside status 200: what status it means, and its words as the body
 * of such a refusal in attempt.answer. */
void call_note_stream_error(struct call *call);
/* The same once the answer has begun: the provider's own words are the stream's last. */
RARELY enum call_step call_fail_in_stream(struct call *call);
/* Does this upstream status allow another target to be tried? */
bool status_allows_fallback(int status);

#endif
