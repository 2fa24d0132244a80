/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STREAM: what arrives from the upstream, on its way to the client. Every event is read as a whole,
 * verbatim answers too, since usage and the end are in them: an event beyond 32 MB
 * (CALL_FRAME_BYTES_MAX) fails the attempt. Before the answer has begun another target is tried;
 * after it everything up to that event has left, an error event follows that says so
 * ("event_too_large"), and the connection is cut. Nothing of the event itself is passed on.
 */
#ifndef SLUICE_GATEWAY_CALL_STREAM_H
#define SLUICE_GATEWAY_CALL_STREAM_H

#include "gateway/call.h"

/* The facts for writers of answers, with the request as long as it is there. */
void call_answer_head(const struct call *call, struct answer_head *ret_head);
/* Body bytes of a streamed answer; with the last ones it is delivered. False: the attempt failed
 * (attempt_fail() was called). */
MUST_USE bool stream_take(struct call *call, struct slice bytes);
/* The upstream's orderly end of a streamed answer. False as above. */
MUST_USE bool stream_end(struct call *call);
/* The frame as the client shall see it, where what the provider's dialect lacks is made good here.
   False as above. */
MUST_USE bool stream_emulate(struct call *call, struct frame *frame);
/* Begins the client's answer: status 200 and headers; from here on no other target can be tried. */
void stream_commit(struct call *call);
/* Tells the client that a stream will come, before it is known whose: status 200 and what is known
   of the call. Failures are told in the stream from then on. */
void stream_announce(struct call *call);
/* Delivers a stream that was held for a verdict (call_check.h): begins the client's answer, settles
   the attempt unless that was done, sends all of it. Returns the step that follows. */
enum call_step stream_deliver(struct call *call);
/* Begins the client's answer with what was withheld of it, see call_hold.h. */
void stream_release(struct call *call);
/* A whole answer for a client that wanted a stream (the upstream ignored the wish). False as above,
 * the answer has begun nevertheless. */
MUST_USE bool stream_whole(struct call *call, const struct frame *frame);

#endif
