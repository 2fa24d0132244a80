/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second reading of a request whose text could mislead. What it quotes, words that are there to
 * be counted, and letters that only look like others (aside.h) may not make it cheaper: where one
 * of these is seen, the text is classified once more without them, and of the two readings the one
 * that requires the dearer tier holds. So a request that stands in a quotation is never lost, only
 * ever priced up; and where the rest asks for nothing, the whole text stands as it was read.
 *
 * Most requests have none of these: they pay for a look at what the scan has found already, well
 * under a hundred nanoseconds. No allocation; any thread.
 */
#ifndef SLUICE_ROUTE_REREAD_H
#define SLUICE_ROUTE_REREAD_H

#include "route/aside.h"
#include "route/plan.h"
#include "route/text_model.h"

/* `features` and `classification`: of the whole text. `model`, `route`: may be NULL. */
void reread(const struct text_model *model, const struct route *route, const struct chat *chat,
            const struct features *features, struct classification *classification);

/* For people: "quotations", "repeated words and look-alike letters"; "" of nothing. */
const char *aside_name(unsigned set_aside);

#endif
