/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI Chat: /v1/chat/completions. */
#include "dialect/encoder.h"
#include "dialect/openai.h"
#include "dialect/rows.h"

static struct slice request_path(const struct chat *chat)
{
    (void)chat;
    return SLICE("/chat/completions");
}

const struct dialect dialect_openai_chat = {
    .name = "openai-chat",
    .operations = OPERATION_BIT(OPERATION_CHAT) | OPERATION_BIT(OPERATION_COMPLETION),
    .read_request = openai_chat_read,
    .write_error = openai_write_error,
    .write_stream_error = openai_write_stream_error,
    .write_answer = openai_chat_write_answer,
    .encoder_new = openai_encoder_new,
    .encoder_free = openai_encoder_free,
    .encode = openai_chat_encode,
    .unsaid = openai_chat_unsaid,
    .stream_content_type = SLICE_INIT("text/event-stream"),
    .stream_comments = true,
    .wishes =
        {
            [WISH_MESSAGES] = "/messages",
            [WISH_STREAM] = "/stream",
            [WISH_TOOLS] = "/tools /functions",
            [WISH_TOOL_CHOICE] = "/tool_choice",
            [WISH_CHOICES] = "/n",
            [WISH_STOP] = "/stop",
            [WISH_FORMAT] = "/response_format/type",
            [WISH_LOGPROBS] = "/logprobs",
            [WISH_REASONING] = "/reasoning_effort /reasoning",
            [WISH_AUDIO] = "/audio",
        },
    .lacks = WISH_BIT(WISH_SUFFIX) | WISH_BIT(WISH_RAW) | WISH_BIT(WISH_TEMPLATE),
    .stops_max = 4,
    .request_path = request_path,
    .tool_name_marks = SLICE_INIT("_-"),
    .tool_name_max = 64,
    .write_request = openai_write_chat_request,
    .edit_request = openai_edit,
    .decoder_new = decoder_new,
    .decoder_free = decoder_free,
    .decoder_reset = decoder_reset,
    .decode = openai_decode,
    .decode_end = openai_decode_end,
    .decode_answer = openai_decode_answer,
    .read_usage = openai_read_usage,
    .read_error = openai_read_error,
};
