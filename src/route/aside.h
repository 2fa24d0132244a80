/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a request's text may be there to mislead who reads it: quotations (lines that begin with
 * ">", fences, elements of mark-up, text in quotation marks), words that are repeated for their own
 * sake, letters that only look like others. Taken out, the rest is what the text asks for if all of
 * that asks for nothing. Pure; a pass or two over at most FEATURES_TEXT_MAX bytes. Inside the layer
 * only.
 */
#ifndef SLUICE_ROUTE_ASIDE_H
#define SLUICE_ROUTE_ASIDE_H

#include "route/glance.h"

enum aside {
    ASIDE_QUOTATIONS = 1u << 0,
    ASIDE_REPEATED = 1u << 1,
    ASIDE_LOOKALIKES = 1u << 2,
    ASIDE_KINDS = 1u << 3,
};

/* Changes the plain text in place; returns its new length, which is never more. *kinds: which of
   these there were. */
size_t text_set_aside(char *text, size_t len, unsigned *kinds);

/* mislead.c: do words that were glanced at come again and again, close to their like? Words of
   every language, where the rules know only some. */
bool glance_repeats(const struct glance *glance);
/* Could there be anything of the kind? By what the scan has found: cheap, and yes too
   often rather than no. `repeats`: glance_repeats(). */
bool text_may_mislead(const struct features *features, bool repeats);

#endif
