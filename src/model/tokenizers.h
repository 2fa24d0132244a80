/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokenizers of a process: each is made when it is first wanted, by a thread of its own,
 * because that takes a tenth of a second and some 15 MB. Until it is there nobody waits for it. Any
 * thread.
 */
#ifndef SLUICE_MODEL_TOKENIZERS_H
#define SLUICE_MODEL_TOKENIZERS_H

#include "model/tokenizer.h"

struct tokenizers;

/* NULL: out of memory. */
MUST_USE struct tokenizers *tokenizers_new(void);
/* Waits for what is being made. NULL-safe. */
void tokenizers_free(struct tokenizers *tokenizers);
/* NULL: not there yet, or it cannot be made; with `wait` the latter. */
const struct tokenizer *tokenizers_get(struct tokenizers *tokenizers, enum token_encoding encoding,
                                       bool wait);

#endif
