/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/made_part.h"

#include "dialect/translate.h"

static bool has_place(enum dialect_id target)
{
    return target == DIALECT_GEMINI || target == DIALECT_OLLAMA;
}

/* Empty: no such part. */
static struct slice name_of(const struct chat_part *part)
{
    switch (part->kind) {
    case PART_IMAGE:
        return SLICE("images");
    case PART_AUDIO:
        return SLICE("audio");
    case PART_FILE:
        return SLICE("files");
    default:
        return SLICE_EMPTY;
    }
}

static bool made_any(const struct chat_message *message)
{
    bool any = false;
    for (size_t i = 0; message->role == ROLE_ASSISTANT && i < message->part_count; i++) {
        any = any || name_of(&message->parts[i]).len > 0;
    }
    return any;
}

static bool drop(struct chat_message *message, size_t index, struct arena *arena, struct loss *loss)
{
    struct chat_part *parts = arena_array(arena, message->part_count, sizeof *parts);
    size_t count = 0;
    if (parts == NULL) {
        return false;
    }
    for (size_t i = 0; i < message->part_count; i++) {
        struct slice name = name_of(&message->parts[i]);
        if (name.len > 0) {
            loss_add_message(loss, index, name);
        } else {
            parts[count++] = message->parts[i];
        }
    }
    message->parts = parts;
    message->part_count = count;
    return true;
}

bool made_parts_drop(struct chat *chat, enum dialect_id target, struct arena *arena,
                     struct loss *loss)
{
    struct chat_message *messages = NULL;
    for (size_t i = 0; !has_place(target) && i < chat->message_count; i++) {
        if (!made_any(&chat->messages[i])) {
            continue;
        }
        if (messages == NULL) {
            messages = arena_array(arena, chat->message_count, sizeof *messages);
            if (messages == NULL) {
                return false;
            }
            memcpy(messages, chat->messages, chat->message_count * sizeof *messages);
            chat->messages = messages;
        }
        if (!drop(&messages[i], i, arena, loss)) {
            return false;
        }
    }
    return true;
}
