/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many tokens a request has, without a tokenizer: bytes by class, weighted. Bounds: every
 * tokenizer in use makes at least one byte into a token, so bytes (of the JSON form, which are
 * never fewer than the plain ones) plus framing are an upper bound; below, a token holds no more
 * than TOKEN_BYTES_MAX bytes and does not reach over a word's start. What is not text has a bound
 * of its own: images by the dearest published rule, sound by its bytes, files (which are packed:
 * their bytes say nothing) as those by reference.
 *
 * Providers make prompts of more than what we take for texts: titles, seals, schemas, members of
 * next year. So the upper bound is never less than all of the body's bytes but for those of media:
 * what goes upstream is in it, whether anybody here knows its name or not.
 */
#include "route/tokens.h"

#include "route/token_count.h"

#define TOKEN_BYTES_MAX 128

/* Per message: role, separators and the markers that a template puts around it; once per request:
 * the answer's opening. */
#define MESSAGE_TOKENS 4
#define MESSAGE_TOKENS_HIGH 12
#define REQUEST_TOKENS 3
#define REQUEST_TOKENS_HIGH 32
#define PART_TOKENS_HIGH 2
/* Some vendors put a text of their own before tool definitions. */
#define TOOLS_TOKENS 40
#define TOOLS_TOKENS_HIGH 1024

/* The dearest rule: 2,833 tokens and 5,667 per tile of a picture, which has at most 8. */
#define IMAGE_TOKENS_LOW 64
#define IMAGE_TOKENS 800
#define IMAGE_TOKENS_HIGH 48169
#define SOUND_BYTES_PER_TOKEN 1200
#define SOUND_BYTES_PER_TOKEN_LOW 32 /* 8 kbit/s at 32 tokens per second */
#define FILE_BYTES_PER_TOKEN 20
#define FILE_BY_REFERENCE_TOKENS 2000
#define FILE_BY_REFERENCE_TOKENS_HIGH 100000

#define SAMPLE_PER_TEXT 256 /* bytes of each text that the rules do not look at */
#define SAMPLE_TEXTS 12

/* Tokens per thousand of each class: fitted to the o200k tokenizer on prompts of all kinds. */
#define PER_WORD 370
#define PER_LETTER 152
#define PER_DIGIT 800
#define PER_HIGH 220
#define PER_MARK 770
#define PER_NEWLINE 400

__extension__ typedef unsigned __int128 wide;

/* Counts texts instead. */
struct counter {
    const struct tokenizer *tokenizer;
    struct token_scratch *scratch;
    struct buf plain;
    struct slice body;
    size_t bytes; /* of the body, that were counted */
    int64_t tokens;
    bool failed;
};

struct sum {
    size_t text_bytes;  /* inner */
    size_t media_bytes; /* of the body: base64 of what has a bound of its own */
    struct byte_counts others;
    unsigned texts_sampled;
    int64_t framing;              /* at most, around turns and their parts */
    struct counter *counter;      /* NULL: texts are estimated */
    struct token_estimate tokens; /* of all that is not text */
};

void tokens_count_bytes(const char *text, size_t len, struct byte_counts *counts)
{
    bool open = false;
    for (size_t at = 0; at < len; at += SCAN_BLOCK) {
        char block[SCAN_BLOCK] = {0};
        size_t here = len - at < SCAN_BLOCK ? len - at : SCAN_BLOCK;
        memcpy(block, text + at, here);
        struct block_masks m;
        bool marked = block_scan(block, &m);
        uint64_t inside = here == SCAN_BLOCK ? UINT64_MAX : bits_below((unsigned)here);
        counts->words += bits_count(m.word & ~(m.word << 1 | (uint64_t)open));
        counts->letters += bits_count(m.word & ~m.digit & ~m.high);
        counts->digits += bits_count(m.digit);
        counts->high += bits_count(m.high);
        if (marked) {
            counts->newlines += bits_count(m.of[MARK_NEWLINE]);
            counts->marks +=
                bits_count(inside & m.marks & ~(m.of[MARK_NEWLINE] | m.of[MARK_BLANK]));
        }
        open = m.word >> 63 != 0;
    }
    counts->bytes += len;
}

static int64_t tokens_of(const struct byte_counts *counts)
{
    size_t milli = counts->words * PER_WORD + counts->letters * PER_LETTER +
                   counts->digits * PER_DIGIT + counts->high * PER_HIGH + counts->marks * PER_MARK +
                   counts->newlines * PER_NEWLINE;
    return (int64_t)(milli / 1000);
}

static void add_tokens(struct sum *sum, int64_t low, int64_t expected, int64_t high)
{
    sum->tokens.low += low;
    sum->tokens.expected += expected;
    sum->tokens.high += high;
}

/* Names that were made for what has none are not of the body. */
static bool is_within(struct slice text, struct slice body)
{
    uintptr_t at = (uintptr_t)text.ptr;
    return at >= (uintptr_t)body.ptr && at + text.len <= (uintptr_t)body.ptr + body.len;
}

static void count_text(struct counter *counter, struct slice text)
{
    size_t tokens = 0;
    buf_clear(&counter->plain);
    counter->failed |=
        !json_unescape(text, &counter->plain) ||
        !tokenizer_count(counter->tokenizer, buf_slice(&counter->plain), counter->scratch, &tokens);
    counter->tokens += (int64_t)tokens;
}

static void add_text(struct sum *sum, struct slice text)
{
    sum->text_bytes += text.len;
    if (UNLIKELY(sum->counter != NULL)) {
        sum->counter->bytes += is_within(text, sum->counter->body) ? text.len : 0;
        count_text(sum->counter, text);
        return;
    }
    if (text.len > 0 && sum->texts_sampled < SAMPLE_TEXTS) {
        size_t len = text.len < SAMPLE_PER_TEXT ? text.len : SAMPLE_PER_TEXT;
        tokens_count_bytes(text.ptr, len, &sum->others);
        sum->texts_sampled++;
    }
}

/* The id of what a result answers: it may be the call's own bytes, which count once. */
static void add_answered(struct sum *sum, struct slice id)
{
    size_t bytes = sum->counter == NULL ? 0 : sum->counter->bytes;
    add_text(sum, id);
    if (sum->counter != NULL) {
        sum->counter->bytes = bytes;
    }
}

static void add_file(struct sum *sum, const struct chat_part *part)
{
    int64_t bytes = (int64_t)part->data.len;
    if (bytes == 0) {
        add_tokens(sum, 0, FILE_BY_REFERENCE_TOKENS, FILE_BY_REFERENCE_TOKENS_HIGH);
    } else {
        int64_t least = FILE_BY_REFERENCE_TOKENS_HIGH;
        add_tokens(sum, 0, bytes / FILE_BYTES_PER_TOKEN, bytes > least ? bytes : least);
    }
    sum->media_bytes += part->data.len;
}

static void add_part(struct sum *sum, const struct chat_part *part, bool searched)
{
    switch (part->kind) {
    case PART_TEXT:
    case PART_REASONING:
    case PART_REFUSAL:
        if (searched) {
            sum->text_bytes += part->text.len;
        } else {
            add_text(sum, part->text);
        }
        break;
    case PART_TOOL_CALL:
        add_text(sum, part->name);
        add_text(sum, part->arguments);
        add_text(sum, part->id);
        break;
    case PART_TOOL_RESULT:
        add_text(sum, part->text);
        add_answered(sum, part->id);
        break;
    case PART_IMAGE:
        add_tokens(sum, IMAGE_TOKENS_LOW, IMAGE_TOKENS, IMAGE_TOKENS_HIGH);
        sum->media_bytes += part->data.len;
        break;
    case PART_AUDIO:
        add_tokens(sum, 0, (int64_t)(part->data.len / SOUND_BYTES_PER_TOKEN),
                   (int64_t)(part->data.len / SOUND_BYTES_PER_TOKEN_LOW) + 64);
        sum->media_bytes += part->data.len;
        break;
    case PART_FILE:
        add_file(sum, part);
        break;
    case PART_UNKNOWN:
        add_text(sum, part->raw);
        break;
    }
}

static void add_definitions(struct sum *sum, const struct chat *chat)
{
    for (size_t i = 0; i < chat->tool_count; i++) {
        add_text(sum, chat->tools[i].raw);
    }
    if (chat->tool_count > 0) {
        add_tokens(sum, 0, TOOLS_TOKENS, TOOLS_TOKENS_HIGH);
    }
    add_text(sum, chat->schema);
    add_text(sum, chat->suffix);
}

/* The rules have looked at the user's last turn and the head of the system prompt: those are
 * counted already. */
static bool is_searched(const struct chat *chat, size_t message, size_t user_turn)
{
    return message == user_turn || (message == 0 && chat->messages[0].role != ROLE_USER);
}

static void add_messages(struct sum *sum, const struct chat *chat, size_t user_turn)
{
    for (size_t i = 0; i < chat->message_count; i++) {
        const struct chat_message *message = &chat->messages[i];
        bool searched = sum->counter == NULL && is_searched(chat, i, user_turn);
        for (size_t j = 0; j < message->part_count; j++) {
            add_part(sum, &message->parts[j], searched);
        }
        if (sum->counter != NULL) {
            count_text(sum->counter, message->name);
        }
        sum->text_bytes += message->name.len;
        sum->framing += MESSAGE_TOKENS_HIGH + (int64_t)message->part_count * PART_TOKENS_HIGH;
        add_tokens(sum, 1, MESSAGE_TOKENS, 0);
    }
}

/* `counted`: bytes of the body whose tokens are among *sum's already. What a template puts around a
 * turn is no longer than the JSON around it. */
static int64_t highest(const struct sum *sum, const struct chat *chat, size_t counted)
{
    size_t known = sum->media_bytes + counted;
    size_t rest = chat->body.len > known ? chat->body.len - known : 0;
    return (int64_t)rest > sum->framing ? (int64_t)rest : sum->framing;
}

/* rest x tokens / seen */
static int64_t share_of(uint64_t rest, uint64_t tokens, uint64_t seen)
{
    if (LIKELY((rest | tokens) <= UINT32_MAX)) {
        return (int64_t)(rest * tokens / seen);
    }
    return (int64_t)((wide)rest * tokens / seen);
}

void tokens_estimate(const struct chat *chat, const struct byte_counts *sampled,
                     struct features *features)
{
    struct sum sum = {0};
    add_messages(&sum, chat, features->user_turn);
    add_definitions(&sum, chat);
    add_tokens(&sum, 1, REQUEST_TOKENS, REQUEST_TOKENS_HIGH);
    size_t seen = features->sampled_bytes + sum.others.bytes;
    int64_t tokens = tokens_of(sampled) + (sum.others.bytes == 0 ? 0 : tokens_of(&sum.others));
    size_t rest = sum.text_bytes > seen ? sum.text_bytes - seen : 0;
    int64_t low = (int64_t)(sampled->words + rest / TOKEN_BYTES_MAX);
    if (seen > 0) {
        tokens += share_of(rest, (uint64_t)tokens, seen);
    }
    features->tokens = (struct token_estimate){
        .low = low + sum.tokens.low,
        .expected = tokens + sum.tokens.expected,
        .high = (int64_t)sum.text_bytes + sum.tokens.high + highest(&sum, chat, sum.text_bytes),
    };
    features->text_bytes = sum.text_bytes;
    if (features->tokens.expected < features->tokens.low) {
        features->tokens.expected = features->tokens.low;
    }
}

#define PLAIN_BYTES_MAX ((size_t)64 << 20)

bool tokens_count(const struct chat *chat, const struct tokenizer *tokenizer,
                  struct token_estimate *ret_tokens)
{
    struct counter counter = {.tokenizer = tokenizer,
                              .scratch = token_scratch_new(),
                              .plain = BUF_INIT(PLAIN_BYTES_MAX),
                              .body = chat->body};
    struct sum sum = {.counter = &counter};
    if (counter.scratch == NULL) {
        return false;
    }
    add_messages(&sum, chat, SIZE_MAX);
    add_definitions(&sum, chat);
    add_tokens(&sum, 1, REQUEST_TOKENS, REQUEST_TOKENS_HIGH);
    token_scratch_free(counter.scratch);
    buf_release(&counter.plain);
    *ret_tokens = (struct token_estimate){
        .low = counter.tokens + sum.tokens.low,
        .expected = counter.tokens + sum.tokens.expected,
        .high = counter.tokens + sum.tokens.high + highest(&sum, chat, counter.bytes),
    };
    return !counter.failed;
}
