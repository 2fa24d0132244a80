/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting tokens, of files: token_bench FILE... The best of several rounds on one core, in time of
 * the processor, with the making of the indices apart. "a" stands for a megabyte of that letter.
 */
#include "base/buf.h"
#include "model/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 15
#define FILE_MAX ((size_t)64 << 20)

static double processor_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static bool read_file(const char *name, struct buf *out)
{
    char *room = buf_reserve(out, FILE_MAX);
    FILE *file = strcmp(name, "a") == 0 ? NULL : fopen(name, "rb");
    if (room == NULL || (file == NULL && strcmp(name, "a") != 0)) {
        return false;
    }
    if (file == NULL) {
        memset(room, 'a', (size_t)1 << 20);
        out->len = (size_t)1 << 20;
        return true;
    }
    out->len = fread(room, 1, FILE_MAX, file);
    (void)fclose(file);
    return true;
}

static bool measure(const struct tokenizer *tokenizer, struct token_scratch *scratch,
                    const char *name, struct slice text)
{
    double best = 1e12;
    size_t count = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double begin = processor_ms();
        if (!tokenizer_count(tokenizer, text, scratch, &count)) {
            return false;
        }
        double took = processor_ms() - begin;
        best = took < best ? took : best;
    }
    printf("  %-40s %9zu bytes %8zu tokens %8.2f ms %7.1f MB/s\n", name, text.len, count, best,
           (double)text.len / best / 1e3);
    return true;
}

int main(int argc, char **argv)
{
    struct token_scratch *scratch = token_scratch_new();
    bool done = scratch != NULL;
    for (int k = 0; k < TOKEN_ENCODINGS && done; k++) {
        double begin = processor_ms();
        struct tokenizer *tokenizer = tokenizer_new((enum token_encoding)k);
        printf("%s, made in %.0f ms\n", token_encoding_name((enum token_encoding)k),
               processor_ms() - begin);
        for (int i = 1; i < argc && done; i++) {
            struct buf text = BUF_INIT(FILE_MAX);
            done = tokenizer != NULL && read_file(argv[i], &text) &&
                   measure(tokenizer, scratch, argv[i], buf_slice(&text));
            buf_release(&text);
        }
        tokenizer_free(tokenizer);
    }
    token_scratch_free(scratch);
    return done ? 0 : 1;
}
