/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/decide_learned.h"

#include "base/hash.h"

#define TEXT_MAX (2 * VECTOR_HALF)

static size_t read_text(const struct chat *chat, char text[TEXT_MAX])
{
    size_t len = 0;
    for (size_t i = chat->message_count; i > 0; i--) {
        const struct chat_message *message = &chat->messages[i - 1];
        if (message->role != ROLE_USER) {
            continue;
        }
        for (size_t p = 0; p < message->part_count && len < TEXT_MAX; p++) {
            if (message->parts[p].kind == PART_TEXT) {
                len += json_unescape_to(message->parts[p].text, text + len, TEXT_MAX - len);
            }
        }
        break;
    }
    return len;
}

static uint16_t permille_of(double probability)
{
    return (uint16_t)(probability * 998 + 1.5);
}

void decide_learned(const struct snapshot *snapshot, const struct chat *chat,
                    struct decision *decision)
{
    char text[TEXT_MAX];
    struct text_vector vector;
    const struct policy *policy = &snapshot->policy;
    const struct weights *weights = snapshot->classifier.weights;
    uint64_t tag = decision->tag.len == 0 ? 0 : hash_stable(decision->tag);
    size_t len = read_text(chat, text);
    decision->has_learned = len > 0;
    if (len == 0) {
        return;
    }
    vector_of_text(slice_of(text, len), &vector);
    memset(decision->learned, 0, sizeof(decision->learned));
    const struct weights_question question = {.vector = &vector, .tag = tag};
    for (size_t i = 0; i < policy->target_count; i++) {
        unsigned known = policy->targets[i].learned;
        if (known != 0 && decision->learned[known] == 0) {
            struct slice name = slice_from_cstr(weights->heads[known - 1].name);
            uint32_t head = weights_find_for(weights, HEAD_MODEL, name, &vector);
            decision->learned[known] = permille_of(weights_success(weights, head, &question));
        }
    }
}
