/* SPDX-License-Identifier: Apache-2.0 */
/* encode ENCODING < TEXTS: the tokens of each text (its length in 4 bytes, little endian, and its
 * bytes), a line of numbers each. */
#include "model/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX (1u << 24)

static void write_tokens(void *user, const uint32_t *tokens, size_t count)
{
    bool *begun = user;
    for (size_t i = 0; i < count; i++) {
        printf("%s%u", *begun ? " " : "", (unsigned)tokens[i]);
        *begun = true;
    }
}

int main(int argc, char **argv)
{
    unsigned char head[4];
    bool old = argc > 1 && strcmp(argv[1], token_encoding_name(TOKENS_CL100K)) == 0;
    struct tokenizer *tokenizer = tokenizer_new(old ? TOKENS_CL100K : TOKENS_O200K);
    struct token_scratch *scratch = token_scratch_new();
    if (tokenizer == NULL || scratch == NULL) {
        return 1;
    }
    while (fread(head, 1, sizeof(head), stdin) == sizeof(head)) {
        size_t len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
        char *text = len < TEXT_MAX ? malloc(len + 1) : NULL;
        bool begun = false;
        if (text == NULL || fread(text, 1, len, stdin) != len ||
            !tokenizer_encode(tokenizer, slice_of(text, len), scratch, write_tokens, &begun)) {
            return 1;
        }
        putchar('\n');
        free(text);
    }
    token_scratch_free(scratch);
    tokenizer_free(tokenizer);
    return 0;
}
