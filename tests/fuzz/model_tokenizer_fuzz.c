/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as text. The first byte chooses the vocabulary. The tokens spell the text, and there
 * are as many as are counted.
 */
#include "base/check.h"
#include "model/tokenizer.h"

static struct tokenizer *tokenizers[TOKEN_ENCODINGS];
static struct token_scratch *scratch;

struct spelling {
    const struct tokenizer *tokenizer;
    struct slice rest;
    size_t count;
};

static void spell(void *user, const uint32_t *tokens, size_t count)
{
    struct spelling *spelling = user;
    for (size_t i = 0; i < count; i++) {
        struct slice text = tokenizer_text(spelling->tokenizer, tokens[i]);
        CHECK(text.len > 0 && slice_starts(spelling->rest, text));
        spelling->rest = slice_from(spelling->rest, text.len);
    }
    spelling->count += count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t count = 0;
    if (scratch == NULL) {
        tokenizers[TOKENS_CL100K] = tokenizer_new(TOKENS_CL100K);
        tokenizers[TOKENS_O200K] = tokenizer_new(TOKENS_O200K);
        scratch = token_scratch_new();
        CHECK(tokenizers[0] != NULL && tokenizers[1] != NULL && scratch != NULL);
    }
    if (size == 0) {
        return 0;
    }
    struct slice text = slice_of((const char *)data + 1, size - 1);
    struct spelling spelling = {.tokenizer = tokenizers[data[0] & 1], .rest = text};
    CHECK(tokenizer_encode(spelling.tokenizer, text, scratch, spell, &spelling));
    CHECK(tokenizer_count(spelling.tokenizer, text, scratch, &count));
    CHECK(spelling.rest.len == 0 && spelling.count == count && count <= text.len);
    return 0;
}
