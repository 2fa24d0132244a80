/* SPDX-License-Identifier: Apache-2.0 */
/* Amazon Bedrock: Converse and ConverseStream. */
#include "dialect/bedrock.h"

#include "dialect/decoder.h"
#include "dialect/rows.h"

const struct dialect dialect_bedrock = {
    .name = "bedrock",
    .operations = OPERATION_BIT(OPERATION_CHAT) | OPERATION_BIT(OPERATION_COMPLETION),
    .stream_content_type = SLICE_INIT(EVENTSTREAM_CONTENT_TYPE),
    .write_path = bedrock_write_path,
    .lacks = WISH_BIT(WISH_CHOICES) | WISH_BIT(WISH_FORMAT) | WISH_BIT(WISH_SUFFIX) |
             WISH_BIT(WISH_RAW) | WISH_BIT(WISH_TEMPLATE),
    .stops_need_words = true,
    .tool_name_marks = SLICE_INIT("_-"),
    .tool_name_max = 64,
    .write_request = bedrock_write,
    .decoder_new = decoder_new,
    .decoder_free = decoder_free,
    .decoder_reset = decoder_reset,
    .decode = bedrock_decode,
    .decode_end = bedrock_decode_end,
    .decode_answer = bedrock_decode_answer,
    .read_usage = bedrock_read_usage,
    .read_error = bedrock_read_error,
};
