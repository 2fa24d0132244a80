/* SPDX-License-Identifier: Apache-2.0 */
#include "model/chat.h"

size_t chat_text_bytes(const struct chat *chat)
{
    size_t bytes = 0;
    for (size_t i = 0; i < chat->message_count; i++) {
        const struct chat_message *message = &chat->messages[i];
        for (size_t j = 0; j < message->part_count; j++) {
            bytes += message->parts[j].text.len + message->parts[j].arguments.len;
        }
    }
    return bytes + chat->suffix.len;
}
