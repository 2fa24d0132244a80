/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/seen.h"

#include "codec/json.h"

#define TEXT_KEPT ((size_t)4 << 10)
/* What is counted at once ends before a word, if there is one in the last so many bytes. */
#define TAIL_MAX ((size_t)512)
#define TOKEN_BYTES_MAX 128 /* of a run of the same, such as spaces */
#define WORD_BYTES_MAX 32   /* of letters in one token */

void seen_init(struct seen *seen)
{
    *seen = (struct seen){.bytes = 0};
    buf_init(&seen->text, SEEN_TEXT_MAX);
}

void seen_clear(struct seen *seen)
{
    struct buf text = seen->text;
    buf_clear(&text);
    buf_trim(&text, TEXT_KEPT);
    *seen = (struct seen){.text = text};
}

void seen_release(struct seen *seen)
{
    buf_release(&seen->text);
}

/* --- words ----------------------------------------------------------------------------------- */

/* Letters of every script; a digit is part of a word, as in names and numbers. */
static bool is_letter(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte >= 0x80 || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

/* Words of what is kept. *run: letters of the one that goes on, at its beginning and at its end. */
static int64_t words_of(const struct buf *text, uint64_t *run)
{
    int64_t words = 0;
    for (size_t i = 0; i < text->len; i++) {
        *run = is_letter(text->ptr[i]) ? *run + 1 : 0;
        words += *run % WORD_BYTES_MAX == 1;
    }
    return words;
}

/* All of what is kept is counted by its words, once and for all. */
static void give_up(struct seen *seen)
{
    seen->words += words_of(&seen->text, &seen->run);
    buf_clear(&seen->text);
    seen->worded = true;
}

/* --- what comes ------------------------------------------------------------------------------ */

static void take(struct seen *seen, struct slice inner)
{
    if (inner.len == 0) {
        return;
    }
    size_t before = seen->text.len;
    if (before + inner.len > SEEN_TEXT_MAX) {
        give_up(seen);
        before = 0;
    }
    seen->events++;
    if (json_unescape(inner, &seen->text) && !seen->text.failed) {
        seen->bytes += (int64_t)(seen->text.len - before);
        return;
    }
    /* no room, or no memory: its bytes are at most these, its words are lost */
    buf_clear(&seen->text);
    seen->text.failed = false;
    seen->bytes += (int64_t)inner.len;
    seen->worded = true;
}

void seen_frame(struct seen *seen, const struct frame *frame)
{
    for (size_t i = 0; i < frame->count; i++) {
        const struct event *event = &frame->events[i];
        switch (event->kind) {
        case EVENT_TEXT:
        case EVENT_REASONING:
        case EVENT_REFUSAL:
        case EVENT_TOOL_ARGUMENTS:
            take(seen, event->text);
            break;
        case EVENT_TOOL_CALL:
            take(seen, event->name);
            break;
        case EVENT_OPAQUE:
        case EVENT_SIGNATURE:
        case EVENT_IMAGE:
        case EVENT_DETAIL:
        case EVENT_LOST:
            seen->unseen = true;
            break;
        case EVENT_START:
        case EVENT_EMBEDDING:
        case EVENT_CITATION:
        case EVENT_LOGPROBS:
        case EVENT_FINISH:
        case EVENT_USAGE:
        case EVENT_ERROR:
        case EVENT_END:
            break;
        }
    }
}

/* --- numbers --------------------------------------------------------------------------------- */

/* Where the text may be cut so that both sides have the tokens of the whole: before the space in
 * front of a word that follows another. Failing that, between two characters. */
static size_t cut_before(const struct buf *text, bool *ret_forced)
{
    size_t least = text->len > TAIL_MAX ? text->len - TAIL_MAX : 0;
    *ret_forced = false;
    for (size_t i = text->len; i > least + 2; i--) {
        const char *at = text->ptr + i - 2; /* the space */
        if (*at == ' ' && is_letter(at[-1]) && is_letter(at[1])) {
            return i - 2;
        }
    }
    size_t cut = least;
    while (cut > 0 && ((unsigned char)text->ptr[cut] & 0xC0) == 0x80) {
        cut--;
    }
    *ret_forced = cut > 0;
    return cut;
}

static void drop_front(struct buf *text, size_t len)
{
    memmove(text->ptr, text->ptr + len, text->len - len);
    text->len -= len;
}

/* False: out of memory. *ret_tail: tokens of what is still kept. */
static bool count_exactly(struct seen *seen, const struct tokenizer *tokenizer, int64_t *ret_tail)
{
    struct token_scratch *scratch = token_scratch_new();
    bool forced = false;
    size_t tokens = 0;
    size_t cut = seen->text.len == 0 ? 0 : cut_before(&seen->text, &forced);
    bool counted = scratch != NULL &&
                   tokenizer_count(tokenizer, slice_of(seen->text.ptr, cut), scratch, &tokens);
    if (counted && cut > 0) {
        seen->exact += (int64_t)tokens;
        seen->forced += forced;
        drop_front(&seen->text, cut);
    }
    counted = counted && tokenizer_count(tokenizer, buf_slice(&seen->text), scratch, &tokens);
    *ret_tail = (int64_t)tokens;
    token_scratch_free(scratch);
    return counted;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void seen_count(struct seen *seen, const struct tokenizer *tokenizer, struct seen_count *ret_count)
{
    int64_t tail = 0;
    if (!seen->worded && tokenizer != NULL && count_exactly(seen, tokenizer, &tail)) {
        int64_t exact = seen->exact + tail - seen->forced;
        *ret_count = (struct seen_count){
            .most = exact + seen->forced, .least = exact, .sure = exact - exact / 16};
        return;
    }
    if (!seen->worded && seen->exact > 0) {
        give_up(seen); /* no memory for the tokenizer: part of the text is not kept any more */
    }
    uint64_t run = seen->run;
    int64_t words = seen->words + words_of(&seen->text, &run) + (seen->worded ? seen->exact : 0);
    int64_t least = larger(words, seen->bytes / TOKEN_BYTES_MAX);
    least = larger(least, seen->events);
    *ret_count = (struct seen_count){
        .most = seen->bytes,
        .least = least,
        .sure = larger(least / 2, seen->bytes / TOKEN_BYTES_MAX),
    };
}
