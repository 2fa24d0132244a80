/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/attempt_bound.h"

#include "gateway/attempt_run.h"

#include "dialect/outside.h"

#define CHOICES_MAX 1024
#define TOKENS_MAX (INT64_C(1) << 40)

/* Of members that the reader kept aside: what they hold is part of the prompt, for all we know. */
static int64_t extra_bytes(const struct chat_extra *extras, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += extras[i].key.len + extras[i].value.len;
    }
    return (int64_t)sum;
}

static int64_t input_bound(const struct call *call)
{
    const struct chat *chat = &call->chat;
    const struct attempt *attempt = &call->attempt;
    bool counted = call->counted != 0 && call->counted == attempt->target->encoding;
    int64_t tokens = (counted ? call->counted_tokens.high : call->tokens.high) +
                     extra_bytes(chat->extras, chat->extra_count);
    for (size_t i = 0; i < chat->message_count; i++) {
        tokens += extra_bytes(chat->messages[i].extras, chat->messages[i].extra_count);
    }
    if (attempt->lane != LANE_VERBATIM && attempt->body.len > chat->body.len) {
        tokens += (int64_t)(attempt->body.len - chat->body.len);
    }
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
