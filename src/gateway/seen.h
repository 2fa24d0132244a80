/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many tokens an answer visibly holds, of calls under a hard cap: what is charged where its
 * provider reports nothing, and what a provider is held to that goes on beyond the ceiling it was
 * asked for. The text is kept until somebody wants a number, and each of it is counted once.
 *
 * Where the vocabulary is known the number is exact. Elsewhere there are two: `most`, a token for
 * every byte, which no vocabulary exceeds; and `least`: a token for each event with text (providers
 * send one or more at a time) or for each word and each 32 letters of it, as the vocabularies in
 * use have no tokens of two words; so an honest answer never has more than its ceiling. `sure` is
 * half of that, or less than the exact number by a sixteenth: who exceeds it has sent more than was
 * asked for, whatever splits and odd vocabularies there are.
 *
 * One owner, no thread.
 */
#ifndef SLUICE_GATEWAY_SEEN_H
#define SLUICE_GATEWAY_SEEN_H

#include "base/buf.h"
#include "dialect/dialect.h"
#include "model/tokenizer.h"

#define SEEN_TEXT_MAX ((size_t)256 << 10) /* kept at a time; beyond it all is counted by words */

struct seen {
    struct buf text; /* not counted yet, plain */
    int64_t bytes;   /* of all text */
    int64_t events;  /* with text */
    int64_t words;   /* of the text that was counted by words */
    int64_t exact;   /* tokens of the text that was counted by a tokenizer */
    int64_t forced;  /* pieces that were cut where a token may go on: each may count one too much */
    uint64_t run;    /* letters of the word that the text counted by words ends in */
    bool worded;     /* no tokenizer counts it any more: not all text was kept */
    bool unseen;     /* pictures, sealed thoughts: what they cost cannot be seen */
};

void seen_init(struct seen *seen);
/* For the next answer. Some of the memory stays. */
void seen_clear(struct seen *seen);
void seen_release(struct seen *seen);
void seen_frame(struct seen *seen, const struct frame *frame);

struct seen_count {
    int64_t most;
    int64_t least;
    int64_t sure;
};
/* `tokenizer` of the answer's vocabulary; NULL: not known, or not there yet. */
void seen_count(struct seen *seen, const struct tokenizer *tokenizer, struct seen_count *ret_count);

#endif
