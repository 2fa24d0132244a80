/* SPDX-License-Identifier: Apache-2.0 */
/* Chats by hand for the tests of this layer: plain text in, JSON inner text out. One static chat at
 * a time. */
#ifndef TESTS_ROUTE_SUPPORT_H
#define TESTS_ROUTE_SUPPORT_H

#include "model/chat.h"
#include "route/features.h"

#include <stdlib.h>

#define SUPPORT_MESSAGES 600

struct support_chat {
    struct chat chat;
    struct chat_message messages[SUPPORT_MESSAGES];
    struct chat_part parts[SUPPORT_MESSAGES];
    char *texts[SUPPORT_MESSAGES];
};

static struct support_chat support;

/* The inside of a JSON string that stands for `text`; freed by support_reset(). */
static inline struct slice support_inner(const char *text, char **keep)
{
    size_t len = strlen(text);
    char *out = malloc(2 * len + 1);
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool escaped = c == '"' || c == '\\' || c == '\n' || c == '\t' || c == '\r';
        if (escaped) {
            out[used++] = '\\';
        }
        out[used++] = (char)(c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : c);
    }
    *keep = out;
    return slice_of(out, used);
}

static inline void support_reset(void)
{
    for (size_t i = 0; i < support.chat.message_count; i++) {
        free(support.texts[i]);
    }
    memset(&support.chat, 0, sizeof(support.chat));
    support.chat.messages = support.messages;
    support.chat.choices = 1;
}

static inline void support_add(enum chat_role role, const char *text)
{
    size_t i = support.chat.message_count++;
    support.parts[i] =
        (struct chat_part){.kind = PART_TEXT, .text = support_inner(text, &support.texts[i])};
    support.messages[i] =
        (struct chat_message){.role = role, .parts = &support.parts[i], .part_count = 1};
}

/* Features of a chat of one user turn. */
static inline void support_features(const char *text, struct features *features)
{
    support_reset();
    support_add(ROLE_USER, text);
    features_extract(&support.chat, features);
}

#endif
