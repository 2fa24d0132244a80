/* SPDX-License-Identifier: Apache-2.0 */
#include "route/learned.h"

#include <string.h>

#define WHOLE_MAX (4 * VECTOR_HALF) /* bytes of JSON: a longer text is read at its ends alone */
#define TAIL_READ (6 * VECTOR_HALF) /* of JSON: a letter of two bytes may take six */

static const struct chat_message *last_user_turn(const struct chat *chat)
{
    for (size_t i = chat->message_count; i > 0; i--) {
        if (chat->messages[i - 1].role == ROLE_USER) {
            return &chat->messages[i - 1];
        }
    }
    return NULL;
}

/* Bytes of JSON of all its texts. */
static size_t turn_bytes(const struct chat_message *turn)
{
    size_t bytes = 0;
    for (size_t i = 0; i < turn->part_count; i++) {
        bytes += turn->parts[i].kind == PART_TEXT ? turn->parts[i].text.len : 0;
    }
    return bytes;
}

/* The first `size` bytes of its texts, one behind the other. */
static size_t read_head(const struct chat_message *turn, char *text, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < turn->part_count && len < size; i++) {
        if (turn->parts[i].kind == PART_TEXT) {
            len += json_unescape_to(turn->parts[i].text, text + len, size - len);
        }
    }
    return len;
}

/* The end of JSON, from a blank on if there is one near: that is inside no escape. */
static struct slice cut_front(struct slice inner, size_t size)
{
    struct slice tail = slice_from(inner, inner.len - size);
    size_t blank = slice_find(slice_of(tail.ptr, tail.len < 64 ? tail.len : 64), ' ');
    return blank == SIZE_MAX ? tail : slice_from(tail, blank);
}

/* The last bytes of its texts, one behind the other. */
static struct slice read_tail(const struct chat_message *turn, char tail[VECTOR_HALF])
{
    char text[TAIL_READ];
    size_t start = VECTOR_HALF;
    for (size_t i = turn->part_count; i > 0 && start > 0; i--) {
        struct slice inner = turn->parts[i - 1].text;
        if (turn->parts[i - 1].kind == PART_TEXT && inner.len > 0) {
            struct slice end = inner.len <= TAIL_READ ? inner : cut_front(inner, TAIL_READ);
            size_t len = json_unescape_to(end, text, TAIL_READ);
            size_t kept = len < start ? len : start;
            start -= kept;
            memcpy(tail + start, text + len - kept, kept);
        }
    }
    return slice_of(tail + start, VECTOR_HALF - start);
}

static bool read_turn(const struct chat_message *turn, struct text_vector *ret_vector)
{
    char text[WHOLE_MAX];
    size_t bytes = turn == NULL ? 0 : turn_bytes(turn);
    if (bytes == 0) {
        return false;
    }
    if (bytes <= WHOLE_MAX) {
        size_t len = read_head(turn, text, sizeof(text));
        vector_of_text(slice_of(text, len), ret_vector);
        return len > 0;
    }
    size_t len = read_head(turn, text, VECTOR_HALF);
    struct slice tail = read_tail(turn, text + VECTOR_HALF);
    vector_of_ends(slice_of(text, len), tail, bytes, ret_vector);
    return true;
}

static uint16_t permille_of(double probability)
{
    return (uint16_t)(probability * 998 + 1.5);
}

bool learned_ask(const struct weights *weights, const struct policy *policy,
                 const struct chat *chat, uint64_t tag, uint16_t permille[WEIGHTS_HEADS_MAX + 1])
{
    struct text_vector vector;
    if (!read_turn(last_user_turn(chat), &vector)) {
        return false;
    }
    const struct weights_question question = {.vector = &vector, .tag = tag};
    memset(permille, 0, (WEIGHTS_HEADS_MAX + 1) * sizeof(permille[0]));
    for (size_t i = 0; i < policy->target_count; i++) {
        unsigned known = policy->targets[i].learned;
        if (known != 0 && permille[known] == 0) {
            permille[known] = permille_of(weights_success(weights, known - 1, &question));
        }
    }
    return true;
}
