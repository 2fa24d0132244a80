/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tags that callers have said of late. Whoever has a key can invent words without end, and each
 * one becomes rows of reports and of evidence: so new ones are let in at a bounded rate, and what
 * is beyond it is put under one tag. Words of routes and keys do not pass here: operators choose
 * them. Shared by all workers; one short lock, for calls that say a tag only.
 */
#ifndef SLUICE_GATEWAY_TAG_WORDS_H
#define SLUICE_GATEWAY_TAG_WORDS_H

#include "base/slice.h"

#define TAG_WORDS_MAX 4096       /* known at a time; the one that was not said for longest goes */
#define TAG_WORDS_NEW_MAX 1024   /* new ones at once */
#define TAG_WORDS_NEW_EVERY_S 10 /* then one in so many seconds */
#define TAG_OTHERS "(other)"     /* what the rest is put under */

struct tag_words;

MUST_USE struct tag_words *tag_words_new(void); /* NULL: out of memory */
void tag_words_free(struct tag_words *words);   /* NULL-safe */
/* The word itself where it is known or may become known, else TAG_OTHERS; that also without a
 * table. `now_ns`: monotonic. */
struct slice tag_words_admit(struct tag_words *words, struct slice word, int64_t now_ns);

#endif
