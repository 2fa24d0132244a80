/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors are what npm's tiktoken 1.0.22 says; tests/tokens compares a great many more. */
#include "model/tokenizer.h"

#include "base/memory.h"
#include "tests/tap.h"

#define TEXT(literal) SLICE_INIT(literal)
#define LONG_BYTES ((size_t)1 << 20)

static struct tokenizer *tokenizers[TOKEN_ENCODINGS];
static struct token_scratch *scratch;

static const struct vector {
    struct slice text;
    size_t counts[TOKEN_ENCODINGS];
} vectors[] = {
    {TEXT("hello world"), {2, 2}},
    {TEXT("Hello, World!"), {4, 4}},
    {TEXT("don't DON'T don'\305\277 it'S"), {10, 7}},
    {TEXT("I'll we've you're he'd I'm"), {10, 5}},
    {TEXT("<|endoftext|><|fim_prefix|>"), {13, 12}},
    {TEXT("  leading spaces"), {3, 3}},
    {TEXT("trailing   "), {3, 3}},
    {TEXT("a\012\012\012b \012 c"), {5, 5}},
    {TEXT("\015\012\011\015\012"), {1, 1}},
    {TEXT("1234567890"), {4, 4}},
    {TEXT("x1y22z333"), {6, 6}},
    {TEXT("HTMLParser CamelCaseURL"), {5, 5}},
    {TEXT("ABCdef ABC DEFghi"), {5, 5}},
    {TEXT("//path/to/file\012//"), {6, 6}},
    {TEXT("https://example.com/\077q=1"), {8, 8}},
    {TEXT("std::vector<int> v{1,2};"), {11, 11}},
    {TEXT("\346\227\245\346\234\254\350\252\236\343\201\256\343\203\206\343\202\255\343\202\271\343"
          "\203\210"),
     {8, 6}},
    {TEXT("\354\225\210\353\205\225\355\225\230\354\204\270\354\232\224 \354\204\270\352\263\204"),
     {9, 3}},
    {TEXT("\320\237\321\200\320\270\320\262\320\265\321\202, \320\274\320\270\321\200!"), {7, 5}},
    {TEXT("\331\205\330\261\330\255\330\250\330\247 "
          "\330\250\330\247\331\204\330\271\330\247\331\204\331\205"),
     {10, 4}},
    {TEXT("\340\270\252\340\270\247\340\270\261\340\270\252\340\270\224\340\270\265\340\270\212\340"
          "\270\262\340\270\247\340\271\202\340\270\245\340\270\201"),
     {13, 7}},
    {TEXT("\340\244\250\340\244\256\340\244\270\340\245\215\340\244\244\340\245\207 "
          "\340\244\246\340\245\201\340\244\250\340\244\277\340\244\257\340\244\276"),
     {13, 5}},
    {TEXT("\360\237\221\251\342\200\215\360\237\221\251\342\200\215\360\237\221\247\342\200\215\360"
          "\237\221\246 \360\237\221\215\360\237\217\275 \360\237\207\251\360\237\207\252"),
     {29, 18}},
    {TEXT("e\314\201e\314\200 A\314\212B"), {8, 7}},
    {TEXT("\307\205ungla \312\260\302\252\302\272"), {9, 9}},
    {TEXT("\302\262\302\263\302\275\342\205\267\331\243\331\244\331\245"), {11, 8}},
    {TEXT("\302\240\343\200\200\302\205\342\200\250x"), {7, 6}},
    {TEXT("\357\277\275\357\277\275\357\273\277"), {2, 2}},
    {TEXT("\000\001"), {2, 2}},
    {TEXT("a\314\201\314\201"), {3, 3}},
    {TEXT("!!!\077\077\077..."), {3, 3}},
    {TEXT("'''"), {1, 1}},
    {TEXT("'s"), {1, 1}},
    {TEXT("'"), {1, 1}},
    {TEXT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), {5, 5}},
    {TEXT("indivisible antidisestablishmentarianism"), {9, 9}},
    {TEXT("    def f(self):\012        return None\012"), {9, 9}}};

static size_t count_of(enum token_encoding encoding, struct slice text)
{
    size_t count = 0;
    char *exact = malloc(text.len + 1); /* so that a sanitizer sees reading behind its end */
    if (text.len > 0) {
        memcpy(exact, text.ptr, text.len);
    }
    EXPECT(tokenizer_count(tokenizers[encoding], slice_of(exact, text.len), scratch, &count));
    free(exact);
    return count;
}

static void as_tiktoken(void)
{
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        for (int k = 0; k < TOKEN_ENCODINGS; k++) {
            size_t count = count_of((enum token_encoding)k, vectors[i].text);
            if (count != vectors[i].counts[k]) {
                printf("# %.*s\n", SLICE_ARG(vectors[i].text));
            }
            EXPECT_INT(count, vectors[i].counts[k]);
        }
    }
}

/* What tokens spell must be the text again. */
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
        EXPECT(text.len > 0 && slice_starts(spelling->rest, text));
        spelling->rest = slice_from(spelling->rest, text.len);
    }
    spelling->count += count;
}

static void expect_spelled(enum token_encoding encoding, struct slice text)
{
    struct spelling spelling = {.tokenizer = tokenizers[encoding], .rest = text};
    EXPECT(tokenizer_encode(tokenizers[encoding], text, scratch, spell, &spelling));
    EXPECT_INT(spelling.rest.len, 0);
    EXPECT_INT(spelling.count, count_of(encoding, text));
}

static void tokens_spell_the_text(void)
{
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        expect_spelled(TOKENS_CL100K, vectors[i].text);
        expect_spelled(TOKENS_O200K, vectors[i].text);
    }
}

/* Every token of the vocabulary is one token where it stands alone as a piece, and merging finds
 * the same: the index knows how each is made. */
static void vocabulary(void)
{
    static const size_t sizes[TOKEN_ENCODINGS] = {100256, 199998};
    for (int k = 0; k < TOKEN_ENCODINGS; k++) {
        EXPECT_INT(tokenizer_size(tokenizers[k]), sizes[k]);
        EXPECT_INT(tokenizer_text(tokenizers[k], (uint32_t)sizes[k]).len, 0);
        EXPECT_SLICE(tokenizer_text(tokenizers[k], 0), "!");
    }
    EXPECT_SLICE(slice_from_cstr(token_encoding_name(TOKENS_CL100K)), "cl100k_base");
    EXPECT_SLICE(slice_from_cstr(token_encoding_name(TOKENS_O200K)), "o200k_base");
}

static void long_pieces(void)
{
    static const struct {
        char byte;
        size_t counts[TOKEN_ENCODINGS];
    } cases[] = {{'a', {131072, 131072}},
                 {' ', {8192, 8192}},
                 {'\n', {32768, 65536}},
                 {'-', {16384, 16384}},
                 {'7', {349526, 349526}}};
    char *text = malloc(LONG_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        memset(text, cases[i].byte, LONG_BYTES);
        for (int k = 0; k < TOKEN_ENCODINGS; k++) {
            EXPECT_INT(count_of((enum token_encoding)k, slice_of(text, LONG_BYTES)),
                       cases[i].counts[k]);
        }
    }
    free(text);
}

/* Every byte, alone and in twos: none fails, none is lost. */
static void not_utf8(void)
{
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b += 5) {
            const char text[] = {'x', (char)a, (char)b, 'y', (char)a};
            expect_spelled(TOKENS_CL100K, slice_of(text, sizeof(text)));
            expect_spelled(TOKENS_O200K, slice_of(text + 1, 2));
        }
    }
    EXPECT_INT(count_of(TOKENS_O200K, SLICE_EMPTY), 0);
}

static void without_memory(void)
{
#ifdef SLUICE_FAULTS
    bool failed = true;
    for (int nth = 0; failed; nth++) {
        memory_fail_nth(nth);
        struct tokenizer *tokenizer = tokenizer_new(TOKENS_CL100K);
        failed = memory_fault_happened();
        EXPECT((tokenizer == NULL) == failed);
        tokenizer_free(tokenizer);
        nth += nth > 20 ? 40 : 0; /* the many rows of the classes are alike */
    }
    for (int nth = 0; nth < 3; nth++) {
        memory_fail_nth(nth);
        size_t count = 0;
        struct token_scratch *fresh = token_scratch_new();
        bool counted = fresh != NULL &&
                       tokenizer_count(tokenizers[0], SLICE("unmergeablexqzj"), fresh, &count);
        EXPECT(counted != memory_fault_happened());
        token_scratch_free(fresh);
    }
    memory_fail_nth(-1);
#endif
}

int main(void)
{
    scratch = token_scratch_new();
    for (int k = 0; k < TOKEN_ENCODINGS; k++) {
        tokenizers[k] = tokenizer_new((enum token_encoding)k);
        CHECK(tokenizers[k] != NULL);
    }
    TEST(as_tiktoken, "texts have as many tokens as tiktoken finds");
    TEST(tokens_spell_the_text, "the tokens of a text spell it");
    TEST(vocabulary, "the vocabularies are whole");
    TEST(long_pieces, "pieces of a megabyte are merged exactly");
    TEST(not_utf8, "bytes that are no UTF-8 are counted, and none is lost");
    TEST(without_memory, "out of memory is told");
    for (int k = 0; k < TOKEN_ENCODINGS; k++) {
        tokenizer_free(tokenizers[k]);
    }
    token_scratch_free(scratch);
    return tap_done();
}
