/* SPDX-License-Identifier: Apache-2.0 */
/* Gemini: models/MODEL:generateContent and its kin. The base URL ends in "/v1beta". */
#include "dialect/gemini.h"

#include "dialect/decoder.h"
#include "dialect/rows.h"

const struct dialect dialect_gemini = {
    .name = "gemini",
    .operations = OPERATION_BIT(OPERATION_CHAT) | OPERATION_BIT(OPERATION_COMPLETION) |
                  OPERATION_BIT(OPERATION_EMBEDDING) | OPERATION_BIT(OPERATION_TOKEN_COUNT),
    .read_request = gemini_read,
    .write_error = gemini_write_error,
    .write_stream_error = gemini_write_stream_error,
    .write_answer = gemini_write_answer,
    .encoder_new = gemini_encoder_new,
    .encoder_free = gemini_encoder_free,
    .encode = gemini_encode,
    .unsaid = gemini_unsaid,
    .stream_content_type = SLICE_INIT("text/event-stream"),
    .wishes =
        {
            [WISH_MESSAGES] = "/contents /content /requests",
            [WISH_TOOLS] = "/tools",
            [WISH_TOOL_CHOICE] = "/toolConfig/functionCallingConfig",
            [WISH_CHOICES] = "/generationConfig/candidateCount",
            [WISH_STOP] = "/generationConfig/stopSequences",
            [WISH_FORMAT] = "/generationConfig/responseSchema /generationConfig/responseJsonSchema "
                            "/generationConfig/responseMimeType",
            [WISH_LOGPROBS] = "/generationConfig/responseLogprobs",
            [WISH_REASONING] = "/generationConfig/thinkingConfig",
        },
    .lacks = WISH_BIT(WISH_SUFFIX) | WISH_BIT(WISH_RAW) | WISH_BIT(WISH_TEMPLATE),
    .stops_max = 5,
    .write_path = gemini_write_path,
    .tool_name_marks = SLICE_INIT("_.:-"),
    .tool_name_max = 64,
    .tool_name_letter_first = true,
    .write_request = gemini_write_request,
    .edit_request = gemini_edit,
    .decoder_new = decoder_new,
    .decoder_free = decoder_free,
    .decoder_reset = decoder_reset,
    .decode = gemini_decode,
    .decode_end = gemini_decode_end,
    .decode_answer = gemini_decode_answer,
    .read_usage = gemini_read_usage,
    .read_error = gemini_read_error,
};
