/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer visibly holds: never more than an honest provider was asked for, never less than
 * can be charged. */
#include "gateway/seen.h"

#include "tests/tap.h"

#include <stdio.h>

static struct seen seen;
static struct seen_count count;

static void say(const char *inner)
{
    const struct event event = {.kind = EVENT_TEXT, .text = slice_from_cstr(inner)};
    const struct frame frame = {.events = &event, .count = 1};
    seen_frame(&seen, &frame);
}

static void words_and_events_are_tokens(void)
{
    seen_init(&seen);
    say("");
    seen_count(&seen, NULL, &count);
    EXPECT_INT(count.most, 0);
    EXPECT_INT(count.least, 0);
    say("One two, three");
    seen_count(&seen, NULL, &count);
    EXPECT_INT(count.most, 14);
    EXPECT_INT(count.least, 3);
    EXPECT_INT(count.sure, 1);
    say("s and\\nmore"); /* a word goes on: counted once */
    seen_count(&seen, NULL, &count);
    EXPECT_INT(count.most, 14 + 10);
    EXPECT_INT(count.least, 5);
    for (int i = 0; i < 8; i++) {
        say(".");
    }
    seen_count(&seen, NULL, &count);
    EXPECT_INT(count.least, 10); /* events */
    EXPECT_INT(count.sure, 5);
    seen_release(&seen);
}

static void long_words_are_more_than_one(void)
{
    char text[1000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    seen_init(&seen);
    say(text);
    seen_count(&seen, NULL, &count);
    EXPECT_INT(count.least, (999 + 31) / 32);
    EXPECT_INT(count.most, 999);
    seen_clear(&seen);
    memset(text, ' ', sizeof(text) - 1);
    say(text);
    seen_count(&seen, NULL, &count);
    EXPECT_INT(count.least, 999 / 128);
    EXPECT_INT(count.sure, 999 / 128);
    seen_release(&seen);
}

/* In pieces of each size the same as in one. */
static void a_known_vocabulary_counts_exactly(void)
{
    static const char text[] =
        "The quick brown fox jumps over the lazy dog; \xe4\xbd\xa0\xe5\xa5\xbd, 12345 times. ";
    struct tokenizer *tokenizer = tokenizer_new(TOKENS_O200K);
    struct token_scratch *scratch = token_scratch_new();
    struct buf all = BUF_INIT(1u << 20);
    CHECK(tokenizer != NULL && scratch != NULL);
    for (int i = 0; i < 40; i++) {
        buf_append_cstr(&all, text);
    }
    size_t wanted = 0;
    EXPECT(tokenizer_count(tokenizer, buf_slice(&all), scratch, &wanted));
    for (size_t piece = 7; piece < 2000; piece = piece * 3 + 1) {
        seen_init(&seen);
        for (size_t at = 0; at < all.len; at += piece) {
            size_t len = all.len - at < piece ? all.len - at : piece;
            const struct event event = {.kind = EVENT_TEXT, .text = slice_of(all.ptr + at, len)};
            const struct frame frame = {.events = &event, .count = 1};
            seen_frame(&seen, &frame);
            if (at % 5 == 0) {
                seen_count(&seen, tokenizer, &count);
            }
        }
        seen_count(&seen, tokenizer, &count);
        EXPECT_INT(count.most, wanted);
        EXPECT_INT(count.least, wanted);
        EXPECT(count.sure < count.least && count.sure > count.least / 2);
        seen_release(&seen);
    }
    buf_release(&all);
    token_scratch_free(scratch);
    tokenizer_free(tokenizer);
}

static void what_is_hidden_is_told(void)
{
    const struct event event = {.kind = EVENT_OPAQUE, .text = SLICE("c2VjcmV0")};
    const struct frame frame = {.events = &event, .count = 1};
    seen_init(&seen);
    say("x");
    EXPECT(!seen.unseen);
    seen_frame(&seen, &frame);
    EXPECT(seen.unseen);
    seen_clear(&seen);
    EXPECT(!seen.unseen && seen.bytes == 0);
    seen_release(&seen);
}

int main(void)
{
    TEST(words_and_events_are_tokens, "words and events are tokens, bytes are the most");
    TEST(long_words_are_more_than_one, "long words are more than one token, spaces hardly any");
    TEST(a_known_vocabulary_counts_exactly, "a known vocabulary counts exactly, in any pieces");
    TEST(what_is_hidden_is_told, "what is hidden is told");
    return tap_done();
}
