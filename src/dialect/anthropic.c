/* SPDX-License-Identifier: Apache-2.0 */
/* Anthropic Messages: /v1/messages and /v1/messages/count_tokens. The base URL ends in "/v1". */
#include "dialect/anthropic.h"

#include "dialect/decoder.h"
#include "dialect/rows.h"

static struct slice request_path(const struct chat *chat)
{
    return chat->operation == OPERATION_TOKEN_COUNT ? SLICE("/messages/count_tokens")
                                                    : SLICE("/messages");
}

/* Not the headers that choose a workspace or a user's profile: those are the operator's, as the key
   is. */
static const struct slice passed_headers[] = {
    SLICE_INIT("anthropic-version"),
    SLICE_INIT("anthropic-beta"),
};

/* What we write ourselves may hold sampling parameters, which the API's second version
   (2026-10-21) refuses: it goes out under the first. A client's own version goes on with its own
   bytes. */
const struct dialect dialect_anthropic = {
    .name = "anthropic",
    .operations = OPERATION_BIT(OPERATION_CHAT) | OPERATION_BIT(OPERATION_COMPLETION) |
                  OPERATION_BIT(OPERATION_TOKEN_COUNT),
    .read_request = anthropic_read,
    .write_error = anthropic_write_error,
    .write_stream_error = anthropic_write_stream_error,
    .overloaded_status = 529,
    .write_answer = anthropic_write_answer,
    .encoder_new = anthropic_encoder_new,
    .encoder_free = anthropic_encoder_free,
    .encode = anthropic_encode,
    .usage_required = true,
    .unsaid = anthropic_unsaid,
    .stream_content_type = SLICE_INIT("text/event-stream"),
    .stream_comments = true,
    .error_ends_stream = true, /* Claude Code then asks again without `stream` */
    .stream_ping = SLICE_INIT("event: ping\ndata: {\"type\": \"ping\"}\n\n"),
    .wishes =
        {
            [WISH_MESSAGES] = "/messages",
            [WISH_STREAM] = "/stream",
            [WISH_TOOLS] = "/tools",
            [WISH_TOOL_CHOICE] = "/tool_choice",
            [WISH_STOP] = "/stop_sequences",
            [WISH_FORMAT] = "/output_config/format /output_format",
            [WISH_REASONING] = "/thinking /output_config/effort",
        },
    .lacks = WISH_BIT(WISH_CHOICES) | WISH_BIT(WISH_FORMAT) | WISH_BIT(WISH_SUFFIX) |
             WISH_BIT(WISH_RAW) | WISH_BIT(WISH_TEMPLATE),
    .stops_need_words = true,
    .request_path = request_path,
    .request_lines = SLICE_INIT("anthropic-version: 2023-06-01\r\n"),
    .passed_headers = passed_headers,
    .passed_header_count = ARRAY_LEN(passed_headers),
    .tool_name_marks = SLICE_INIT("_-"),
    .tool_name_max = 128,
    .write_request = anthropic_write,
    .edit_request = anthropic_edit,
    .decoder_new = decoder_new,
    .decoder_free = decoder_free,
    .decoder_reset = decoder_reset,
    .decode = anthropic_decode,
    .decode_end = anthropic_decode_end,
    .decode_answer = anthropic_decode_answer,
    .read_usage = anthropic_read_usage,
    .read_error = anthropic_read_error,
};
