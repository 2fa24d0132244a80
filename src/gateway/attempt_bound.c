/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/attempt_bound.h"

#include "gateway/attempt_run.h"

#include "dialect/outside.h"

#define CHOICES_MAX 1024
#define TOKENS_MAX (INT64_C(1) << 40)

static bool is_media(const struct chat_part *part)
{
    return part->kind == PART_IMAGE || part->kind == PART_AUDIO || part->kind == PART_FILE;
}

/* Bytes of media of the client's body, and how many of them are in what is sent instead. Where all
 * was said they are; where something could not be, they are looked for, in their order. */
static size_t media_bytes(const struct chat *chat, struct slice sent, bool all, size_t *ret_sent)
{
    size_t sum = 0;
    *ret_sent = 0;
    for (size_t i = 0; i < chat->message_count; i++) {
        const struct chat_message *message = &chat->messages[i];
        for (size_t p = 0; p < message->part_count; p++) {
            struct slice data = message->parts[p].data;
            if (!is_media(&message->parts[p]) || data.len == 0) {
                continue;
            }
            size_t at = all ? 0 : slice_find_slice(sent, data);
            sum += data.len;
            *ret_sent += at == SIZE_MAX ? 0 : data.len;
            sent = all || at == SIZE_MAX ? sent : slice_from(sent, at + data.len);
        }
    }
    return sum;
}

/* What a body of ours has that the client's has not. */
static int64_t added_bytes(const struct call *call)
{
    const struct attempt *attempt = &call->attempt;
    struct slice sent = buf_slice(&attempt->body);
    size_t before = call->chat.body.len;
    size_t after = sent.len;
    size_t kept;
    if (attempt->lane == LANE_VERBATIM) {
        return 0;
    }
    if (attempt->loss.count > 0) {
        before -= media_bytes(&call->chat, sent, false, &kept);
        after -= kept;
    }
    return after > before ? (int64_t)(after - before) : 0;
}

/* The bound by the client's body has all of its bytes in it (route/tokens.c). */
static int64_t input_bound(const struct call *call)
{
    const struct chat *chat = &call->chat;
    const struct attempt *attempt = &call->attempt;
    bool counted = call->counted != 0 && call->counted == attempt->target->encoding;
    int64_t tokens =
        (counted ? call->counted_tokens.high : call->tokens.high) + added_bytes(call);
    if (chat_outside(chat) != 0) {
        int64_t window = attempt->target->context_tokens;
        int64_t most = window > 0 ? window : ATTEMPT_INPUT_UNKNOWN;
        tokens = tokens > most ? tokens : most;
    }
    return tokens > TOKENS_MAX ? TOKENS_MAX : tokens;
}

/* A prediction that the model does not follow is charged as output. */
static int64_t prediction_bytes(const struct chat *chat)
{
    for (size_t i = 0; i < chat->extra_count; i++) {
        if (slice_eq(chat->extras[i].key, SLICE("prediction"))) {
            return (int64_t)chat->extras[i].value.len;
        }
    }
    return 0;
}

static int64_t output_bound(const struct call *call, int64_t clamp)
{
    const struct chat *chat = &call->chat;
    const struct target *target = call->attempt.target;
    if (chat->operation == OPERATION_EMBEDDING) {
        return 0;
    }
    int64_t limit = chat->max_tokens > 0         ? chat->max_tokens
                    : target->output_tokens > 0  ? target->output_tokens
                    : target->context_tokens > 0 ? target->context_tokens
                                                 : ATTEMPT_OUTPUT_UNKNOWN;
    if (clamp > 0 && clamp < limit) {
        limit = clamp;
    }
    limit = limit > TOKENS_MAX / CHOICES_MAX ? TOKENS_MAX / CHOICES_MAX : limit;
    int64_t choices = chat->choices < 1 ? 1 : chat->choices;
    return limit * (choices > CHOICES_MAX ? CHOICES_MAX : choices) + prediction_bytes(chat);
}

/* Is there such a member, and does its value have that word in it? */
static bool has_extra(const struct chat *chat, struct slice name, struct slice word)
{
    for (size_t i = 0; i < chat->extra_count; i++) {
        if (slice_eq(chat->extras[i].key, name)) {
            return slice_find_slice(chat->extras[i].value, word) != SIZE_MAX;
        }
    }
    return false;
}

/* What sound and pictures there may be. Members that are not known may ask for them, where the
 * model is known to make them; of others only what asks for them by its name. */
static unsigned media_of(const struct chat *chat, const struct target *target)
{
    bool open = chat->extra_count > 0;
    const struct slice kinds = SLICE("modalities");
    bool asks =
        has_extra(chat, kinds, SLICE("audio")) || has_extra(chat, SLICE("audio"), SLICE("voice"));
    bool heard = (chat->needs & CAPABILITY_AUDIO) != 0;
    bool hears = (target->capabilities & CAPABILITY_AUDIO) != 0 || target->speaks;
    bool spoken = (target->speaks && (heard || open)) || asks;
    return ((heard || (hears && open)) ? PRICE_MEDIA(PRICE_AUDIO_INPUT) : 0) |
           (spoken ? PRICE_MEDIA(PRICE_AUDIO_OUTPUT) : 0) |
           ((chat->needs & CAPABILITY_VISION) != 0 || open ? PRICE_MEDIA(PRICE_IMAGE_INPUT) : 0) |
           (target->draws || has_extra(chat, kinds, SLICE("image"))
                ? PRICE_MEDIA(PRICE_IMAGE_OUTPUT)
                : 0);
}

static int64_t bound_nd(const struct call *call, int64_t input, int64_t output, unsigned media)
{
    struct price spare;
    return price_bound(attempt_price(call, call->attempt.target, &spare), input, output, media);
}

void attempt_bound(const struct call *call, int64_t clamp, struct attempt_bound *ret_bound)
{
    *ret_bound = (struct attempt_bound){0};
    if (call->chat.operation == OPERATION_TOKEN_COUNT) {
        return; /* counted, not used */
    }
    ret_bound->input = input_bound(call);
    ret_bound->output = output_bound(call, clamp);
    ret_bound->media = media_of(&call->chat, call->attempt.target);
    ret_bound->amount_nd = bound_nd(call, ret_bound->input, ret_bound->output, ret_bound->media);
}

int64_t attempt_most_nd(const struct call *call, int64_t input, int64_t output)
{
    return bound_nd(call, input, output, call->attempt.media);
}
