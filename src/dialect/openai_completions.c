/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI Completions, the older form: /v1/completions, one prompt and, for editors, a suffix. */
#include "dialect/encoder.h"
#include "dialect/openai.h"
#include "dialect/rows.h"

static struct slice request_path(const struct chat *chat)
{
    (void)chat;
    return SLICE("/completions");
}

const struct dialect dialect_openai_completions = {
    .name = "openai-completions",
    .operations = OPERATION_BIT(OPERATION_COMPLETION),
    .read_request = openai_completions_read,
    .write_error = openai_write_error,
    .write_stream_error = openai_write_stream_error,
    .write_answer = openai_completions_write_answer,
    .encoder_new = openai_encoder_new,
    .encoder_free = openai_encoder_free,
    .encode = openai_completions_encode,
    .unsaid = openai_completions_unsaid,
    .stream_content_type = SLICE_INIT("text/event-stream"),
    .stream_comments = true,
    .wishes =
        {
            [WISH_MESSAGES] = "/prompt",
            [WISH_STREAM] = "/stream",
            [WISH_CHOICES] = "/n",
            [WISH_STOP] = "/stop",
            [WISH_LOGPROBS] = "/logprobs",
            [WISH_REASONING] = "/reasoning_effort /reasoning",
            [WISH_TOOLS] = "/tools /functions",
            [WISH_TOOL_CHOICE] = "/tool_choice",
            [WISH_FORMAT] = "/response_format/type",
            [WISH_SUFFIX] = "/suffix",
        },
    .lacks = WISH_BIT(WISH_TEMPLATE),
    .stops_max = 4,
    .request_path = request_path,
    .write_request = openai_write_prompt_request,
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
