/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact token counts, as tiktoken makes them, of the vocabularies cl100k_base (GPT-4, GPT-3.5) and
 * o200k_base (GPT-4o and later). What looks like a special token is plain text. Byte pairs are
 * merged by the method of backtracking over longest matches (as the Rust crate `bpe` describes it),
 * in time linear in the text, however long its pieces are. The vocabularies are embedded
 * (data/tokens); the indices over them, some 15 MB, are made once.
 *
 * A tokenizer is immutable, any thread; a scratch belongs to one.
 */
#ifndef SLUICE_MODEL_TOKENIZER_H
#define SLUICE_MODEL_TOKENIZER_H

#include "base/slice.h"

enum token_encoding { TOKENS_CL100K, TOKENS_O200K, TOKEN_ENCODINGS };
const char *token_encoding_name(enum token_encoding encoding); /* "cl100k_base" */

struct tokenizer;
struct token_scratch;

/* NULL: out of memory. Takes a tenth of a second: not on an event loop. */
MUST_USE struct tokenizer *tokenizer_new(enum token_encoding encoding);
void tokenizer_free(struct tokenizer *tokenizer); /* NULL-safe */

/* Memory that counting needs beside the text: five bytes for each of its longest piece. */
MUST_USE struct token_scratch *token_scratch_new(void);
void token_scratch_free(struct token_scratch *scratch); /* NULL-safe */

/* Number of tokens of the text. Bytes that are not UTF-8 are counted as they are. False: out of
 * memory. */
MUST_USE bool tokenizer_count(const struct tokenizer *tokenizer, struct slice text,
                              struct token_scratch *scratch, size_t *ret_count);
/* The tokens themselves, in pieces as they are made. */
MUST_USE bool tokenizer_encode(const struct tokenizer *tokenizer, struct slice text,
                               struct token_scratch *scratch,
                               void (*take)(void *user, const uint32_t *tokens, size_t count),
                               void *user);
size_t tokenizer_size(const struct tokenizer *tokenizer); /* how many tokens there are */
/* Bytes of a token; empty: there is none of this number. */
struct slice tokenizer_text(const struct tokenizer *tokenizer, uint32_t token);

#endif
