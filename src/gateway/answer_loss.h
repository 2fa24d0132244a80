/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a translated answer holds and the client's dialect cannot say. It joins what the request's
 * translation lost, as "answer.NAME": in the head of whole answers, in the ledger, and in the
 * comment that ends a stream for clients that ask for one. Usage that the client wants and the
 * provider did not tell is lost too, whether an estimate stands in its place or nothing.
 */
#ifndef SLUICE_GATEWAY_ANSWER_LOSS_H
#define SLUICE_GATEWAY_ANSWER_LOSS_H

#include "gateway/call.h"

/* Looks through the events of a frame of the attempt's answer; nothing is lost where the provider
   speaks the client's dialect. Before the frame's bytes leave and before the attempt is settled. */
void answer_loss_frame(struct call *call, const struct frame *frame);
/* The provider ended the answer without telling usage, and the client's dialect cannot be without:
   fills in *ret_event with an estimate. */
bool answer_usage_estimate(const struct call *call, struct event *ret_event);

#endif
