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

/* As text_scan_region() with PLACE_SYSTEM. */
void memo_scan_system(struct text_scan *scan, size_t start, size_t end);

#endif
