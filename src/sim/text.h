/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a simulated model. Text is made of tokens (here a word with the space before it), so
 * that streams, limits and usage agree. The same seed gives the same text.
 */
#ifndef SLUICE_SIM_TEXT_H
#define SLUICE_SIM_TEXT_H

#include "base/buf.h"
#include "base/random.h"

#define SIM_TOKENS_MAX 200000u

struct sim_text {
    struct buf bytes;
    uint32_t *ends; /* of each token */
    size_t count;
    size_t cap;
    bool failed;
};

void sim_text_init(struct sim_text *text);
void sim_text_release(struct sim_text *text);
/* Appends one token; past SIM_TOKENS_MAX nothing. */
void sim_text_token(struct sim_text *text, struct slice token);
/* Appends given text, cut into tokens before its spaces. */
void sim_text_append(struct sim_text *text, struct slice given);
/* Appends sentences of `count` tokens. */
void sim_text_sentences(struct sim_text *text, struct random *random, size_t count);
/* Keeps the first `count` tokens. */
void sim_text_cut(struct sim_text *text, size_t count);
/* Ends the text before the first `stop`, if it holds it. */
void sim_text_stop(struct sim_text *text, struct slice stop);
struct slice sim_text_get(const struct sim_text *text, size_t token);

#endif
