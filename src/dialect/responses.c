/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI Responses: /v1/responses. */
#include "dialect/responses.h"

#include "dialect/decoder.h"
#include "dialect/openai.h"
#include "dialect/rows.h"

static struct slice request_path(const struct chat *chat)
{
    (void)chat;
    return SLICE("/responses");
}

const struct dialect dialect_openai_responses = {
    .name = "openai-responses",
    .operations = OPERATION_BIT(OPERATION_CHAT) | OPERATION_BIT(OPERATION_COMPLETION),
    .read_request = responses_read,
    .write_error = openai_write_error,
    .write_stream_error = responses_write_stream_error,
    .write_answer = responses_write_answer,
    .encoder_new = responses_encoder_new,
    .encoder_free = responses_encoder_free,
    .encode = responses_encode,
    .unsaid = responses_unsaid,
    .stream_content_type = SLICE_INIT("text/event-stream"),
    .stream_comments = true,
    .wishes =
        {
            [WISH_MESSAGES] = "/input",
            [WISH_STREAM] = "/stream",
            [WISH_TOOLS] = "/tools",
            [WISH_TOOL_CHOICE] = "/tool_choice",
            [WISH_FORMAT] = "/text/format",
            [WISH_LOGPROBS] = "/include /top_logprobs",
            [WISH_REASONING] = "/reasoning",
        },
    .lacks = WISH_BIT(WISH_CHOICES) | WISH_BIT(WISH_STOP) | WISH_BIT(WISH_SUFFIX) |
             WISH_BIT(WISH_RAW) | WISH_BIT(WISH_TEMPLATE),
    .request_path = request_path,
    .tool_name_marks = SLICE_INIT("_-"),
    .tool_name_max = 64,
    .write_request = responses_write_request,
    .edit_request = responses_edit,
    .decoder_new = decoder_new,
    .decoder_free = decoder_free,
    .decoder_reset = decoder_reset,
    .decode = responses_decode,
    .decode_end = responses_decode_end,
    .decode_answer = responses_decode_answer,
    .read_usage = openai_read_usage,
    .read_error = openai_read_error,
};
