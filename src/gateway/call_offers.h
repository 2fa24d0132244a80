/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call could have had, and for how much: the offers (store/offer.h) of its targets, each of
 * them in the journal before the first record that names it, and the candidates of its plan for the
 * closing record. What the actual usage would have cost elsewhere is nobody's work here: whoever
 * asks computes it from the offers.
 */
#ifndef SLUICE_GATEWAY_CALL_OFFERS_H
#define SLUICE_GATEWAY_CALL_OFFERS_H

#include "gateway/call.h"

/* The identifier of the target's offer, which is in the journal then (unless that is full: it is
 * tried again with the next call). */
uint64_t call_offer(const struct call *call, const struct target *target);
/* PLAN: keeps the candidates, before the plan is given back. */
void call_offers_note(struct call *call);

#endif
