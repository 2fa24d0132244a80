/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System prompts come again with each request of an application. What the scan of one found is
 * remembered, so that it is not read again, and so are the phrases that its words are: the same
 * bytes give the same features and the same verdict, remembered or not. Each thread has a memory of
 * its own, of the last few prompts that it has seen twice; nothing else of this layer outlives a
 * call but the vocabulary. Inside the layer only.
 */
#ifndef SLUICE_ROUTE_MEMO_H
#define SLUICE_ROUTE_MEMO_H

#include "route/text.h"

/* As text_scan_region() with PLACE_SYSTEM. `inner` is the JSON text that the sample was made of,
   all of it, behind other text; or it is empty. */
void memo_scan_system(struct text_scan *scan, size_t start, size_t end, struct slice inner);
/* Adds what is known of the system prompt with this JSON text, as if it had been sampled behind the
   rest and scanned. False: nothing is known of it, and nothing was done. */
MUST_USE bool memo_recall(struct text_scan *scan, struct slice inner);

#endif
