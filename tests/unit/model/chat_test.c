/* SPDX-License-Identifier: Apache-2.0 */
#include "model/chat.h"

#include "tests/tap.h"

static void counts_texts_and_arguments(void)
{
    struct chat_part parts[] = {
        {.kind = PART_TEXT, .text = SLICE("four")},
        {.kind = PART_TOOL_CALL, .arguments = SLICE("{\\\"a\\\":1}"), .name = SLICE("not counted")},
        {.kind = PART_IMAGE, .data = SLICE("AAAA")},
    };
    struct chat_message messages[] = {{.parts = parts, .part_count = 3},
                                      {.parts = parts, .part_count = 1}};
    struct chat chat = {.messages = messages, .message_count = 2, .suffix = SLICE("xy")};
    EXPECT_INT(chat_text_bytes(&chat), 4 + 9 + 4 + 2);
    chat = (struct chat){0};
    EXPECT_INT(chat_text_bytes(&chat), 0);
}

int main(void)
{
    TEST(counts_texts_and_arguments, "the size of a chat is that of its texts and arguments");
    return tap_done();
}
