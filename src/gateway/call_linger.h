/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After the last words of a stream ("[DONE]" and the like) the client's answer ends at once,
 * whatever the upstream does. Most upstreams end their own body in the same moment; the call
 * lingers for that, so that the connection can be used again, for a bounded time and number of
 * bytes. Then the connection is closed.
 *
 * A stream whose client left can be heard to its end as well (server.abandoned_timeout), because
 * many providers tell the usage only there. Nothing is written any more, frames are only metered.
 */
#ifndef SLUICE_GATEWAY_CALL_LINGER_H
#define SLUICE_GATEWAY_CALL_LINGER_H

#include "gateway/call.h"

/* The answer is delivered and settled: ends it; the call is over when its upstream is. */
void call_linger(struct call *call);
/* As call_linger(), but nothing more of the upstream is wanted: it is left at once. The call is
   gone afterwards. */
void call_linger_not(struct call *call);
/* More came from the upstream. The call may be gone afterwards. */
void call_linger_data(struct call *call, size_t size);
/* The client is gone. False: nothing is worth waiting for (or the operator does not want it), and
 * the call is still the caller's to end. */
MUST_USE bool call_linger_abandoned(struct call *call);
/* The upstream of an abandoned call has nothing more to say: charges it; the call is over. */
void call_linger_finish(struct call *call);
/* Ends every call of the worker that lingers; with `late` only those that did for too long. */
void call_linger_end(struct worker *worker, bool late);
void call_linger_due(struct deadline *deadline);

/* The end of a streamed answer, for the client. */
void call_finish_stream(struct call *call);

#endif
