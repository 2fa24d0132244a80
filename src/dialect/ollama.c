/* SPDX-License-Identifier: Apache-2.0 */
/* Ollama: /api/chat, /api/generate for plain completions, /api/embed. The base URL ends before
 * "/api". */
#include "dialect/ollama.h"

#include "dialect/decoder.h"
#include "dialect/rows.h"

static struct slice request_path(const struct chat *chat)
{
    return chat->operation == OPERATION_COMPLETION  ? SLICE("/api/generate")
           : chat->operation == OPERATION_EMBEDDING ? SLICE("/api/embed")
                                                    : SLICE("/api/chat");
}

const struct dialect dialect_ollama = {
    .name = "ollama",
    .operations = OPERATION_BIT(OPERATION_CHAT) | OPERATION_BIT(OPERATION_COMPLETION) |
                  OPERATION_BIT(OPERATION_EMBEDDING),
    .read_request = ollama_read_request,
    .write_error = ollama_write_error,
    .write_stream_error = ollama_write_stream_error,
    .write_answer = ollama_write_answer,
    .encoder_new = ollama_encoder_new,
    .encoder_free = ollama_encoder_free,
    .encode = ollama_encode,
    .unsaid = ollama_unsaid,
    .edit_request = ollama_edit,
    .stream_content_type = SLICE_INIT("application/x-ndjson"),
    .wishes =
        {
            [WISH_MESSAGES] = "/messages /prompt /input",
            [WISH_STREAM] = "/stream",
            [WISH_TOOLS] = "/tools",
            [WISH_STOP] = "/options/stop",
            [WISH_FORMAT] = "/format",
            [WISH_LOGPROBS] = "/logprobs",
            [WISH_REASONING] = "/think",
            [WISH_SUFFIX] = "/suffix",
            [WISH_RAW] = "/raw",
            [WISH_TEMPLATE] = "/template /context",
        },
    .lacks = WISH_BIT(WISH_CHOICES) | WISH_BIT(WISH_TOOL_CHOICE),
    .request_path = request_path,
    .write_request = ollama_write_request,
    .decoder_new = decoder_new,
    .decoder_free = decoder_free,
    .decoder_reset = decoder_reset,
    .decode = ollama_decode,
    .decode_end = ollama_decode_end,
    .decode_answer = ollama_decode_answer,
    .read_usage = ollama_read_usage,
    .read_error = ollama_read_error,
};
